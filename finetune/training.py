"""Train one network on one fold, the same way for every row.

Shape letters: V views, N all windows, M windows of a part, B batch, T frames, W wrists,
C channels, L tokens, D width, K classes.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.best_weights import BestWeights
from finetune.classifiers import EncoderClassifier, encode_windows
from finetune.continuation import Continuation
from finetune.scores import score
from finetune.variation import varied
from pretrain.augment import AugmentConfig

EVALUATION_BATCH = 256


@dataclass
class TrainingConfig:
    """The recipe of all rows.

    The rate rises over the first `warmup` epochs and falls to zero as a cosine over `epochs`.
    `gradient_norm` clips.

    Networks learn for all `epochs` from all labelled windows, those of validation people as well,
    and keep their last weights; an encoder that waits is set free after a quarter of the epochs.
    With `early_stopping` validation people decide: training ends after `patience` epochs without
    a lower validation loss, the weights of the lowest are kept, and an encoder that waits is set
    free after `unfreeze_patience` such epochs. Set free, it trains at `encoder_rate_factor` times
    the rate.

    An epoch has at least `least_batches` batches: few windows are gone through more often.
    Training windows are varied by `augment` whenever they are seen; an encoder that does not
    train sees each in `views` variations, made once.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    encoder_rate_factor: float = 0.3
    warmup: float = 1.0
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    gradient_norm: float = 1.0
    early_stopping: bool = False
    patience: int = 12
    unfreeze_patience: int = 3
    least_batches: int = 40
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            rotation=25.0, accelerometer_noise=0.3, gyroscope_noise=0.06, time_warp=0.1
        )
    )
    views: int = 4


@dataclass(frozen=True)
class TrainingData:
    """All windows as tensors.

    `tokens_VNLD` is what a frozen encoder makes of them: first of the windows as they are, then of
    their variations.
    """

    signals_NTWC: Tensor
    present_NWC: Tensor
    labels_N: Tensor
    tokens_VNLD: Tensor | None = None


@dataclass(frozen=True)
class Epoch:
    """One line of a training's history; what no validation window tells is None."""

    epoch: int
    rate: float
    train_loss: float
    validation_loss: float | None
    validation_macro_f1: float | None
    encoder_trains: bool


class DivergedError(Exception):
    """The loss is not finite."""


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Take numbers too small for a float's full precision as zero, as GPUs do.

    Gradients that vanish over the time of an LSTM become such numbers, with which processors
    reckon ten times as slowly.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@denormals_as_zero()
def fit(
    model: nn.Module,
    data: TrainingData,
    train_M: Tensor,
    validation_M: Tensor,
    config: TrainingConfig,
    thaws: bool,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    continuation: Continuation | None = None,
) -> list[Epoch]:
    """Train `model` in place, as TrainingConfig says; return one line for each epoch.

    Without early stopping, `validation_M` is learned from like `train_M`. `thaws` sets a frozen
    encoder free on the way. `on_epoch` is told of each epoch. With a `continuation` the epochs
    that it knows of are not trained again. Draws from torch's global random state. Raises
    DivergedError for a loss that is not finite.
    """
    best = BestWeights(model) if config.early_stopping else None
    if best is None:
        train_M = torch.cat([train_M, validation_M])
    state = _State(model, _optimizer(model, config), best, [])
    if continuation is not None and (saved := continuation.load()) is not None:
        state.restore(saved, config)
    while len(state.history) < config.epochs and not state.ends(config):
        number = len(state.history)
        train_loss = _train_epoch(model, data, train_M, state.optimizer, config, number)
        rate, trains = state.optimizer.param_groups[0]["lr"], not _waits(model)
        loss = macro_f1 = None
        if best is not None:
            loss, macro_f1 = _validate(model, data, validation_M)
            best.compare(loss)
        state.history.append(Epoch(number, rate, train_loss, loss, macro_f1, trains))
        if thaws and not trains and state.frees(config):
            if best is not None:
                best.restore()
            _thaw(model, state.optimizer, config)
        if continuation is not None:
            continuation.save(state.saved())
        on_epoch(state.history[-1])
    if best is not None:
        best.restore()
    return state.history


