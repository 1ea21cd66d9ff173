"""Cached gradients on one rank, with dropout and BatchNorm as in training."""

import pytest
import torch

from pretrain.cached import CachedContrast, cache_contrast
from pretrain.evaluate import rows
from pretrain.model import Batch, Multi3Net
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

PARTS, SIZE = 3, 4


def make_model() -> Multi3Net:
    """Return a model in training, with all its dropout."""
    torch.manual_seed(0)
    config = small_config()
    config.text.dropout = config.imu.dropout = config.decoder.dropout = 0.3
    config.pose.dropout = config.pose.drop_path = config.imu.drop_path = 0.3
    config.losses.contrastive_weight = 0.5
    return Multi3Net(config, TEXT_SIZE)


def parts_of(batch: Batch) -> list[Batch]:
    return [rows(batch, first, first + SIZE) for first in range(0, PARTS * SIZE, SIZE)]


def cache(model: Multi3Net, batch: Batch) -> list[tuple[Batch, CachedContrast]]:
    def embed(number: int, part: Batch) -> dict[str, torch.Tensor]:
        torch.manual_seed(number)
        return model(part, embed_only=True).embeddings

    return cache_contrast(model.contrastive, parts_of(batch), embed)


def cached_step(model: Multi3Net, batch: Batch) -> list[dict[str, torch.Tensor]]:
    """Leave gradients in the model; returns the losses of each part."""
    losses = []
    for number, (part, cached) in enumerate(cache(model, batch)):
        torch.manual_seed(number)
        losses.append(model(part, cached).losses)
        (losses[-1]["total"] / PARTS).backward()
    return losses


def step_in_one_graph(model: Multi3Net, batch: Batch) -> torch.Tensor:
    """The same with the graphs of all parts in memory at once."""
    embedded, regression = [], torch.zeros(())
    for number, part in enumerate(parts_of(batch)):
        torch.manual_seed(number)
        embedded.append(model.embed(part))
        true = model.true_imu(part)
        for predicted in model.predict(embedded[-1]).values():
            regression = regression + (predicted - true).square().mean() / PARTS
    everything = {name: torch.cat([each[name] for each in embedded]) for name in embedded[0]}
    contrast = model.contrastive(everything, batch["caption"], batch["clip"])
    loss = 0.5 * torch.stack([*contrast.values()]).sum() + regression
    loss.backward()
    return loss


def test_a_cached_step_is_the_step_in_one_graph() -> None:
    cached, whole, batch = make_model(), make_model(), made_batch(PARTS * SIZE)
    losses = cached_step(cached, batch)
    expected = step_in_one_graph(whole, batch)
    mean = torch.stack([each["total"] for each in losses]).mean()
    torch.testing.assert_close(mean, expected, rtol=1e-6, atol=0)
    for (name, one), other in zip(cached.named_parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6, msg=name)
    for (name, one), other in zip(cached.named_buffers(), whole.buffers(), strict=True):
        assert torch.equal(one, other), f"{name}: the first pass has left its trace in BatchNorm"


def test_every_part_tells_the_same_contrast() -> None:
    first, *others = cached_step(make_model(), made_batch(PARTS * SIZE))
    for losses in others:
        assert list(losses) == list(first)
        assert all(
            torch.equal(losses[name], first[name]) for name in first if name.startswith("contrast")
        )


def test_one_part_is_the_plain_step() -> None:
    plain, cached, batch = make_model().eval(), make_model().eval(), made_batch(SIZE)
    plain(batch).losses["total"].backward()
    for part, contrast in cache_contrast(
        cached.contrastive, [batch], lambda _, part: cached(part, embed_only=True).embeddings
    ):
        cached(part, contrast).losses["total"].backward()
    for one, other in zip(cached.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("learned", [True, False])
def test_modalities_that_no_pair_names_get_no_pull(learned: bool) -> None:
    model = make_model()
    config = model.config
    config.losses.pairs, config.losses.learned_temperature = ["pose-left"], learned
    config.losses.regressions = []
    torch.manual_seed(0)
    model = Multi3Net(config, TEXT_SIZE)
    cached_step(model, made_batch(PARTS * SIZE))
    assert all(p.grad is None or not p.grad.any() for p in model.imu_right.parameters())
    assert any(p.grad is not None and p.grad.any() for p in model.imu_left.parameters())
    assert len(list(model.contrastive.parameters())) == learned
