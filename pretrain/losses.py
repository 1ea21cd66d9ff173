"""Contrastive and regression losses (paper, section 5.1.4; the choices it leaves open below).

InfoNCE. With cosine similarity s and temperature tau, query i has positives P(i), always its own
key among them, and negatives N(i). Every positive is compared with the negatives alone:

    L = mean_i mean_{p in P(i)} -log( e^(s_ip/tau) / (e^(s_ip/tau) + sum_{n in N(i)} e^(s_in/tau)) )

With P(i) = {i} and N(i) = everything else this is InfoNCE. Positives never stand in each other's
denominator, so the loss can reach zero however often a caption is repeated.

- A pair with text: P(i) are the samples with the caption of i.
- Any pair: N(i) are the samples that are neither positives nor windows of the clip of i.

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

from pretrain.ranks import gather_rows, rank

MODALITIES = ("text", "pose", "left", "right")
PAIRS = ("text-left", "text-right", "text-pose", "pose-left", "pose-right", "left-right")
REGRESSIONS = ("pose2imu", "reconstruction")


@dataclass
class LossConfig:
    """Which losses are summed, and how.

    `pairs` and `regressions` name the terms; a term that is not named is not computed. A learned
    temperature starts at `temperature` and stays within the bounds, one for each pair.
    """

    pairs: list[str] = field(default_factory=lambda: list(PAIRS))
    regressions: list[str] = field(default_factory=lambda: list(REGRESSIONS))
    temperature: float = 0.07
    learned_temperature: bool = False
    lowest_temperature: float = 0.01
    highest_temperature: float = 1.0
    both_directions: bool = True
    contrastive_weight: float = 1.0
    regression_weight: float = 1.0


def info_nce(
    query_BD: Tensor,
    key_GD: Tensor,
    scale: Tensor | float,
    positive_BG: Tensor,
    negative_BG: Tensor,
) -> Tensor:
    """Return the loss (scalar) of the formula above in one direction; `scale` is 1 / tau.

    Embeddings need not be normalised. Each row of `positive_BG` must have a true entry.
    """
    query_BD, key_GD = functional.normalize(query_BD, dim=1), functional.normalize(key_GD, dim=1)
    logits_BG = scale * (query_BD @ key_GD.T)
    negatives_B1 = logits_BG.masked_fill(~negative_BG, -math.inf).logsumexp(1, keepdim=True)
    losses_BG = -functional.logsigmoid(logits_BG - negatives_B1)
    return ((losses_BG * positive_BG).sum(1) / positive_BG.sum(1)).mean()


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
        own = {name: _at_least_float32(rows) for name, rows in embeddings_BD.items()}
        gathered = gather_rows(torch.cat([own[name] for name in MODALITIES], dim=1))
        everyone = dict(zip(MODALITIES, gathered.chunk(len(MODALITIES), dim=1), strict=True))
        masks = {
            with_text: _masks(caption_B, clip_B, with_text=with_text) for with_text in (True, False)
        }
        losses = {}
        for pair in self.config.pairs:
            first, second = pair.split("-")
            scale = self.temperatures.scale(pair)
            mask = masks[first == "text"]
            loss = info_nce(own[first], everyone[second], scale, *mask)
            if self.config.both_directions:
                loss = (loss + info_nce(own[second], everyone[first], scale, *mask)) / 2
            losses[pair] = loss
        return losses


def _at_least_float32(rows: Tensor) -> Tensor:
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _masks(caption_B: Tensor, clip_B: Tensor, with_text: bool) -> tuple[Tensor, Tensor]:
    """Return which samples of all ranks are positives, and which negatives, of each own one."""
    samples = len(caption_B)
    caption_G, clip_G = gather_rows(torch.stack([caption_B, clip_B], dim=1)).unbind(1)
    if with_text:
        positive_BG = caption_B[:, None] == caption_G
    else:
        own_B = torch.arange(samples, device=caption_B.device) + rank() * samples
        positive_BG = own_B[:, None] == torch.arange(len(caption_G), device=caption_B.device)
    return positive_BG, ~positive_BG & (clip_B[:, None] != clip_G)


def regression_loss(predicted_BTWC: Tensor, true_BTWC: Tensor) -> Tensor:
    """Return the mean squared error (scalar)."""
    return functional.mse_loss(_at_least_float32(predicted_BTWC), _at_least_float32(true_BTWC))
