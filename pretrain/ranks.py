"""What lets a batch that is spread over ranks behave as one batch.

Every rank must hold the same number of samples. The mean over ranks of a loss computed with
these pieces is the loss of the whole batch, and the mean over ranks of its gradients, which is
what DeepSpeed and DistributedDataParallel compute, is the gradient of the whole batch.

Shape letters: B samples of this rank, G samples of all ranks.
"""

import torch.distributed as dist
from torch import Tensor
from torch.distributed._functional_collectives import all_gather_single_autograd, wait_tensor


def world_size() -> int:
    """Return how many ranks share a batch: 1 where torch.distributed is not in use."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return which of them this process is."""
    return dist.get_rank() if dist.is_initialized() else 0


def gather_rows(rows_B: Tensor) -> Tensor:
    """Return (G, ...), the rows of all ranks in the order of ranks, from this rank's (B, ...).

    A gradient that any rank sends into a row reaches the rank that the row came from: gradients
    are summed over ranks. Every rank must call this, with the same shape.
    """
    if world_size() == 1:
        return rows_B
    everyone = dist.group.WORLD
    assert everyone is not None
    return wait_tensor(all_gather_single_autograd(rows_B.contiguous(), 0, everyone))
