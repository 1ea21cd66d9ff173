"""The recipe that all rows share.

Shape letters: N windows, L tokens, D width.
"""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from finetune.classifiers import EncoderClassifier, MixtureClassifier, encode_windows
from finetune.training import (
    DivergedError,
    Epoch,
    TrainingConfig,
    TrainingData,
    _batches,
    fit,
    learning_rate,
    predict,
)
from pretrain.augment import AugmentConfig
from tests.finetune.test_models import SMALL, StubEncoder

CONFIG = TrainingConfig(
    epochs=6,
    batch_size=16,
    learning_rate=5e-3,
    label_smoothing=0.0,
    warmup=0.5,
    early_stopping=True,
    least_batches=1,
    augment=AugmentConfig(),
    views=0,
)


def data(count: int = 96) -> TrainingData:
    """Three classes, told apart by the frequency of all channels."""
    torch.manual_seed(1)
    labels_N = torch.arange(count) % 3
    time_T = torch.arange(60) / 60
    phase_N = 2 * math.pi * torch.rand(count)
    wave_NT = torch.sin(2 * math.pi * (1 + 2 * labels_N[:, None]) * time_T + phase_N[:, None])
    signals_NTWC = torch.zeros(count, 60, 2, 6)
    signals_NTWC[:, :, 0] = wave_NT[..., None] + 0.1 * torch.randn(count, 60, 6)
    present_NWC = torch.zeros(count, 2, 6, dtype=torch.bool)
    present_NWC[:, 0] = True
    return TrainingData(signals_NTWC, present_NWC, labels_N)


def model(frozen: bool) -> EncoderClassifier:
    torch.manual_seed(2)
    return EncoderClassifier({"left": StubEncoder()}, MixtureClassifier(8, 3, SMALL), frozen)


def validation_losses(history: list[Epoch]) -> list[float]:
    return [loss for epoch in history if (loss := epoch.validation_loss) is not None]


TRAIN, VALIDATION = torch.arange(64), torch.arange(64, 96)


def test_denormals_are_zero_while_a_network_learns_and_only_then() -> None:
    def smallest() -> float:
        return (torch.tensor([1e-30]) * 1e-10).item()

    seen: list[float] = []
    fit(
        model(frozen=False),
        data(),
        TRAIN,
        VALIDATION,
        replace(CONFIG, epochs=2),
        thaws=False,
        on_epoch=lambda _: seen.append(smallest()),
    )
    assert seen == [0.0, 0.0]
    assert smallest() == pytest.approx(1e-40)


def test_a_network_learns_and_keeps_the_weights_of_its_best_epoch() -> None:
    given, network = data(), model(frozen=False)
    history = fit(network, given, TRAIN, VALIDATION, replace(CONFIG, epochs=15), thaws=False)
    losses = validation_losses(history)
    assert losses[-1] < 0.7 * losses[0]
    scores = predict(network, given, VALIDATION)
    loss = functional.cross_entropy(scores, given.labels_N[VALIDATION]).item()
    assert loss == pytest.approx(min(losses), rel=1e-5)
    assert history[losses.index(min(losses))].validation_macro_f1 == pytest.approx(
        (scores.argmax(1) == given.labels_N[VALIDATION]).float().mean().item(), abs=0.1
    )


def test_training_stops_when_the_validation_loss_no_longer_falls() -> None:
    given, network = data(), model(frozen=False)
    misled = replace(given, labels_N=given.labels_N.clone())
    misled.labels_N[VALIDATION] = (misled.labels_N[VALIDATION] + 1) % 3
    config = replace(CONFIG, epochs=40, patience=3, learning_rate=2e-2)
    history = fit(network, misled, TRAIN, VALIDATION, config, thaws=False)
    losses = validation_losses(history)
    assert len(history) < 40
    assert len(history) == losses.index(min(losses)) + 1 + config.patience