@dataclass
class _State:
    """All that changes from epoch to epoch, but for the random state."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    best: BestWeights | None
    history: list[Epoch]

    def frees(self, config: TrainingConfig) -> bool:
        """Whether an encoder that waits has waited long enough."""
        if self.best is None:
            return 4 * len(self.history) >= config.epochs
        return self.best.stale_epochs >= config.unfreeze_patience

    def ends(self, config: TrainingConfig) -> bool:
        """Whether validation people say that it is enough."""
        return self.best is not None and self.best.stale_epochs >= config.patience

    def saved(self) -> dict[str, Any]:
        """Return it as tensors and plain values."""
        best = self.best
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": best and (best.lowest, best.weights, best.stale_epochs),
            "history": [asdict(epoch) for epoch in self.history],
            "waits": _waits(self.model),
        }

    def restore(self, saved: dict[str, Any], config: TrainingConfig) -> None:
        """Take the place of the state that was saved."""
        self.history.extend(Epoch(**epoch) for epoch in saved["history"])
        if _waits(self.model) and not saved["waits"]:
            _thaw(self.model, self.optimizer, config)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.best is not None:
            self.best.lowest, self.best.weights, self.best.stale_epochs = saved["best"]


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [{"params": [p for p in model.parameters() if p.requires_grad], "factor": 1.0}],
        weight_decay=config.weight_decay,
        fused=True,
    )


@torch.inference_mode()
def predict(model: nn.Module, data: TrainingData, windows_M: Tensor) -> Tensor:
    """Return class scores (M, K) of some windows."""
    model.eval()
    return torch.cat([_forward(model, data, part) for part in windows_M.split(EVALUATION_BATCH)])


def tokens_of(model: EncoderClassifier, data: TrainingData, batch_B: Tensor) -> Tensor:
    """Return the tokens (B, L, D) of some windows, those that are stored where they still hold."""
    if model.frozen and data.tokens_VNLD is not None:
        return data.tokens_VNLD[0, batch_B]
    return encode_windows(model.encoders, data.signals_NTWC[batch_B], data.present_NWC[batch_B])


def learning_rate(config: TrainingConfig, epochs_done: float) -> float:
    """Return the rate after that many epochs: a linear rise, then half a cosine down to zero."""
    if epochs_done < config.warmup:
        return config.learning_rate * epochs_done / config.warmup
    share = (epochs_done - config.warmup) / max(config.epochs - config.warmup, 1e-9)
    return config.learning_rate * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def history_columns(history: list[Epoch]) -> dict[str, list]:
    """Return the history by column; empty columns for a method without epochs."""
    names = [field.name for field in fields(Epoch)]
    return {name: [getattr(epoch, name) for epoch in history] for name in names}


def _train_epoch(
    model: nn.Module,
    data: TrainingData,
    train_M: Tensor,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    number: int,
) -> float:
    model.train()
    batches = _batches(train_M, config)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    total = 0.0
    for step, batch_B in enumerate(batches):
        rate = learning_rate(config, number + (step + 1) / len(batches))
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        loss = functional.cross_entropy(
            _forward_varied(model, data, batch_B, config.augment),
            data.labels_N[batch_B],
            label_smoothing=config.label_smoothing,
        )
        value = loss.item()
        if not math.isfinite(value):
            raise DivergedError(f"the training loss is {value} in epoch {number}")
        if isinstance(model, EncoderClassifier):
            loss = loss + model.take_penalty()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, config.gradient_norm, foreach=True)
        optimizer.step()
        total += value
    return total / len(batches)


def _batches(train_M: Tensor, config: TrainingConfig) -> list[Tensor]:
    """Return shuffled batches of nearly equal size, none so small that BatchNorm fails."""
    windows = len(train_M)
    batches = max(1, round(windows / config.batch_size))
    rounds = -(-config.least_batches // batches)
    order = torch.cat([torch.randperm(windows) for _ in range(rounds)])
    return list(train_M[order].tensor_split(rounds * batches))


def _forward_varied(
    model: nn.Module, data: TrainingData, batch_B: Tensor, variation: AugmentConfig
) -> Tensor:
    present_BWC = data.present_NWC[batch_B]
    if isinstance(model, EncoderClassifier) and model.frozen and data.tokens_VNLD is not None:
        views = len(data.tokens_VNLD)
        view_B = torch.randint(views, batch_B.shape) if views > 1 else torch.zeros_like(batch_B)
        return model.classify(data.tokens_VNLD[view_B, batch_B], present_BWC)
    return model(varied(data.signals_NTWC[batch_B], present_BWC, variation), present_BWC)


def _forward(model: nn.Module, data: TrainingData, batch_B: Tensor) -> Tensor:
    present_BWC = data.present_NWC[batch_B]
    if isinstance(model, EncoderClassifier):
        return model.classify(tokens_of(model, data, batch_B), present_BWC)
    return model(data.signals_NTWC[batch_B], present_BWC)


def _validate(model: nn.Module, data: TrainingData, windows_M: Tensor) -> tuple[float, float]:
    logits_MK, labels_M = predict(model, data, windows_M), data.labels_N[windows_M]
    loss = functional.cross_entropy(logits_MK, labels_M).item()
    if not math.isfinite(loss):
        raise DivergedError(f"the validation loss is {loss}")
    scores = score(labels_M.numpy(), logits_MK.argmax(1).numpy(), logits_MK.shape[1])
    return loss, scores.macro_f1


def _waits(model: nn.Module) -> bool:
    return isinstance(model, EncoderClassifier) and model.frozen


def _thaw(model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainingConfig) -> None:
    assert isinstance(model, EncoderClassifier)
    model.set_frozen(False)
    optimizer.add_param_group(
        {"params": list(model.encoders.parameters()), "factor": config.encoder_rate_factor}
    )
