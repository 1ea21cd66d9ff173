"""The decoders that keep the embeddings rich enough to give the signals back (5.1.2, 5.1.3).

Shape letters: B batch, D embedding, T frames, W wrists (left, right), C channels, L length.
Signals are in the encoders' scaled units, see `encoders.ImuScale`.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pretrain.batch_norm import BatchNorm1d
from pretrain.encoders import CHANNELS

WRISTS = 2


@dataclass
class DecoderConfig:
    """One stage of ConvTranspose and unpooling for each entry of `channels` and `unpooling`.

    The window must be a multiple of the product of `unpooling`; what is left of it, 5 frames by
    default, is what the first ConvTranspose makes of the embedding. `kernel` is odd.
    """

    channels: list[int] = field(default_factory=lambda: [128, 64, 32])
    unpooling: list[int] = field(default_factory=lambda: [2, 2, 3])
    kernel: int = 5
    dropout: float = 0.1


class Pose2Imu(nn.Module):
    """An embedding (B, D) to the signals of both wrists (B, T, 2, 6), by a CNN.

    Each stage is ConvTranspose1d, BatchNorm, ReLU, unpooling (linear interpolation) and dropout;
    a last convolution makes the twelve channels.
    """

    def __init__(self, config: DecoderConfig, window: int, embedding: int) -> None:
        super().__init__()
        first = window // math.prod(config.unpooling)
        # The embedding has length one, so a kernel of the first length spreads it over time.
        kernels = [first] + [config.kernel] * (len(config.channels) - 1)
        paddings = [0] + [config.kernel // 2] * (len(config.channels) - 1)
        before = embedding
        layers: list[nn.Module] = []
        for after, factor, kernel, padding in zip(
            config.channels, config.unpooling, kernels, paddings, strict=True
        ):
            layers += [
                nn.ConvTranspose1d(before, after, kernel, padding=padding, bias=False),
                BatchNorm1d(after),
                nn.ReLU(),
                nn.Upsample(scale_factor=factor, mode="linear"),
                nn.Dropout(config.dropout),
            ]
            before = after
        self.stages = nn.Sequential(*layers)
        self.out = nn.Conv1d(before, WRISTS * CHANNELS, config.kernel, padding=config.kernel // 2)

    def forward(self, embedding_BD: Tensor) -> Tensor:
        """Return (B, T, W, C)."""
        signals_BLT = self.out(self.stages(embedding_BD[:, :, None]))
        return signals_BLT.transpose(1, 2).unflatten(-1, (WRISTS, CHANNELS))


class ImuReconstructor(nn.Module):
    """The pair of IMU embeddings to the signals of both wrists: one linear layer, the same CNN."""

    def __init__(self, config: DecoderConfig, window: int, embedding: int) -> None:
        super().__init__()
        self.join = nn.Linear(WRISTS * embedding, embedding)
        self.decoder = Pose2Imu(config, window, embedding)

    def forward(self, left_BD: Tensor, right_BD: Tensor) -> Tensor:
        """Return (B, T, W, C)."""
        return self.decoder(self.join(torch.cat([left_BD, right_BD], dim=1)))