def test_an_encoder_waits_for_the_first_plateau_and_then_trains_at_a_lower_rate() -> None:
    given, network = data(), model(frozen=True)
    nn.init.zeros_(network.encoders["left"].token.weight)  # nothing to learn until it trains
    config = replace(CONFIG, epochs=25, unfreeze_patience=2, patience=50, learning_rate=2e-2)
    rates: list[list[float]] = []
    real_step = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: object) -> object:
        rates.append([group["lr"] for group in self.param_groups])
        return real_step(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", step)
        history = fit(network, given, TRAIN, VALIDATION, config, thaws=True)
    freed = [epoch.encoder_trains for epoch in history].index(True)
    losses = validation_losses(history[:freed])
    assert losses.index(min(losses)) == freed - 1 - config.unfreeze_patience
    assert all(epoch.encoder_trains for epoch in history[freed:])
    assert all(len(groups) == 1 for groups in rates[: 4 * freed])
    assert all(
        groups[1] == pytest.approx(config.encoder_rate_factor * groups[0])
        for groups in rates[4 * freed :]
    )
    assert min(validation_losses(history[freed:])) < 0.9 * min(losses)
    assert network.encoders["left"].token.weight.abs().max() > 0


def test_a_frozen_row_leaves_its_encoder_bit_for_bit() -> None:
    given, network = data(), model(frozen=True)
    before = copy.deepcopy(network.encoders.state_dict())
    history = fit(network, given, TRAIN, VALIDATION, CONFIG, thaws=False)
    assert not any(epoch.encoder_trains for epoch in history)
    for name, value in network.encoders.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_stored_tokens_train_the_same_classifier_as_signals() -> None:
    given = data()
    first, second = model(frozen=True), model(frozen=True)
    tokens_NLD = encode_windows(first.encoders.eval(), given.signals_NTWC, given.present_NWC)
    stored = replace(given, tokens_VNLD=tokens_NLD.detach()[None])
    torch.manual_seed(3)
    from_signals = fit(first, given, TRAIN, VALIDATION, CONFIG, thaws=False)
    torch.manual_seed(3)
    from_tokens = fit(second, stored, TRAIN, VALIDATION, CONFIG, thaws=False)
    for one, other in zip(from_signals, from_tokens, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    given = data()
    given.signals_NTWC[5, 3, 0, 2] = math.nan
    with pytest.raises(DivergedError, match="training loss is nan in epoch 0"):
        fit(model(frozen=False), given, TRAIN, VALIDATION, CONFIG, thaws=False)


def test_the_rate_rises_and_falls_to_zero() -> None:
    config = TrainingConfig(epochs=10, learning_rate=2.0, warmup=2.0)
    assert learning_rate(config, 1.0) == pytest.approx(1.0)
    assert learning_rate(config, 2.0) == pytest.approx(2.0)
    assert learning_rate(config, 6.0) == pytest.approx(1.0)
    assert learning_rate(config, 10.0) == pytest.approx(0.0)


def test_few_windows_are_gone_through_more_often() -> None:
    config = replace(CONFIG, batch_size=4, least_batches=16)
    few, many = torch.tensor([3, 8, 9, 20, 21, 22]), torch.arange(100)
    batches = _batches(few, config)
    assert len(batches) == 16
    assert {len(batch) for batch in batches} == {3}
    assert torch.cat(batches).bincount()[few].tolist() == [8] * 6
    batches = _batches(many, config)
    assert len(batches) == 25
    assert torch.cat(batches).bincount().tolist() == [1] * 100


def test_without_early_stopping_all_labelled_windows_are_learned_from() -> None:
    given, network = data(), model(frozen=True)
    config = replace(CONFIG, epochs=8, patience=1, early_stopping=False)
    seen: set[int] = set()
    real = network.forward

    def forward(signals_BTWC: torch.Tensor, present_BWC: torch.Tensor) -> torch.Tensor:
        if network.training:
            for window_TWC in signals_BTWC:
                same_N = (given.signals_NTWC == window_TWC).flatten(1).all(1)
                seen.add(int(same_N.nonzero()[0]))
        return real(signals_BTWC, present_BWC)

    network.forward = forward  # type: ignore[method-assign]
    history = fit(network, given, TRAIN, VALIDATION, config, thaws=True)
    assert seen == {*TRAIN.tolist(), *VALIDATION.tolist()}
    assert len(history) == 8
    assert [epoch.encoder_trains for epoch in history].index(True) == 2
    assert {epoch.validation_loss for epoch in history} == {None}
