"""Contrast over all windows of a step that are too many for one forward pass.

Cached gradients (GradCache; Gao et al. 2021, arXiv:2101.06983). The parts of a step are embedded
one after another without a graph; the contrastive loss over all of them, and all ranks, is
differentiated with respect to the embeddings; then each part is embedded again, with a graph, and
its share of that gradient is sent through it. The price is one more forward pass.

The second pass must repeat the first: the same dropout, and in BatchNorm the statistics of the
same part.

Shape letters: B samples of a part on this rank, D embedding.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pretrain.losses import MODALITIES, ContrastiveLoss, at_least_float32

Batch = dict[str, Any]
Embed = Callable[[int, Batch], dict[str, Tensor]]


class CachedContrast(NamedTuple):
    """Contrast over a step, as one of its parts sees it; a tuple as `ModelOutput` is one.

    The mean over the parts of what `pull` sends back is the gradient over the step.

    Attributes:
        losses: by pair, without a graph; the same for every part.
        embedding_grads: (B, D) by modality, of the sum over pairs.
        temperature_grads: by pair, of learned temperatures.
    """

    losses: dict[str, Tensor]
    embedding_grads: dict[str, Tensor]
    temperature_grads: dict[str, Tensor]

    def pull(self, embeddings_BD: dict[str, Tensor], contrastive: ContrastiveLoss) -> Tensor:
        """Return the sum of the losses over pairs, with the gradient that this part has to send."""
        value = torch.stack([*self.losses.values()]).sum()
        along = torch.zeros_like(value)
        for name, grad in self.embedding_grads.items():
            along = along + (embeddings_BD[name] * grad).sum()
        for pair, grad in self.temperature_grads.items():
            along = along + (contrastive.temperatures.log_scale[pair] * grad).sum()
        return value + along - along.detach()


def cache_contrast(
    contrastive: ContrastiveLoss, batches: Iterable[Batch], embed: Embed
) -> list[tuple[Batch, CachedContrast]]:
    """Return each part of a step with the contrast over all of them.

    `embed` gives the embeddings (B, D) of a part, without a graph, from its number and batch.
    Every rank calls this with equally many parts of equally many samples; `contrastive` must name
    a pair.
    """
    parts, embedded = [], []
    for number, batch in enumerate(batches):
        parts.append(batch)
        embedded.append(embed(number, batch))
    rows = {
        name: at_least_float32(torch.cat([part[name] for part in embedded])).requires_grad_()
        for name in MODALITIES
    }
    caption, clip = (
        torch.cat([batch[name] for batch in parts]).to(rows["text"].device)
        for name in ("caption", "clip")
    )
    losses = contrastive(rows, caption, clip)
    log_scales = contrastive.temperatures.log_scale
    grads = torch.autograd.grad(
        torch.stack([*losses.values()]).sum(),
        [*rows.values(), *log_scales.values()],
        allow_unused=True,  # a modality that no pair names
        materialize_grads=True,
    )
    values = {pair: loss.detach() for pair, loss in losses.items()}
    temperature_grads = dict(zip(log_scales, grads[len(rows) :], strict=True))
    shares = [(len(parts) * grad).chunk(len(parts)) for grad in grads[: len(rows)]]
    return [
        (batch, CachedContrast(values, dict(zip(rows, share, strict=True)), temperature_grads))
        for batch, share in zip(parts, zip(*shares, strict=True), strict=True)
    ]
