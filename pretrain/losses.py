"""Contrastive and regression losses (paper, section 5.1.4; the choices it leaves open below).

Which samples are whose positives and negatives in the formula of `info_nce.py`:

- A pair with text: the positives of a sample are all with its caption; of any other pair, itself.
- The negatives are the samples that are neither positives nor windows of its clip, whether these
  overlap or not.

Over several ranks each computes the rows of its own samples against the keys of all.

Shape letters: B samples of this rank, G samples of all ranks, D embedding, T frames, W wrists,
C channels.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.info_nce import info_nce
from pretrain.ranks import gather_rows, rank

MODALITIES = ("text", "pose", "left", "right")
PAIRS = ("text-left", "text-right", "text-pose", "pose-left", "pose-right", "left-right")
REGRESSIONS = ("pose2imu", "reconstruction")


@dataclass
class LossConfig:
    """Which losses are summed, and how.

    `pairs` and `regressions` name the terms; a term that is not named is not computed. A learned
    temperature starts at `temperature` and stays within the bounds, one for each pair. `chunk`
    samples of a rank meet the samples of all ranks at a time, which bounds the memory.
    """

    pairs: list[str] = field(default_factory=lambda: list(PAIRS))
    regressions: list[str] = field(default_factory=lambda: list(REGRESSIONS))
    temperature: float = 0.07
    learned_temperature: bool = False
    lowest_temperature: float = 0.01
    highest_temperature: float = 1.0
    both_directions: bool = True
    chunk: int = 512
    contrastive_weight: float = 1.0
    regression_weight: float = 1.0


class _InwardClamp(torch.autograd.Function):
    """Clamp; outside the bounds only a gradient whose descent leads back inside passes."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(value)
        ctx.low, ctx.high = low, high
        return value.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (value,) = ctx.saved_tensors
        leaves = ((value >= ctx.high) & (grad < 0)) | ((value <= ctx.low) & (grad > 0))
        return grad.masked_fill(leaves, 0), None, None


class Temperatures(nn.Module):
    """The factor 1 / tau of each pair; learned ones are parameters log(1 / tau) of shape (1,)."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        # DeepSpeed cannot take a parameter without a dimension.
        start = torch.tensor([-math.log(config.temperature)])
        self.log_scale = nn.ParameterDict(
            {pair: start.clone() for pair in config.pairs if config.learned_temperature}
        )

    def scale(self, pair: str) -> Tensor | float:
        """Return 1 / tau, of shape (1,) where it is learned."""
        if not self.config.learned_temperature:
            return 1 / self.config.temperature
        low = -math.log(self.config.highest_temperature)
        high = -math.log(self.config.lowest_temperature)
        return _InwardClamp.apply(self.log_scale[pair].float(), low, high).exp()


class ContrastiveLoss(nn.Module):
    """InfoNCE for every pair of `config.pairs`."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.temperatures = Temperatures(config)

    def forward(
        self, embeddings_BD: dict[str, Tensor], caption_B: Tensor, clip_B: Tensor
    ) -> dict[str, Tensor]:
        """Return a loss (scalar) for each pair, of this rank's samples.

        Args:
            embeddings_BD: by modality (`MODALITIES`).
            caption_B: int64, equal for equal sentences, on every rank alike.
            clip_B: int64, equal for windows of one clip, on every rank alike.
        """
        if not self.config.pairs:
            return {}
        # At least float32, since a softmax over thousands of keys loses too much in bfloat16.
        with torch.autocast(caption_B.device.type, enabled=False):
            return self._losses(embeddings_BD, caption_B, clip_B)

    def _losses(
        self, embeddings_BD: dict[str, Tensor], caption_B: Tensor, clip_B: Tensor
    ) -> dict[str, Tensor]:
        own = {
            name: functional.normalize(at_least_float32(rows), dim=1)
            for name, rows in embeddings_BD.items()
        }
        gathered = gather_rows(torch.cat([own[name] for name in MODALITIES], dim=1))
        everyone = dict(zip(MODALITIES, gathered.chunk(len(MODALITIES), dim=1), strict=True))
        samples = len(caption_B)
        itself_B = torch.arange(samples, device=caption_B.device) + rank() * samples
        labels = {
            with_text: torch.stack([caption_B if with_text else itself_B, clip_B], dim=1)
            for with_text in (True, False)
        }
        labels_of_all = {with_text: gather_rows(label) for with_text, label in labels.items()}

        def one_direction(query: str, key: str, scale: Tensor | float, text: bool) -> Tensor:
            rows = (scale * own[query], everyone[key], labels[text], labels_of_all[text])
            return info_nce(*rows, self.config.chunk)

        losses = {}
        for pair in self.config.pairs:
            first, second = pair.split("-")
            given = (self.temperatures.scale(pair), first == "text")
            loss = one_direction(first, second, *given)
            if self.config.both_directions:
                loss = (loss + one_direction(second, first, *given)) / 2
            losses[pair] = loss
        return losses


def at_least_float32(rows: Tensor) -> Tensor:
    """Return the rows in float32, or in float64 where they are."""
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def regression_loss(predicted_BTWC: Tensor, true_BTWC: Tensor) -> Tensor:
    """Return the mean squared error (scalar)."""
    return functional.mse_loss(at_least_float32(predicted_BTWC), at_least_float32(true_BTWC))
