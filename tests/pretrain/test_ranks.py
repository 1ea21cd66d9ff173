"""Real processes: a batch spread over ranks gives the loss and gradients of the whole batch."""

from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from pretrain.model import Multi3Net
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config


def one_step(rank: int, ranks: int, folder: Path) -> None:
    """Save the mean over ranks of losses and gradients, and rank 0's running statistics."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Multi3Net(small_config(), TEXT_SIZE)
    batch = made_batch(12)
    own = slice(rank * 12 // ranks, (rank + 1) * 12 // ranks)
    if ranks > 1:
        meeting = f"file://{folder}/meeting"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=ranks)
    losses = model({name: value[own] for name, value in batch.items()}).losses
    losses["total"].backward()
    means = [torch.stack([*losses.values()]).detach()]
    for parameter in model.parameters():
        assert parameter.grad is not None
        means.append(parameter.grad)
    if ranks > 1:
        for mean in means:
            dist.all_reduce(mean)
            mean /= ranks
    if rank == 0:
        grads = {name: parameter.grad for name, parameter in model.named_parameters()}
        torch.save((means[0], grads, dict(model.named_buffers())), folder / "step.pt")
    if ranks > 1:
        dist.destroy_process_group()


def every_world(rank: int, folder: Path) -> None:
    """Be this rank of two and then of three: one start of the processes serves both."""
    for ranks in (2, 3):
        if rank < ranks:
            one_step(rank, ranks, folder / str(ranks))


def test_ranks_together_do_what_one_does(tmp_path: Path) -> None:
    for ranks in (1, 2, 3):
        (tmp_path / str(ranks)).mkdir()
    mp.spawn(every_world, (tmp_path,), 3)
    one_step(0, 1, tmp_path / "1")
    alone, *together = (
        torch.load(tmp_path / str(ranks) / "step.pt", weights_only=True) for ranks in (1, 2, 3)
    )
    for step in together:
        torch.testing.assert_close(step, alone, rtol=1e-5, atol=1e-6)
