"""Gates against Shazeer et al. 2017, written out token by token.

Shape letters: B windows, L tokens, N experts.
"""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetune.classifiers import ClassifierConfig, EncoderClassifier, MixtureClassifier
from finetune.expert_use import expert_use
from finetune.experts import NoisyTopKGate, expected_load, make_gate, top_k_softmax
from finetune.training import fit
from tests.finetune.test_models import SMALL, StubEncoder
from tests.finetune.test_training import CONFIG, TRAIN, VALIDATION, data


def gate(experts: int = 4, k: int = 2, width: int = 5) -> NoisyTopKGate:
    torch.manual_seed(0)
    made = make_gate("top_k", width, experts, k)
    assert isinstance(made, NoisyTopKGate)
    nn.init.normal_(made.logits.weight)
    nn.init.normal_(made.noise.weight)
    return made


def tokens(windows: int = 3, length: int = 4) -> tuple[Tensor, Tensor]:
    present_BL = torch.ones(windows, length, dtype=torch.bool)
    present_BL[1, 2:] = False
    return torch.randn(windows, length, 5), present_BL


def test_without_noise_the_k_largest_share_the_weight() -> None:
    layer, (tokens_BLD, present_BL) = gate().eval(), tokens()
    gates_BLN = layer(tokens_BLD, present_BL)
    torch.testing.assert_close(gates_BLN, layer(tokens_BLD, present_BL))
    for b, t in np.ndindex(3, 4):
        logits = (layer.logits.weight @ tokens_BLD[b, t]).tolist()
        chosen = sorted(range(4), key=lambda n: -logits[n])[:2]
        total = sum(math.exp(logits[n]) for n in chosen)
        expected = [math.exp(logits[n]) / total if n in chosen else 0.0 for n in range(4)]
        torch.testing.assert_close(gates_BLN[b, t], torch.tensor(expected))
    assert layer.take_penalty() == 0.0


def squared_variation(values: list[float]) -> float:
    return float(np.var(values) / np.mean(values) ** 2)


def test_the_penalty_is_that_of_the_paper_written_out() -> None:
    layer, (tokens_BLD, present_BL) = gate().train(), tokens()
    torch.manual_seed(7)
    gates_BLN = layer(tokens_BLD, present_BL)
    torch.manual_seed(7)
    noise_BLN = torch.randn(3, 4, 4)
    importance, load = np.zeros(4), np.zeros(4)
    for b, t in np.ndindex(3, 4):
        clean = (layer.logits.weight @ tokens_BLD[b, t]).tolist()
        raw = (layer.noise.weight @ tokens_BLD[b, t]).tolist()
        spread = [math.log1p(math.exp(value)) + 0.01 for value in raw]
        noisy = [clean[n] + spread[n] * float(noise_BLN[b, t, n]) for n in range(4)]
        expected = top_k_softmax(torch.tensor([[noisy]]), 2)[0, 0]
        torch.testing.assert_close(gates_BLN[b, t], expected)
        if not present_BL[b, t]:
            continue
        importance += expected.numpy()
        for n in range(4):
            others = sorted((noisy[m] for m in range(4) if m != n), reverse=True)
            z = (clean[n] - others[1]) / spread[n]  # the k-th largest of the others, k = 2
            load[n] += 0.5 * (1 + math.erf(z / math.sqrt(2)))
    wanted = 0.01 * (squared_variation(importance) + squared_variation(load))
    penalty = layer.take_penalty()
    assert isinstance(penalty, Tensor)
    assert penalty.item() == pytest.approx(wanted, rel=1e-4)
    penalty.backward()
    assert layer.logits.weight.grad is not None
    assert layer.noise.weight.grad is not None
    assert layer.take_penalty() == 0.0


def test_the_load_is_how_often_an_expert_is_chosen_when_its_noise_is_drawn_anew() -> None:
    layer = gate().train()
    tokens_BLD = torch.randn(1, 1, 5)
    clean_N = (layer.logits(tokens_BLD))[0, 0].detach()
    spread_N = nn.functional.softplus(layer.noise(tokens_BLD))[0, 0].detach() + 0.01
    noisy_N = clean_N + spread_N * torch.randn(4)
    load_N = expected_load(clean_N[None], noisy_N[None], spread_N[None], 2)
    for n in range(4):
        drawn = noisy_N.repeat(20000, 1)
        drawn[:, n] = clean_N[n] + spread_N[n] * torch.randn(20000)
        share = (drawn.topk(2).indices == n).any(1).float().mean().item()
        assert load_N[n].item() == pytest.approx(share, abs=0.015)


def test_k_beyond_the_experts_lets_all_answer() -> None:
    layer, (tokens_BLD, present_BL) = gate(experts=2, k=5).train(), tokens()
    assert torch.all(layer(tokens_BLD, present_BL) > 0)
    assert torch.isfinite(torch.as_tensor(layer.take_penalty()))


def network(config: ClassifierConfig) -> EncoderClassifier:
    torch.manual_seed(2)
    return EncoderClassifier({"left": StubEncoder()}, MixtureClassifier(8, 3, config), frozen=False)


def test_a_classifier_with_a_top_k_gate_learns() -> None:
    config = ClassifierConfig(
        width=8, heads=2, feed_forward=16, experts=4, expert_width=4, gate="top_k", k=2
    )
    history = fit(network(config), data(), TRAIN, VALIDATION, CONFIG, thaws=False)
    assert history[-1].train_loss < history[0].train_loss


def test_expert_use_is_the_mean_weight_over_windows_and_by_class() -> None:
    model, given = network(SMALL), data(24)
    use = expert_use(model, given, torch.arange(24), classes=4)
    weights = []
    with torch.inference_mode():
        for window in range(24):
            signals_TC = given.signals_NTWC[window, :, 0]
            tokens_LD, _ = model.encoders["left"](signals_TC[None])
            hidden_LD = model.classifier.convolve(tokens_LD.transpose(1, 2))
            hidden_LD = model.classifier.norm(hidden_LD).relu().transpose(1, 2)
            for stage in model.classifier.stages:
                hidden_LD = stage(hidden_LD, None)
            weights.append(model.classifier.head.gate.logits(hidden_LD)[0].softmax(-1).mean(0))
    weights_MN = torch.stack(weights)
    torch.testing.assert_close(torch.tensor(use["mean"]), weights_MN.mean(0))
    for label in range(3):
        own = weights_MN[given.labels_N == label].mean(0)
        torch.testing.assert_close(torch.tensor(use["by_class"][label]), own)
    assert use["by_class"][3] is None
    assert sum(use["mean"]) == pytest.approx(1)


def test_a_classifier_without_experts_ends_in_one_linear_layer() -> None:
    model = MixtureClassifier(8, 3, ClassifierConfig(width=8, heads=2, experts=0))
    assert isinstance(model.head, nn.Linear)
    assert model.head.weight.shape == (3, 8)
    scores_BK = model(torch.randn(4, 6, 8), torch.ones(4, 6, dtype=torch.bool))
    assert scores_BK.shape == (4, 3)
    assert model.take_penalty() == 0.0
