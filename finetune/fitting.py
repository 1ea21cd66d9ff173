"""Fit the method of a row to labelled windows: the one door to all methods.

Shape letters: N windows, M windows of a part, K classes.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finetune.classifiers import EncoderClassifier, MixtureClassifier
from finetune.config import FinetuneConfig
from finetune.deepconvlstm import DeepConvLstm
from finetune.prepare import CellData
from finetune.rows import Row
from finetune.scaling import Standardize
from finetune.training import TrainingData, fit, history_columns, predict
from pretrain.encoders import ImuEncoder
from pretrain.model import build_imu_encoder


@dataclass(frozen=True)
class Problem:
    """What a method learns from: indices of labelled windows of training and validation people.

    `seed` decides all that is drawn at random. The windows of test people are in `data`, too, but
    no method looks at others than these indices name.
    """

    data: CellData
    train_M: np.ndarray
    validation_M: np.ndarray
    experts: int
    seed: int


@dataclass(frozen=True)
class Fitted:
    """A fitted method: `predict` gives class probabilities (M, K) of the windows it is told.

    `history` holds one list for each column, empty for methods without epochs; `details` is what
    else there is to report, as JSON holds it.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    history: dict[str, list]
    parameters: int
    details: dict[str, Any] = field(default_factory=dict)


def fit_row(row: Row, problem: Problem, config: FinetuneConfig) -> Fitted:
    """Fit a row's method; leaves torch's global random state as it was.

    Raises `training.DivergedError` for a loss that is not finite.
    """
    tensors = _tensors(problem.data, row)
    with torch.random.fork_rng():
        torch.manual_seed(problem.seed)
        model = build_model(row, problem, config)
        history = fit(
            model,
            tensors,
            torch.from_numpy(problem.train_M),
            torch.from_numpy(problem.validation_M),
            config.training,
            thaws=row.schedule == "plateau",
        )

    def probabilities(windows_M: np.ndarray) -> np.ndarray:
        return predict(model, tensors, torch.from_numpy(windows_M)).softmax(1).numpy()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Fitted(probabilities, history_columns(history), parameters)


def build_model(row: Row, problem: Problem, config: FinetuneConfig) -> nn.Module:
    """Return the untrained network of a row; statistics come from the training windows alone."""
    data = problem.data
    classes = len(data.windows.label_names)
    if row.weights == "none":
        return DeepConvLstm(_standardize(problem), classes, config.deepconvlstm)
    encoders = _encoders(row, data)
    token_width = next(iter(encoders.values())).width
    classifier_config = replace(config.classifier, experts=problem.experts)
    classifier = MixtureClassifier(token_width, classes, classifier_config)
    return EncoderClassifier(encoders, classifier, frozen=row.schedule != "start")


def _standardize(problem: Problem) -> Standardize:
    windows, train_M = problem.data.windows, torch.from_numpy(problem.train_M)
    signals = torch.from_numpy(windows.signals_NTWC)[train_M]
    return Standardize(signals, torch.from_numpy(windows.present_NWC)[train_M])


def _encoders(row: Row, data: CellData) -> dict[str, ImuEncoder]:
    if row.weights == "pretrained":
        return copy.deepcopy(data.encoders)
    return {name: build_imu_encoder(data.model_config) for name in data.encoders}


def _tensors(data: CellData, row: Row) -> TrainingData:
    windows = data.windows
    tokens: Tensor | None = None
    if row.weights == "pretrained":
        tokens = torch.from_numpy(data.tokens_NLD)
    return TrainingData(
        signals_NTWC=torch.from_numpy(windows.signals_NTWC),
        present_NWC=torch.from_numpy(windows.present_NWC),
        labels_N=torch.from_numpy(windows.labels_N),
        tokens_NLD=tokens,
    )
