"""A one-dimensional residual network (Wang, Yan and Oates 2017, "Time series classification from
scratch with deep neural networks: a strong baseline").

Shape letters: B windows, T frames, W wrists, C channels, X wrists and channels, F filters,
K classes.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from finetune.scaling import Standardize

# There 8, 5 and 3; an odd kernel keeps the length with equal padding on both sides.
KERNELS = (7, 5, 3)


@dataclass
class ResnetConfig:
    """Filters of each residual block; the paper's are the default."""

    filters: list[int] = field(default_factory=lambda: [64, 128, 128])


class ResidualBlock(nn.Module):
    """Three convolutions with BatchNorm beside a 1x1 convolution with BatchNorm, added, ReLU."""

    def __init__(self, filters_in: int, filters: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, kernel in enumerate(KERNELS):
            maps = filters if index else filters_in
            layers += [
                nn.Conv1d(maps, filters, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(filters),
                nn.ReLU(),
            ]
        self.branch = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential(
            nn.Conv1d(filters_in, filters, 1, bias=False), nn.BatchNorm1d(filters)
        )

    def forward(self, maps_BXT: Tensor) -> Tensor:
        """Return maps (B, F, T)."""
        return (self.branch(maps_BXT) + self.shortcut(maps_BXT)).relu()


class Resnet(nn.Module):
    """Residual blocks over all channels of all wrists together, the mean over time, a linear
    layer.
    """

    def __init__(self, standardize: Standardize, classes: int, config: ResnetConfig) -> None:
        super().__init__()
        self.standardize = standardize
        widths = [standardize.mean_WC.numel(), *config.filters]
        self.blocks = nn.Sequential(*(ResidualBlock(*pair) for pair in pairwise(widths)))
        self.classify = nn.Linear(widths[-1], classes)

    def forward(self, signals_BTWC: Tensor, present_BWC: Tensor) -> Tensor:
        """Return class scores (B, K) of windows in SI units."""
        signals_BTX = self.standardize(signals_BTWC, present_BWC).flatten(2)
        return self.classify(self.blocks(signals_BTX.transpose(1, 2)).mean(2))
