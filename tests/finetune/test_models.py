"""Networks against plain references.

Shape letters: B windows, T frames, W wrists, C channels, L tokens, D width, K classes.
"""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetune.classifiers import (
    ClassifierConfig,
    EncoderClassifier,
    MixtureClassifier,
    encode_windows,
)
from finetune.deepconvlstm import DeepConvLstm, DeepConvLstmConfig
from finetune.experts import MixtureOfExperts, SoftGate
from finetune.scaling import Standardize

SMALL = ClassifierConfig(width=8, heads=2, feed_forward=16, experts=3, expert_width=4, dropout=0.0)


class StubEncoder(nn.Module):
    """As `ImuEncoder` to its user: 60 samples of six channels to six tokens and an embedding."""

    def __init__(self, width: int = 8, window: int = 60) -> None:
        super().__init__()
        self.width, self.window = width, window
        self.token = nn.Linear(window, width)
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.3)

    def forward(self, imu_BTC: Tensor) -> tuple[Tensor, Tensor]:
        tokens_BCD = self.drop(self.norm(self.token(imu_BTC.transpose(1, 2))))
        return tokens_BCD, tokens_BCD.mean(1)

    def present_tokens(self, present_BC: Tensor, tokens: int) -> Tensor:
        return present_BC.repeat(1, tokens // 6)


def windows(count: int, seconds: int = 2) -> tuple[Tensor, Tensor]:
    present_BWC = torch.ones(count, 2, 6, dtype=torch.bool)
    return torch.randn(count, seconds * 60, 2, 6), present_BWC


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    torch.manual_seed(0)


def test_mixture_of_experts_is_the_gated_sum_of_its_experts() -> None:
    layer = MixtureOfExperts(SoftGate(5, 3), width=5, experts=3, hidden=4, classes=2)
    nn.init.normal_(layer.bias_NK)
    tokens_BLD, present_BL = torch.randn(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)
    scores_BLK = layer(tokens_BLD, present_BL)
    weight, bias = layer.hidden.weight.detach(), layer.hidden.bias.detach()
    for b, t in np.ndindex(2, 7):
        h = tokens_BLD[b, t]
        gate = torch.exp(layer.gate.logits.weight @ h)
        gate = gate / gate.sum()
        expected = torch.zeros(2)
        for j in range(3):
            rows = slice(4 * j, 4 * j + 4)
            expert = torch.relu(weight[rows] @ h + bias[rows])
            expected = expected + gate[j] * (expert @ layer.out_NHK[j] + layer.bias_NK[j])
        torch.testing.assert_close(scores_BLK[b, t], expected)


def test_one_expert_is_a_plain_perceptron() -> None:
    layer = MixtureOfExperts(SoftGate(5, 1), width=5, experts=1, hidden=4, classes=2)
    tokens_BLD, present_BL = torch.randn(2, 3, 5), torch.ones(2, 3, dtype=torch.bool)
    expected = torch.relu(layer.hidden(tokens_BLD)) @ layer.out_NHK[0] + layer.bias_NK[0]
    torch.testing.assert_close(layer(tokens_BLD, present_BL), expected)


def test_absent_tokens_change_neither_scores_nor_statistics() -> None:
    model = MixtureClassifier(8, 4, SMALL)
    other = copy.deepcopy(model)
    tokens_BLD = torch.randn(5, 12, 8)
    present_BL = torch.ones(5, 12, dtype=torch.bool)
    present_BL[1, 6:] = present_BL[3, 3:6] = False
    changed_BLD = torch.where(present_BL[..., None], tokens_BLD, 100 * torch.randn(5, 12, 8))
    torch.testing.assert_close(model(tokens_BLD, present_BL), other(changed_BLD, present_BL))
    torch.testing.assert_close(model.norm.running_var, other.norm.running_var)
    # A window whose last tokens are absent scores as the shorter window does.
    model.eval()
    torch.testing.assert_close(
        model(tokens_BLD[1:2], present_BL[1:2]),
        model(tokens_BLD[1:2, :6], present_BL[1:2, :6]),
        atol=1e-5,
        rtol=1e-4,
    )


def test_scores_are_the_mean_over_the_tokens_of_the_experts_answers() -> None:
    model = MixtureClassifier(8, 4, SMALL).eval()
    seen: list[Tensor] = []
    model.head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    scores_BK = model(torch.randn(3, 6, 8), torch.ones(3, 6, dtype=torch.bool))
    torch.testing.assert_close(scores_BK, seen[0].mean(1))


def test_windows_are_encoded_segment_by_segment_and_absent_wrists_not_at_all() -> None:
    encoders = {"left": StubEncoder().eval(), "right": StubEncoder().eval()}
    signals_BTWC, present_BWC = windows(3, seconds=2)
    present_BWC[1, 0] = False
    tokens_BLD = encode_windows(encoders, signals_BTWC, present_BWC)
    assert tokens_BLD.shape == (3, 2 * 2 * 6, 8)
    for b, w, s in np.ndindex(3, 2, 2):
        own_CD = tokens_BLD[b].view(2, 2, 6, 8)[w, s]
        if b == 1 and w == 0:
            assert torch.all(own_CD == 0)
            continue
        segment_TC = signals_BTWC[b, 60 * s : 60 * s + 60, w]
        expected, _ = encoders[("left", "right")[w]](segment_TC[None])
        torch.testing.assert_close(own_CD, expected[0])


def test_a_frozen_encoder_stays_as_it_is_whatever_mode_is_set() -> None:
    model = EncoderClassifier({"left": StubEncoder()}, MixtureClassifier(8, 4, SMALL), frozen=True)
    before = copy.deepcopy(model.encoders.state_dict())
    signals_BTWC, present_BWC = windows(6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        model.eval()
        model.train()
        assert model.classifier.training
        assert not any(module.training for module in model.encoders.modules())
        model(signals_BTWC, present_BWC).sum().backward()
        optimizer.step()
    for name, value in model.encoders.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    model.set_frozen(False)
    assert all(module.training for module in model.encoders.modules())
    model(signals_BTWC, present_BWC).square().sum().backward()
    assert not torch.equal(
        model.encoders["left"].norm.running_mean, before["left.norm.running_mean"]
    )
    assert model.encoders["left"].token.weight.grad is not None


def test_scores_from_stored_tokens_are_those_from_signals() -> None:
    encoders = {"left": StubEncoder(), "right": StubEncoder()}
    model = EncoderClassifier(encoders, MixtureClassifier(8, 4, SMALL), frozen=True).eval()
    signals_BTWC, present_BWC = windows(4)
    present_BWC[2, 1] = False
    tokens_BLD = encode_windows(model.encoders, signals_BTWC, present_BWC)
    torch.testing.assert_close(
        model.classify(tokens_BLD, present_BWC), model(signals_BTWC, present_BWC)
    )


def test_an_absent_gyroscope_does_not_touch_the_scores() -> None:
    model = EncoderClassifier({"left": StubEncoder()}, MixtureClassifier(8, 4, SMALL), True).eval()
    signals_BTWC, present_BWC = windows(4)
    present_BWC[:, :, 3:] = False
    changed_BTWC = signals_BTWC.clone()
    changed_BTWC[..., 3:] += 5
    torch.testing.assert_close(model(signals_BTWC, present_BWC), model(changed_BTWC, present_BWC))


def test_standardising_takes_present_channels_to_zero_mean_and_unit_spread() -> None:
    signals_NTWC = 5 + 3 * torch.randn(40, 50, 2, 6)
    present_NWC = torch.ones(40, 2, 6, dtype=torch.bool)
    present_NWC[:25, 1] = False
    signals_NTWC[:25, :, 1] = 1e6
    scaled_NTWC = Standardize(signals_NTWC, present_NWC)(signals_NTWC, present_NWC)
    for wrist, rows in ((0, slice(None)), (1, slice(25, None))):
        own = scaled_NTWC[rows, :, wrist].double()
        torch.testing.assert_close(own.mean((0, 1)), torch.zeros(6).double(), atol=1e-4, rtol=0)
        spread = own.std((0, 1), correction=0)
        torch.testing.assert_close(spread, torch.ones(6).double(), atol=1e-4, rtol=0)
    assert torch.all(scaled_NTWC[:25, :, 1] == 0)


def test_a_constant_channel_does_not_blow_up() -> None:
    signals_NTWC = torch.full((4, 10, 2, 6), 3.0)
    present_NWC = torch.ones(4, 2, 6, dtype=torch.bool)
    scaled = Standardize(signals_NTWC, present_NWC)(signals_NTWC, present_NWC)
    assert torch.all(scaled == 0)


def test_deepconvlstm_has_the_sizes_of_the_paper() -> None:
    signals_BTWC, present_BWC = windows(3)
    standardize = Standardize(signals_BTWC, present_BWC)
    model = DeepConvLstm(standardize, classes=7, config=DeepConvLstmConfig())
    convolutions = (12 * 5 + 1) * 64 + 3 * (64 * 5 + 1) * 64
    recurrent = 4 * 128 * (64 + 128 + 2) + 4 * 128 * (128 + 128 + 2)
    assert sum(p.numel() for p in model.parameters()) == convolutions + recurrent + 7 * 129
    lengths: list[int] = []
    model.recur.register_forward_hook(lambda module, inputs, out: lengths.append(out[0].shape[1]))
    assert model(signals_BTWC, present_BWC).shape == (3, 7)
    assert lengths == [120 - 4 * 4]


def test_deepconvlstm_answers_from_the_last_state() -> None:
    signals_BTWC, present_BWC = windows(3)
    model = DeepConvLstm(Standardize(signals_BTWC, present_BWC), 7, DeepConvLstmConfig()).eval()
    maps = model.convolve(model.standardize(signals_BTWC, present_BWC).flatten(2).mT)
    _, (hidden, _) = model.recur(maps.mT)
    torch.testing.assert_close(model(signals_BTWC, present_BWC), model.classify(hidden[-1]))
