"""Fit the method of a row to labelled windows: the one door to all methods.

Shape letters: V views, N windows, M windows of a part, L tokens, D width, F features, E experts,
K classes.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cluster.runs import digest
from cluster.storage import local_path
from finetune.centroid import NearestClassMean
from finetune.classifiers import EncoderClassifier, MixtureClassifier
from finetune.config import FinetuneConfig
from finetune.deepconvlstm import DeepConvLstm
from finetune.embeddings import pooled_tokens, window_embeddings
from finetune.expert_use import expert_use
from finetune.forest import forest, signal_features
from finetune.linear import linear
from finetune.prepare import CellData, frozen_tokens
from finetune.residual import Resnet
from finetune.rocket import rocket, rocket_features
from finetune.rows import Row
from finetune.scaling import Standardize
from finetune.svm import seglearn_features, svm
from finetune.training import TrainingConfig, TrainingData, fit, history_columns, predict
from finetune.zero_shot import PROMPTS_KEY, zero_shot_probabilities
from pretrain.encoders import ImuEncoder
from pretrain.model import build_imu_encoder
from pretrain.prompts import read_prompts

NETWORKS = ("classifier", "deepconvlstm", "resnet")
Probabilities = Callable[[np.ndarray], np.ndarray]
# What random encoders and random convolutions made of the windows that this process used last, by
# kind with its digest: cells of one seed share it.
_of_seed: dict[str, tuple[str, np.ndarray]] = {}


@dataclass(frozen=True)
class Problem:
    """What a method learns from: indices of labelled windows of training and validation people.

    `seed` decides all that is drawn at random but what never trains, the weights of a random
    encoder and ROCKET's kernels, which `encoder_seed` decides. The windows of test people are in
    `data`, too, but no method looks at others than these indices name.
    """

    data: CellData
    train_M: np.ndarray
    validation_M: np.ndarray
    experts: int
    seed: int
    encoder_seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """A fitted method: `predict` gives class probabilities (M, K) of the windows it is told.

    `history` holds one list for each column, empty for methods without epochs; `parameters`
    counts a network's weights, 0 for other methods; `details` is what else there is to report,
    as JSON holds it.
    """

    predict: Probabilities
    history: dict[str, list]
    parameters: int
    details: dict[str, Any] = field(default_factory=dict)


def fit_row(row: Row, problem: Problem, config: FinetuneConfig) -> Fitted:
    """Fit a row's method; leaves torch's global random state as it was.

    All learn from the windows of training and validation people together, but for networks with
    `training.early_stopping`, which learn from the former and stop by the latter. Raises
    `training.DivergedError` for a loss that is not finite.
    """
    if row.method in NETWORKS:
        return _fit_network(row, problem, config)
    if row.method == "zero_shot":
        return Fitted(_zero_shot(problem), history_columns([]), 0)
    return Fitted(_fit_estimator(row, problem, config), history_columns([]), 0)


def learned_windows(row: Row, problem: Problem, training: TrainingConfig) -> np.ndarray:
    """Return the indices of the labelled windows that a row's method learns from."""
    if row.method in NETWORKS and training.early_stopping:
        return problem.train_M
    return np.concatenate([problem.train_M, problem.validation_M])


def build_model(row: Row, problem: Problem, config: FinetuneConfig) -> nn.Module:
    """Return the untrained network of a row; statistics come from the training windows alone."""
    data = problem.data
    classes = len(data.windows.label_names)
    if row.method == "deepconvlstm":
        return DeepConvLstm(_standardize(problem), classes, config.deepconvlstm)
    if row.method == "resnet":
        return Resnet(_standardize(problem), classes, config.resnet)
    encoders = _encoders(row, problem)
    token_width = next(iter(encoders.values())).width
    experts = problem.experts if row.mixture else 0
    classifier_config = replace(config.classifier, experts=experts)
    classifier = MixtureClassifier(token_width, classes, classifier_config)
    return EncoderClassifier(encoders, classifier, frozen=row.schedule != "start")


def settings_of(row: Row, config: FinetuneConfig) -> dict[str, Any]:
    """Return, as JSON holds it, the settings that a row depends on, beside those of a cell."""
    if row.method == "zero_shot":
        prompts = read_prompts(local_path(config.zero_shot.prompts), PROMPTS_KEY)
        return {"prompts": prompts, "text": asdict(config.zero_shot.text)}
    if row.method not in NETWORKS:
        return {}
    return {
        "training": _without(config.training, _unused_of_training(row, config.training)),
        "model": _without(getattr(config, row.method), _unused_of_model(row, config)),
    }


def _without(settings: Any, unused: Iterable[str]) -> dict[str, Any]:
    left_out = set(unused)
    return {key: value for key, value in asdict(settings).items() if key not in left_out}


def _unused_of_model(row: Row, config: FinetuneConfig) -> Iterator[str]:
    if row.method != "classifier":
        return
    yield "experts"  # the cell's own
    if not row.mixture:
        yield from ("expert_width", "gate")
    if not row.mixture or config.classifier.gate != "top_k":
        yield "k"


def _unused_of_training(row: Row, training: TrainingConfig) -> Iterator[str]:
    if not row.sees_views:
        yield "views"
    if row.schedule != "plateau":
        yield "encoder_rate_factor"
    if row.schedule != "plateau" or not training.early_stopping:
        yield "unfreeze_patience"
    if not training.early_stopping:
        yield "patience"


