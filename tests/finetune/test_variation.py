"""Varied windows: what changes, what stays, and that only training sees it.

Shape letters: N windows, T frames, W wrists, C channels.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cluster.errors import UserError
from finetune.classifiers import encode_windows
from finetune.training import TrainingConfig, fit, predict
from finetune.variation import check_variation, encoded_views, varied
from pretrain.augment import AugmentConfig
from tests.finetune.test_training import CONFIG, TRAIN, VALIDATION, data, model

TURNED = AugmentConfig(rotation=25)


def windows() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    present_NWC = torch.ones(6, 2, 6, dtype=torch.bool)
    present_NWC[1, 0] = False
    present_NWC[2, 1, 3:] = False
    signals_NTWC = 5 * torch.randn(6, 120, 2, 6) * present_NWC[:, None]
    return signals_NTWC, present_NWC


def test_a_turned_window_keeps_its_magnitudes_and_what_it_lacks() -> None:
    signals_NTWC, present_NWC = windows()
    seen_NTWC = varied(signals_NTWC, present_NWC, TURNED)
    for part in (slice(0, 3), slice(3, 6)):
        before, after = signals_NTWC[..., part], seen_NTWC[..., part]
        torch.testing.assert_close(before.norm(dim=-1), after.norm(dim=-1))
        assert (before - after).abs().amax() > 0.5
    noisy_NTWC = varied(signals_NTWC, present_NWC, AugmentConfig(accelerometer_noise=1.0))
    assert not noisy_NTWC[1, :, 0].any()
    assert varied(signals_NTWC, present_NWC, AugmentConfig()) is signals_NTWC


def test_views_are_the_windows_as_they_are_and_variations_that_repeat() -> None:
    signals_NTWC, present_NWC = windows()
    encoders = model(frozen=True).encoders
    given = (encoders, signals_NTWC, present_NWC, TURNED, 2)
    views_VNLD = encoded_views(*given)
    with torch.inference_mode():
        clean_NLD = encode_windows(encoders.eval(), signals_NTWC, present_NWC)
    assert len(views_VNLD) == 3
    torch.testing.assert_close(views_VNLD[0], clean_NLD)
    assert (views_VNLD[1] - views_VNLD[2]).abs().max() > 0.01
    assert torch.equal(views_VNLD, encoded_views(*given))


@pytest.mark.parametrize("frozen", [True, False])
def test_training_sees_variations_and_prediction_does_not(frozen: bool) -> None:
    given = data()
    varying = replace(CONFIG, augment=TURNED)
    if frozen:
        encoders = model(frozen=True).encoders
        views = encoded_views(encoders, given.signals_NTWC, given.present_NWC, TURNED, 2)
        given = replace(given, tokens_VNLD=views)
    losses = {}
    for name, config in (("plain", CONFIG), ("varied", varying)):
        network = model(frozen=frozen)
        torch.manual_seed(3)
        if frozen and name == "plain":
            plain = replace(given, tokens_VNLD=given.tokens_VNLD[:1])
            losses[name] = fit(network, plain, TRAIN, VALIDATION, config, thaws=False)
        else:
            losses[name] = fit(network, given, TRAIN, VALIDATION, config, thaws=False)
        assert torch.equal(predict(network, given, TRAIN), predict(network, given, TRAIN))
    assert losses["plain"][0].train_loss != losses["varied"][0].train_loss


@pytest.mark.parametrize("key", ["mirror", "heading", "drop_wrist"])
def test_what_labelled_windows_settle_is_not_varied(key: str) -> None:
    with pytest.raises(UserError, match=f"training.augment.{key}"):
        check_variation(replace(TrainingConfig().augment, **{key: 0.5}))
