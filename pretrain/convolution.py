"""A residual network over time: the IMU encoder of preset `plus`.

Shape letters: B batch, T frames, C channels, L tokens, W their width, P parts.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch_norm import BatchNorm1d


@dataclass
class ConvolutionConfig:
    """A stem and then a residual stage for each further entry of `channels` and `strides`.

    The last of `channels` is the width of the tokens, the product of `strides` the frames from
    one token to the next. `kernel` is odd. By default a token sees 141 frames, 1.2 s to either
    side of its own. The embedding sees means over `parts` equal parts of the time.
    """

    channels: list[int] = field(default_factory=lambda: [64, 64, 128, 256])
    strides: list[int] = field(default_factory=lambda: [2, 2, 2, 1])
    kernel: int = 5
    parts: int = 4
    dropout: float = 0.0


class ResidualStage(nn.Module):
    """Two convolutions with BatchNorm beside a 1x1 convolution (He et al. 2016, in 1-D)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        padding = kernel // 2
        self.branch = nn.Sequential(
            nn.Conv1d(before, after, kernel, stride, padding, bias=False),
            BatchNorm1d(after),
            nn.ReLU(),
            nn.Conv1d(after, after, kernel, 1, padding, bias=False),
            BatchNorm1d(after),
        )
        self.shortcut = nn.Sequential(
            nn.Conv1d(before, after, 1, stride, bias=False), BatchNorm1d(after)
        )

    def forward(self, maps_BWT: Tensor) -> Tensor:
        """Return (B, after, ceil(T / stride))."""
        return functional.relu(self.branch(maps_BWT) + self.shortcut(maps_BWT))


class ConvolutionalTrunk(nn.Module):
    """Scaled signals (B, T, C) to tokens (B, L, W), L = ceil(T / product of strides)."""

    def __init__(self, config: ConvolutionConfig, channels: int) -> None:
        super().__init__()
        kernel, first = config.kernel, config.channels[0]
        stem = [
            nn.Conv1d(channels, first, kernel, config.strides[0], kernel // 2, bias=False),
            BatchNorm1d(first),
            nn.ReLU(),
        ]
        steps = zip(pairwise(config.channels), config.strides[1:], strict=True)
        stages = [ResidualStage(before, after, kernel, stride) for (before, after), stride in steps]
        self.stages = nn.Sequential(*stem, *stages, nn.Dropout(config.dropout))

    def forward(self, scaled_BTC: Tensor) -> Tensor:
        """Return (B, L, W)."""
        return self.stages(scaled_BTC.transpose(1, 2)).transpose(1, 2)


def pooled(tokens_BLW: Tensor, parts: int) -> Tensor:
    """Return (B, (parts + 1) W): means over equal parts of the time, and the maximum over all."""
    means_BWP = functional.adaptive_avg_pool1d(tokens_BLW.transpose(1, 2), parts)
    return torch.cat([means_BWP.flatten(1), tokens_BLW.amax(1)], dim=1)