def _fit_network(row: Row, problem: Problem, config: FinetuneConfig) -> Fitted:
    tensors = _tensors(row, problem, config)
    validation_M = torch.from_numpy(problem.validation_M)
    with torch.random.fork_rng():
        torch.manual_seed(problem.seed)
        model = build_model(row, problem, config)
        history = fit(
            model,
            tensors,
            torch.from_numpy(problem.train_M),
            validation_M,
            config.training,
            thaws=row.schedule == "plateau",
        )

    def probabilities(windows_M: np.ndarray) -> np.ndarray:
        return predict(model, tensors, torch.from_numpy(windows_M)).softmax(1).numpy()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    details = {}
    if row.mixture:
        assert isinstance(model, EncoderClassifier)
        classes = len(problem.data.windows.label_names)
        details["experts"] = expert_use(model, tensors, validation_M, classes)
    return Fitted(probabilities, history_columns(history), parameters, details)


def _fit_estimator(row: Row, problem: Problem, config: FinetuneConfig) -> Probabilities:
    """Fit a scikit-learn estimator on the windows of training and validation people together."""
    windows = problem.data.windows
    features_NF = _features(row, problem, config)
    learned_M = learned_windows(row, problem, config.training)
    temperature = problem.data.model_config.losses.temperature
    make: dict[str, Callable[[], Any]] = {
        "forest": partial(forest, problem.seed % 2**32),
        "svm": svm,
        "rocket": rocket,
        "linear": linear,
        "centroid": partial(NearestClassMean, temperature),
    }
    estimator = make[row.method]()
    estimator.fit(features_NF[learned_M], windows.labels_N[learned_M])

    def probabilities(windows_M: np.ndarray) -> np.ndarray:
        # A class without a labelled window is never the answer.
        probabilities_MK = np.zeros((len(windows_M), len(windows.label_names)), np.float32)
        probabilities_MK[:, estimator.classes_] = estimator.predict_proba(features_NF[windows_M])
        return probabilities_MK

    return probabilities


def _features(row: Row, problem: Problem, config: FinetuneConfig) -> np.ndarray:
    """Return what an estimator reads of each window, (N, F); nothing in it is fitted."""
    data = problem.data
    windows = data.windows
    if row.method == "forest":
        return signal_features(windows.signals_NTWC, windows.present_NWC)
    if row.method == "svm":
        return seglearn_features(windows.signals_NTWC, windows.present_NWC)
    if row.method == "rocket":
        name = digest([windows.digest, problem.encoder_seed])
        return _once_a_seed(
            "rocket",
            name,
            lambda: rocket_features(
                windows.signals_NTWC, windows.present_NWC, problem.encoder_seed
            ),
        )
    if row.method == "centroid":
        return window_embeddings(data.tokens_VNLD[0], windows.present_NWC, data.encoders).reshape(
            len(windows), -1
        )
    return pooled_tokens(_frozen_tokens(row, problem, config)[0], _encoders(row, problem))


def _zero_shot(problem: Problem) -> Probabilities:
    data = problem.data
    classes_KE, present_NWC = data.classes_KE, data.windows.present_NWC
    assert classes_KE is not None, "`prepare` embeds the classes where row zero_shot is wanted"
    embeddings_NWE = window_embeddings(data.tokens_VNLD[0], present_NWC, data.encoders)
    temperature = data.model_config.losses.temperature
    return lambda windows_M: zero_shot_probabilities(
        embeddings_NWE[windows_M], classes_KE, temperature
    )


def _standardize(problem: Problem) -> Standardize:
    windows, train_M = problem.data.windows, torch.from_numpy(problem.train_M)
    signals = torch.from_numpy(windows.signals_NTWC)[train_M]
    return Standardize(signals, torch.from_numpy(windows.present_NWC)[train_M])


def _encoders(row: Row, problem: Problem) -> dict[str, ImuEncoder]:
    data = problem.data
    if row.weights == "pretrained":
        return copy.deepcopy(data.encoders)
    if row.schedule != "frozen":
        return {name: build_imu_encoder(data.model_config) for name in data.encoders}
    with torch.random.fork_rng():
        torch.manual_seed(problem.encoder_seed)
        return {name: build_imu_encoder(data.model_config).eval() for name in data.encoders}


def _frozen_tokens(row: Row, problem: Problem, config: FinetuneConfig) -> np.ndarray:
    """Return tokens (1 + V, N, L, D) of all windows and their variations by the row's encoders.

    The encoders are as they are before training.
    """
    data = problem.data
    if row.weights == "pretrained":
        return data.tokens_VNLD
    variation, views = config.training.augment, config.training.views if row.sees_views else 0
    name = digest(
        [
            data.windows.digest,
            asdict(data.model_config),
            sorted(data.encoders),
            problem.encoder_seed,
            asdict(variation),
            views,
        ]
    )
    return _once_a_seed(
        f"tokens of {views} views",
        name,
        lambda: frozen_tokens(data.windows, _encoders(row, problem), variation, views),
    )


def _once_a_seed(kind: str, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what `compute` gives, or gave when this process last asked for this kind and name."""
    if _of_seed.get(kind, ("",))[0] != name:
        _of_seed.pop(kind, None)  # before the new one is made, to hold one of them at a time
        _of_seed[kind] = name, compute()
    return _of_seed[kind][1]


def _tensors(row: Row, problem: Problem, config: FinetuneConfig) -> TrainingData:
    windows = problem.data.windows
    tokens: Tensor | None = None
    if row.weights != "none" and row.schedule != "start":
        tokens = torch.from_numpy(_frozen_tokens(row, problem, config))
    return TrainingData(
        signals_NTWC=torch.from_numpy(windows.signals_NTWC),
        present_NWC=torch.from_numpy(windows.present_NWC),
        labels_N=torch.from_numpy(windows.labels_N),
        tokens_VNLD=tokens,
    )
