"""The losses against naive loops and closed forms."""

import math

import numpy as np
import pytest
import torch
from made_shards import made_sample
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pretrain.clips import cut, lay_out
from pretrain.info_nce import info_nce
from pretrain.losses import (
    MODALITIES,
    PAIRS,
    ContrastiveLoss,
    LossConfig,
    regression_loss,
)

SAMPLES, WIDTH = 9, 6
CAPTION = torch.tensor([0, 0, 1, 2, 3, 4, 4, 4, 5])
CLIP = torch.tensor([0, 1, 2, 3, 3, 4, 5, 5, 6])
DISTINCT = torch.arange(SAMPLES)
LABELS = torch.stack([CAPTION, CLIP], dim=1)
ALL_DIFFERENT = torch.stack([DISTINCT, DISTINCT], dim=1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def random_embeddings() -> dict[str, Tensor]:
    return {name: torch.randn(SAMPLES, WIDTH, dtype=torch.float64) for name in MODALITIES}


def naive_one_direction(
    query: NDArray, key: NDArray, temperature: float, text: bool, caption: NDArray, clip: NDArray
) -> float:
    """The formula at the top of `info_nce.py`, sample by sample."""

    def likeness(i: int, j: int) -> float:
        cosine = query[i] @ key[j] / np.linalg.norm(query[i]) / np.linalg.norm(key[j])
        return np.exp(cosine / temperature)

    total = 0.0
    for i in range(len(query)):
        positives = [j for j in range(len(key)) if (caption[i] == caption[j] if text else i == j)]
        negatives = [j for j in range(len(key)) if j not in positives and clip[i] != clip[j]]
        against = sum(likeness(i, n) for n in negatives)
        terms = [-math.log(likeness(i, p) / (likeness(i, p) + against)) for p in positives]
        total += sum(terms) / len(terms)
    return total / len(query)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("chunk", [1, 4, 1024])
def test_equals_a_naive_loop(both: bool, temperature: float, chunk: int) -> None:
    embeddings = random_embeddings()
    config = LossConfig(temperature=temperature, both_directions=both, chunk=chunk)
    losses = ContrastiveLoss(config)(embeddings, CAPTION, CLIP)
    assert list(losses) == list(PAIRS)
    for pair, loss in losses.items():
        first, second = (embeddings[name].numpy() for name in pair.split("-"))
        rest = (temperature, "text" in pair, CAPTION.numpy(), CLIP.numpy())
        expected = naive_one_direction(first, second, *rest)
        if both:
            expected = (expected + naive_one_direction(second, first, *rest)) / 2
        assert loss.item() == pytest.approx(expected, rel=1e-12), pair


def test_is_plain_info_nce_where_captions_and_clips_differ() -> None:
    query, key = random_embeddings()["pose"], random_embeddings()["left"]
    cosine = torch.nn.functional.cosine_similarity(query[:, None], key, dim=-1)
    expected = torch.nn.functional.cross_entropy(cosine / 0.07, DISTINCT)
    normalize = torch.nn.functional.normalize
    rows = (normalize(query) / 0.07, normalize(key), ALL_DIFFERENT, ALL_DIFFERENT)
    torch.testing.assert_close(info_nce(*rows, chunk=SAMPLES), expected)


@pytest.mark.parametrize("temperature", [0.07, 0.3, 1.0])
def test_closed_form_for_identical_orthogonal_embeddings(temperature: float) -> None:
    """Each own pair has cosine 1, each other 0; a temperature that divides twice would show."""
    embeddings = {name: 3.0 * torch.eye(SAMPLES).double() for name in MODALITIES}
    losses = ContrastiveLoss(LossConfig(temperature=temperature))(embeddings, DISTINCT, DISTINCT)
    expected = math.log(1 + (SAMPLES - 1) * math.exp(-1 / temperature))
    for loss in losses.values():
        assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_length_of_an_embedding_does_not_matter() -> None:
    embeddings = random_embeddings()
    longer = {name: rows * torch.rand(SAMPLES, 1) * 9 for name, rows in embeddings.items()}
    contrastive = ContrastiveLoss(LossConfig())
    torch.testing.assert_close(
        contrastive(embeddings, CAPTION, CLIP), contrastive(longer, CAPTION, CLIP)
    )


@pytest.mark.parametrize("chunk", [2, SAMPLES])
@pytest.mark.parametrize("labels", [LABELS, ALL_DIFFERENT, torch.zeros_like(LABELS)])
def test_gradient_equals_finite_differences(chunk: int, labels: Tensor) -> None:
    inputs = [torch.randn(SAMPLES, WIDTH).double().requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(
        lambda query, key: info_nce(query, key, labels, labels, chunk), inputs
    )


class LargestTensor(TorchDispatchMode):
    """Notes the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.entries = max(self.entries, made.numel())
        return made


def test_nothing_larger_than_a_chunk_against_all_is_ever_made() -> None:
    samples, chunk = 300, 20
    embeddings = {name: torch.randn(samples, 4).requires_grad_() for name in MODALITIES}
    caption, clip = torch.arange(samples) % 7, torch.arange(samples) // 2
    contrastive = ContrastiveLoss(LossConfig(chunk=chunk))
    with LargestTensor() as largest:
        torch.stack([*contrastive(embeddings, caption, clip).values()]).sum().backward()
    assert largest.entries == chunk * samples


def test_order_of_the_batch_does_not_matter() -> None:
    embeddings, order = random_embeddings(), torch.randperm(SAMPLES)
    shuffled = {name: rows[order] for name, rows in embeddings.items()}
    contrastive = ContrastiveLoss(LossConfig())
    torch.testing.assert_close(
        contrastive(embeddings, CAPTION, CLIP), contrastive(shuffled, CAPTION[order], CLIP[order])
    )


def test_repeated_captions_pull_instead_of_push() -> None:
    """With one caption only there is nothing to tell text apart by: no loss, a gradient of 0."""
    embeddings = {name: rows.requires_grad_() for name, rows in random_embeddings().items()}
    same = torch.zeros_like(CAPTION)
    losses = ContrastiveLoss(LossConfig())(embeddings, same, DISTINCT)
    assert losses["text-left"].item() == 0
    assert losses["pose-left"].item() > 0
    losses["text-left"].backward()
    for name in ("text", "left"):
        grad = embeddings[name].grad
        assert grad is not None
        assert (grad == 0).all()


def test_a_repeated_caption_draws_the_other_sample_nearer() -> None:
    text, left = torch.eye(3).double(), torch.eye(3).double().requires_grad_()
    rows = {"text": text, "left": left, "pose": text, "right": text}
    config = LossConfig(pairs=["text-left"], temperature=1.0)
    ContrastiveLoss(config)(rows, torch.tensor([0, 0, 1]), torch.arange(3))["text-left"].backward()
    assert left.grad is not None
    assert left.grad[1, 0] < 0, "descent turns sample 1 towards the caption that it shares"
    assert left.grad[2, 0] > 0, "and sample 2 away from it"


def test_windows_of_one_clip_do_not_push_each_other() -> None:
    embeddings = random_embeddings()
    losses = ContrastiveLoss(LossConfig())(embeddings, DISTINCT, torch.zeros_like(CLIP))
    assert all(loss.item() == 0 for loss in losses.values())


def test_overlapping_windows_of_a_clip_are_no_negatives_whatever_body_wears_them() -> None:
    clips = lay_out([made_sample(f"clip{n}", n, 2, "train", 200) for n in (1, 2)])
    overlapping, other = [[0, 20, 0], [0, 50, 1]], [[1, 20, 0]]
    contrastive = ContrastiveLoss(LossConfig(pairs=["pose-left"]))

    def loss(windows: list[list[int]]) -> float:
        batch = cut(clips, np.array(windows), 60)
        embeddings = {name: torch.randn(len(windows), WIDTH) for name in MODALITIES}
        return contrastive(embeddings, batch["caption"], batch["clip"])["pose-left"].item()

    assert loss(overlapping) == 0
    assert loss(overlapping + other) > 0


def test_only_the_pairs_that_are_named() -> None:
    pairs = ["left-right", "text-pose"]
    losses = ContrastiveLoss(LossConfig(pairs=pairs))(random_embeddings(), CAPTION, CLIP)
    assert list(losses) == pairs
    assert ContrastiveLoss(LossConfig(pairs=[]))(random_embeddings(), CAPTION, CLIP) == {}


def test_learned_temperature_starts_at_the_fixed_one_and_moves_for_each_pair() -> None:
    embeddings = random_embeddings()
    learned = ContrastiveLoss(LossConfig(learned_temperature=True, temperature=0.2))
    fixed = ContrastiveLoss(LossConfig(temperature=0.2))
    losses = learned(embeddings, CAPTION, CLIP)
    torch.testing.assert_close(losses, fixed(embeddings, CAPTION, CLIP), rtol=1e-6, atol=1e-6)
    assert not list(fixed.parameters())
    assert [parameter.shape for parameter in learned.parameters()] == [(1,)] * len(PAIRS)
    losses["text-left"].backward()
    moved = {name for name, p in learned.named_parameters() if p.grad is not None}
    assert moved == {"temperatures.log_scale.text-left"}


@pytest.mark.parametrize(("start", "bound"), [(0.001, 0.01), (50.0, 1.0)])
def test_learned_temperature_stays_within_its_bounds_and_can_come_back(
    start: float, bound: float
) -> None:
    config = LossConfig(pairs=["pose-left"], learned_temperature=True)
    temperatures = ContrastiveLoss(config).temperatures
    log_scale = temperatures.log_scale["pose-left"]
    with torch.no_grad():
        log_scale.fill_(-math.log(start))
    outward = -1 if start < bound else 1
    for sign, passes in ((outward, False), (-outward, True)):
        scale = temperatures.scale("pose-left")
        assert isinstance(scale, Tensor)
        assert scale.item() == pytest.approx(1 / bound)
        log_scale.grad = None
        (sign * scale).sum().backward()
        assert log_scale.grad is not None
        assert (log_scale.grad != 0).item() is passes


@pytest.mark.parametrize("autocast", [True, False])
def test_loss_in_bfloat16_is_summed_in_float32(autocast: bool) -> None:
    embeddings = {name: rows.bfloat16() for name, rows in random_embeddings().items()}
    exact = {name: rows.double() for name, rows in embeddings.items()}
    contrastive = ContrastiveLoss(LossConfig())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        losses = contrastive(embeddings, CAPTION, CLIP)
    for pair, loss in contrastive(exact, CAPTION, CLIP).items():
        assert losses[pair].dtype == torch.float32
        assert losses[pair].item() == pytest.approx(loss.item(), rel=1e-5)


def test_regression_is_the_mean_squared_error() -> None:
    predicted, true = torch.randn(2, 3, 4, 2, 6)
    expected = np.mean((predicted.double().numpy() - true.double().numpy()) ** 2)
    assert regression_loss(predicted, true).item() == pytest.approx(expected, rel=1e-6)
