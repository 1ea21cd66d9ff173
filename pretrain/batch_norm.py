"""BatchNorm over the samples of all ranks, at the cost of BatchNorm over those of one.

torch's SyncBatchNorm is for GPUs only, and its statistics written out for autograd take several
times as long as all the rest of a normalisation: so the derivative is given here.

Shape letters: R ranks, B samples of this rank, C channels, L length.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pretrain.ranks import world_size


class BatchNorm1d(nn.BatchNorm1d):
    """BatchNorm whose statistics in training are those of the samples of all ranks."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C) or (B, C, L) over everything but the channels."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        count = input.numel() // input.shape[1] * world_size()
        mean_C, variance_C = statistics(input.detach())
        if self.track_running_stats:
            self._remember(mean_C, variance_C * count / (count - 1))
        return _Normalise.apply(input, self.weight, self.bias, mean_C, variance_C, self.eps, count)

    def _remember(self, mean_C: Tensor, variance_C: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance_C.to(self.running_var.dtype), self.momentum)


def statistics(input: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance (C) of each channel over the samples of all ranks."""
    over = [axis for axis in range(input.dim()) if axis != 1]
    # Not `var`, which goes through the values one by one: 20 times as slow on a CPU.
    wide = input.float() if input.dtype in (torch.bfloat16, torch.half) else input
    local = wide.mean(over, keepdim=True)
    variance_C = (wide - local).square_().mean(over)
    means_RC, variances_RC = of_all_ranks(torch.stack([local.flatten(), variance_C])).unbind(1)
    mean_C = means_RC.mean(0)
    # Ranks hold equally many samples, so the variance of all is the mean of theirs plus the
    # variance of their means; unlike a sum of squares it keeps its precision.
    return mean_C, (variances_RC + (means_RC - mean_C).square()).mean(0)


def of_all_ranks(values_2C: Tensor) -> Tensor:
    """Return (R, 2, C): what each rank has given."""
    ranks, (rows, channels) = world_size(), values_2C.shape
    everyone = values_2C.new_empty((ranks * rows, channels))
    gathering = dist.all_gather_single(everyone, values_2C, async_op=True)
    # These are few numbers and many times: on a CPU, being woken takes longer than they do.
    while values_2C.device.type == "cpu" and not gathering.is_completed():
        os.sched_yield()
    gathering.wait()
    return everyone.unflatten(0, (ranks, rows))


class _Normalise(torch.autograd.Function):
    """Normalisation with given statistics, which count as functions of the input (Ioffe 2015)."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight_C: Tensor,
        bias_C: Tensor,
        mean_C: Tensor,
        variance_C: Tensor,
        eps: float,
        count: int,
    ) -> Tensor:
        ctx.save_for_backward(input, weight_C, mean_C, variance_C)
        ctx.eps, ctx.count = eps, count
        return functional.batch_norm(input, mean_C, variance_C, weight_C, bias_C, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        input, weight_C, mean_C, variance_C = ctx.saved_tensors
        # The derivative as though the statistics were constants; it sums for weight and bias.
        direct, of_weight_C, of_bias_C = torch.ops.aten.native_batch_norm_backward(
            gradient, input, weight_C, mean_C, variance_C, None, None, False, ctx.eps, [True] * 3
        )
        sums_2C = of_all_ranks(torch.stack([of_weight_C, of_bias_C])).sum(0)
        # Through the statistics every sample moves against the mean gradient of all, and against
        # its own normalised value times the mean product of both.
        scale_C = weight_C * torch.rsqrt(variance_C + ctx.eps)
        slope_C, shift_C = -scale_C * sums_2C / ctx.count
        through = functional.batch_norm(input, mean_C, variance_C, slope_C, shift_C, eps=ctx.eps)
        return direct.add_(through), of_weight_C, of_bias_C, None, None, None, None


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
