"""A cell of the table: one row trained on one fold with one seed.

`run_cell` depends on its arguments alone and these can be pickled, so it runs in any process on
any machine. Shape letters: N windows, M windows of a part, L tokens, D width, K classes.
"""

import copy
import hashlib
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from cluster.runs import digest, seed_from
from finetune import classifiers, deepconvlstm, scaling, training
from finetune.classifiers import EncoderClassifier, MixtureClassifier, encode_windows
from finetune.config import FinetuneConfig
from finetune.deepconvlstm import DeepConvLstm
from finetune.folds import make_folds, take_share, windows_of
from finetune.rows import Row, find_row
from finetune.scaling import Standardize
from finetune.scores import score, score_people
from finetune.targets.recording import WRISTS
from finetune.training import TrainingData, fit, history_columns, predict
from finetune.windows import Windows
from pretrain import encoders as pretrained_encoders
from pretrain.encoders import ImuEncoder
from pretrain.model import ModelConfig, build_imu_encoder

# A change in one of these makes stored results stale; the windows have a digest of their own.
DECIDING_MODULES = (classifiers, deepconvlstm, scaling, training, pretrained_encoders)
ENCODING_BATCH = 128


@dataclass(frozen=True)
class Cell:
    """What is trained: a row, on a fold, with a seed, experts and a share of the labels."""

    row: str
    fold: int
    seed: int
    experts: int
    label_share: float = 1.0


@dataclass(frozen=True)
class CellData:
    """What all cells share.

    `encoders` are the pre-trained ones of the wrists in use, `tokens_NLD` what they make of the
    windows, `release` a digest of their weights.
    """

    windows: Windows
    encoders: dict[str, ImuEncoder]
    tokens_NLD: np.ndarray
    model_config: ModelConfig
    release: str


def wrists_in_use(windows: Windows) -> list[str]:
    """Return the wrists that any window has."""
    return [name for wrist, name in enumerate(WRISTS) if windows.present_NWC[:, wrist].any()]


@torch.inference_mode()
def frozen_tokens(windows: Windows, encoders: dict[str, ImuEncoder]) -> np.ndarray:
    """Return tokens (N, L, D) of all windows by encoders in evaluation mode."""
    for encoder in encoders.values():
        encoder.eval()
    signals = torch.from_numpy(windows.signals_NTWC).split(ENCODING_BATCH)
    present = torch.from_numpy(windows.present_NWC).split(ENCODING_BATCH)
    parts = [encode_windows(encoders, s, p) for s, p in zip(signals, present, strict=True)]
    return torch.cat(parts).numpy()


def cell_digest(cell: Cell, config: FinetuneConfig, data: CellData) -> str:
    """Return the name of a cell's result: a digest of everything that decides it."""
    row = find_row(cell.row)
    weights = {"pretrained": data.release, "random": asdict(data.model_config), "none": None}
    return digest(
        {
            "cell": asdict(cell),
            "folds": asdict(config.folds),
            "training": asdict(config.training),
            "model": asdict(config.deepconvlstm if row.weights == "none" else config.classifier),
            "windows": data.windows.digest,
            "weights": weights[row.weights],
            "code": [_source_digest(module) for module in DECIDING_MODULES],
        }
    )


def run_cell(cell: Cell, config: FinetuneConfig, data: CellData) -> dict:
    """Train and test one cell; return scores, history and predictions as JSON holds them.

    Test people are looked at once, after the weights are chosen.
    """
    started = time.monotonic()
    row = find_row(cell.row)
    windows = data.windows
    folds = make_folds(windows.subjects_N, windows.labels_N, config.folds, cell.seed)
    fold = folds[cell.fold]
    train_M = windows_of(windows.subjects_N, fold.train)
    if cell.label_share < 1:
        train_M = train_M[take_share(windows.labels_N[train_M], cell.label_share, cell.seed)]
    validation_M = windows_of(windows.subjects_N, fold.validation)
    test_M = windows_of(windows.subjects_N, fold.test)
    tensors = _tensors(data, row)
    with torch.random.fork_rng():
        torch.manual_seed(seed_from("cell", cell.row, cell.fold, cell.seed))
        model = build_model(cell, config, data, torch.from_numpy(train_M))
        history = fit(
            model,
            tensors,
            torch.from_numpy(train_M),
            torch.from_numpy(validation_M),
            config.training,
            thaws=row.schedule == "plateau",
        )
    predicted_M = predict(model, tensors, torch.from_numpy(test_M)).argmax(1).numpy()
    true_M, classes = windows.labels_N[test_M], len(windows.label_names)
    people = score_people(true_M, predicted_M, windows.subjects_N[test_M], classes)
    return {
        "cell": asdict(cell),
        "people": asdict(fold),
        "scores": asdict(score(true_M, predicted_M, classes)),
        "scores_by_person": {name: asdict(scores) for name, scores in people.items()},
        "history": history_columns(history),
        "windows": {"train": len(train_M), "validation": len(validation_M), "test": len(test_M)},
        "predicted": predicted_M.tolist(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": time.monotonic() - started,
    }


def build_model(cell: Cell, config: FinetuneConfig, data: CellData, train_M: Tensor) -> nn.Module:
    """Return the untrained network of a cell; statistics come from the training windows alone."""
    row = find_row(cell.row)
    windows = data.windows
    classes = len(windows.label_names)
    if row.weights == "none":
        signals = torch.from_numpy(windows.signals_NTWC)[train_M]
        standardize = Standardize(signals, torch.from_numpy(windows.present_NWC)[train_M])
        return DeepConvLstm(standardize, classes, config.deepconvlstm)
    encoders = _encoders(row, data)
    token_width = next(iter(encoders.values())).width
    classifier_config = replace(config.classifier, experts=cell.experts)
    classifier = MixtureClassifier(token_width, classes, classifier_config)
    return EncoderClassifier(encoders, classifier, frozen=row.schedule != "start")


def _encoders(row: Row, data: CellData) -> dict[str, ImuEncoder]:
    if row.weights == "pretrained":
        return copy.deepcopy(data.encoders)
    return {name: build_imu_encoder(data.model_config) for name in data.encoders}


def _tensors(data: CellData, row: Row) -> TrainingData:
    windows = data.windows
    return TrainingData(
        signals_NTWC=torch.from_numpy(windows.signals_NTWC),
        present_NWC=torch.from_numpy(windows.present_NWC),
        labels_N=torch.from_numpy(windows.labels_N),
        tokens_NLD=torch.from_numpy(data.tokens_NLD) if row.weights == "pretrained" else None,
    )


def _source_digest(module: ModuleType) -> str:
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()[:16]
