"""Real processes: a batch spread over ranks gives the loss and gradients of the whole batch.

Once as in training, with BatchNorm over all ranks; and once in chunks and with cached gradients
against a naive loop, with BatchNorm in evaluation, since there it sees parts of a batch alone.
"""

import itertools
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from pretrain.cached import cache_contrast
from pretrain.encoders import ImuEncoderKind
from pretrain.evaluate import rows
from pretrain.model import Batch, Multi3Net
from tests.pretrain.naive_contrast import naive_contrast, naive_regression
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

SAMPLES = 12
NAIVE = "naive.pt"
WORLDS = (1, 2, 3)
PRECISIONS = ("fp32", "bf16")
# The loss itself keeps to float32 under autocast, so its value agrees to 1e-5 in both. In bf16
# every share of a weight's gradient, of a rank or a part, is rounded to 8 bits before the shares
# are summed, here up to six that may be some times larger than their sum: a few times 2^-8.
TOLERANCES = {"fp32": 1e-5, "bf16": 2**-5}
CHUNKS = (3, 1024)
PARTS = (1, 2)  # 1: plain
VARIANTS = list(itertools.product(PRECISIONS, CHUNKS, PARTS))
Step = dict[str, torch.Tensor]


def make_model(chunk: int, kind: ImuEncoderKind = ImuEncoderKind.attention) -> Multi3Net:
    torch.manual_seed(0)
    config = small_config(kind)
    config.losses.chunk = chunk
    return Multi3Net(config, TEXT_SIZE).eval()


def arithmetic(precision: str) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")


def results(model: Multi3Net, loss: torch.Tensor) -> Step:
    return {"loss": loss.detach().float()} | {
        name: parameter.grad for name, parameter in model.named_parameters()
    }  # type: ignore[dict-item]


def naive_step(precision: str) -> Step:
    """The whole batch at once on one process; the loss is not the project's."""
    model, batch = make_model(chunk=1), made_batch(SAMPLES)
    with arithmetic(precision):
        embeddings = model.embed(batch)
        predicted = model.predict(embeddings)
    log_scale = model.contrastive.temperatures.log_scale
    loss = naive_contrast(
        embeddings, batch, {pair: torch.exp(-scale.double()) for pair, scale in log_scale.items()}
    ) + naive_regression(predicted, batch)
    loss.backward()
    return results(model, loss)


def plain(model: Multi3Net, batch: Batch, precision: str) -> torch.Tensor:
    with arithmetic(precision):
        loss = model(batch).losses["total"]
    loss.backward()
    return loss


def with_cached_gradients(
    model: Multi3Net, batch: Batch, precision: str, parts: int
) -> torch.Tensor:
    size = len(batch["key"]) // parts
    batches = [rows(batch, first, first + size) for first in range(0, size * parts, size)]

    def embed(_: int, part: Batch) -> dict[str, torch.Tensor]:
        with arithmetic(precision):
            return model(part, embed_only=True).embeddings

    mean = torch.zeros(())
    for part, cached in cache_contrast(model.contrastive, batches, embed):
        with arithmetic(precision):
            loss = model(part, cached).losses["total"] / parts
        loss.backward()
        mean = mean + loss.detach()
    return mean


def mean_over_ranks(step: Step, ranks: int) -> Step:
    if ranks > 1:
        for value in step.values():
            dist.all_reduce(value)
            value /= ranks
    return step


def as_in_training(own: Batch, ranks: int, kind: ImuEncoderKind) -> tuple[Step, Step]:
    """Return losses and gradients, and the running statistics of this rank."""
    model = make_model(1024, kind).train()
    losses = model(own).losses
    losses["total"].backward()
    step = results(model, torch.stack([*losses.values()]))
    return mean_over_ranks(step, ranks), dict(model.named_buffers())


def all_variants(own: Batch, ranks: int) -> dict[tuple, Step]:
    steps = {}
    for precision, chunk, parts in VARIANTS:
        model = make_model(chunk)
        if parts == 1:
            loss = plain(model, own, precision)
        else:
            loss = with_cached_gradients(model, own, precision, parts)
        steps[precision, chunk, parts] = mean_over_ranks(results(model, loss), ranks)
    return steps


def every_step(rank: int, ranks: int, folder: Path) -> None:
    torch.set_num_threads(1)
    share = SAMPLES // ranks
    own = rows(made_batch(SAMPLES), rank * share, (rank + 1) * share)
    done = {
        "training": {kind.value: as_in_training(own, ranks, kind) for kind in ImuEncoderKind},
        "variants": all_variants(own, ranks),
    }
    if rank == 0:
        torch.save(done, folder / f"{ranks}.pt")


def every_world(rank: int, folder: Path) -> None:
    """Be this rank of two and then of three: one start of the processes serves all.

    What they are compared with comes from one of them too: in the process of the tests another
    test may have changed how torch rounds in bfloat16.
    """
    for ranks in WORLDS[1:]:
        if rank < ranks:
            meeting = f"file://{folder}/meeting{ranks}"
            dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=ranks)
            every_step(rank, ranks, folder)
            dist.destroy_process_group()
    if rank == 0:
        every_step(0, 1, folder)
        torch.save({precision: naive_step(precision) for precision in PRECISIONS}, folder / NAIVE)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    mp.spawn(every_world, (folder,), max(WORLDS))
    return folder


@pytest.fixture(scope="module")
def done(steps: Path) -> dict[int, dict]:
    return {ranks: torch.load(steps / f"{ranks}.pt", weights_only=True) for ranks in WORLDS}


@pytest.fixture(scope="module")
def naive(steps: Path) -> dict[str, Step]:
    return torch.load(steps / NAIVE, weights_only=True)


def difference(step: Step, truth: Step) -> float:
    """The largest difference of an entry, against the largest entry of its tensor."""
    assert step.keys() == truth.keys()
    return max(
        ((step[name] - truth[name]).abs().max() / truth[name].abs().max()).item() for name in truth
    )


@pytest.mark.parametrize("kind", [kind.value for kind in ImuEncoderKind])
@pytest.mark.parametrize("ranks", WORLDS[1:])
def test_ranks_together_do_what_one_does(done: dict, ranks: int, kind: str) -> None:
    alone, together = done[1]["training"][kind], done[ranks]["training"][kind]
    # Gradients of a convolution are sums over all frames and round accordingly.
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("ranks", WORLDS)
@pytest.mark.parametrize(("precision", "chunk", "parts"), VARIANTS)
def test_loss_and_gradients_are_those_of_the_whole_batch(
    done: dict, naive: dict, ranks: int, precision: str, chunk: int, parts: int
) -> None:
    step, truth = done[ranks]["variants"][precision, chunk, parts], naive[precision]
    assert step["loss"].item() == pytest.approx(truth["loss"].item(), rel=1e-5)
    assert difference(step, truth) < TOLERANCES[precision]
