"""What lets a batch that is spread over ranks behave as one batch.

Every rank must hold the same number of samples. The mean over ranks of a loss computed with
these pieces is the loss of the whole batch, and the mean over ranks of its gradients, which is
what DeepSpeed and DistributedDataParallel compute, is the gradient of the whole batch.

Shape letters: B samples of this rank, G samples of all ranks, C channels, L length.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
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


class BatchNorm1d(nn.BatchNorm1d):
    """BatchNorm whose statistics in training are those of the samples of all ranks.

    torch's SyncBatchNorm does this on GPUs only.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C) or (B, C, L) over everything but the channels."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        over = [axis for axis in range(input.dim()) if axis != 1]
        wide = input.float()
        local_C = wide.mean(over)
        variance_C = wide.var(over, correction=0)
        means_RC, variances_RC = gather_rows(torch.stack([local_C, variance_C])[None]).unbind(1)
        mean_C = means_RC.mean(0)
        # Ranks hold equally many samples, so the variance of all is the mean of theirs plus the
        # variance of their means; unlike a sum of squares it keeps its precision.
        variance_C = (variances_RC + (means_RC - mean_C).square()).mean(0)
        count = wide.numel() // wide.shape[1] * world_size()
        if self.track_running_stats:
            self._remember(mean_C.detach(), variance_C.detach() * count / (count - 1))
        shape = [1, -1] + [1] * (input.dim() - 2)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return ((wide - mean_C.view(shape)) * scale_C.view(shape) + self.bias.view(shape)).to(
            input.dtype
        )

    def _remember(self, mean_C: Tensor, variance_C: Tensor) -> None:
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(variance_C.to(self.running_var.dtype), self.momentum)


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Let BatchNorm normalise as it does in training, and leave its running statistics alone."""
    norms = [part for part in model.modules() if isinstance(part, BatchNorm1d)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
