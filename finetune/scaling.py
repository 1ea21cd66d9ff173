"""Standardisation with the training people's statistics, kept inside the model that needs it.

Shape letters: N or B windows, T frames, W wrists, C channels.
"""

from torch import Tensor, nn

SMALLEST_SPREAD = 1e-6


class Standardize(nn.Module):
    """Subtract each channel's mean and divide by its spread; absent channels stay zero.

    `mean_WC` and `spread_WC` are over the windows handed to the constructor, which are those of
    training people, where the channel is present.
    """

    mean_WC: Tensor
    spread_WC: Tensor

    def __init__(self, signals_NTWC: Tensor, present_NWC: Tensor) -> None:
        super().__init__()
        weights_NWC = present_NWC.double()
        frames = signals_NTWC.shape[1]
        count_WC = (weights_NWC.sum(0) * frames).clamp(min=1)
        sums_NWC = signals_NTWC.double().sum(1) * weights_NWC
        mean_WC = sums_NWC.sum(0) / count_WC
        squares_NWC = (signals_NTWC.double() - mean_WC).square().sum(1) * weights_NWC
        spread_WC = (squares_NWC.sum(0) / count_WC).sqrt()
        spread_WC[spread_WC < SMALLEST_SPREAD] = 1.0
        self.register_buffer("mean_WC", mean_WC.float())
        self.register_buffer("spread_WC", spread_WC.float())

    def forward(self, signals_BTWC: Tensor, present_BWC: Tensor) -> Tensor:
        """Return standardised signals (B, T, W, C)."""
        return (signals_BTWC - self.mean_WC) / self.spread_WC * present_BWC[:, None]
