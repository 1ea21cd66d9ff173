"""InfoNCE with several positives, in memory that does not grow with the square of the batch.

With logits l (cosine similarity over temperature), query i has positives P(i), always its own key
among them, and negatives N(i). Every positive is compared with the negatives alone:

    L_i = mean_{p in P(i)} -log( e^l_ip / (e^l_ip + sum_{n in N(i)} e^l_in) )

With P(i) = {i} and N(i) = everything else this is InfoNCE. Positives never stand in each other's
denominator, so the loss can reach zero however often a caption is repeated.

Logits and masks exist for a chunk of queries at a time, C x G of them, and are made again in the
backward pass.

Shape letters: B queries, G keys, C queries of a chunk, D embedding.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def info_nce(
    query_BD: Tensor, key_GD: Tensor, label_B2: Tensor, label_G2: Tensor, chunk: int
) -> Tensor:
    """Return the mean over queries (scalar) of the formula above; logits are query @ key.

    Args:
        query_BD: of unit length, times 1 / tau.
        key_GD: of unit length.
        label_B2: int64, the group and the clip of each query. P(i) are the keys of its group, of
            which there must be one; N(i) are the others, without those of its clip.
        label_G2: the same of the keys.
        chunk: how many queries meet the keys at a time.
    """
    return _LossOfQueries.apply(query_BD, key_GD, label_B2, label_G2, chunk).mean()


class _LossOfQueries(torch.autograd.Function):
    """L_i of every query (B,)."""

    @staticmethod
    def forward(
        ctx: Any,
        query_BD: Tensor,
        key_GD: Tensor,
        label_B2: Tensor,
        label_G2: Tensor,
        chunk: int,
    ) -> Tensor:
        loss_B, against_B = query_BD.new_empty(len(query_BD)), query_BD.new_empty(len(query_BD))
        with _in_full_precision(query_BD):
            for own in _chunks(len(query_BD), chunk):
                positive_CG, barred_CG = _masks(label_B2[own], label_G2)
                logits_CG = query_BD[own] @ key_GD.T
                against_C = logits_CG.masked_fill(barred_CG, -math.inf).logsumexp(1)
                costs_CG = functional.logsigmoid(logits_CG.sub_(against_C[:, None]))
                loss_B[own] = -costs_CG.mul_(positive_CG).sum(1) / positive_CG.sum(1)
                against_B[own] = against_C
        ctx.save_for_backward(query_BD, key_GD, label_B2, label_G2, against_B)
        ctx.chunk = chunk
        return loss_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_B: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Send the gradient of every logit into its query and its key.

        With A_i = log sum_n e^l_in and u_ip = sigmoid(A_i - l_ip):
        |P(i)| dL_i / dl_ip = -u_ip and |P(i)| dL_i / dl_in = e^(l_in - A_i) sum_p u_ip.
        """
        query_BD, key_GD, label_B2, label_G2, against_B = ctx.saved_tensors
        grad_query_BD, grad_key_GD = torch.empty_like(query_BD), torch.zeros_like(key_GD)
        with _in_full_precision(query_BD):
            for own in _chunks(len(query_BD), ctx.chunk):
                positive_CG, barred_CG = _masks(label_B2[own], label_G2)
                ahead_CG = (query_BD[own] @ key_GD.T).sub_(against_B[own, None])
                pull_CG = torch.sigmoid(-ahead_CG).mul_(positive_CG)
                push_CG = ahead_CG.exp_().masked_fill_(barred_CG, 0)
                grad_CG = push_CG.mul_(pull_CG.sum(1, keepdim=True)).sub_(pull_CG)
                grad_CG *= (grad_B[own] / positive_CG.sum(1))[:, None]
                grad_query_BD[own] = grad_CG @ key_GD
                grad_key_GD.addmm_(grad_CG.T, query_BD[own])
        return grad_query_BD, grad_key_GD, None, None, None


def _in_full_precision(rows: Tensor) -> torch.autocast:
    return torch.autocast(rows.device.type, enabled=False)


def _chunks(rows: int, chunk: int) -> Iterator[slice]:
    return (slice(first, first + chunk) for first in range(0, rows, chunk))


def _masks(label_C2: Tensor, label_G2: Tensor) -> tuple[Tensor, Tensor]:
    """Return which keys are positives, and which are no negatives, of each query (C, G)."""
    group_C1, clip_C1 = label_C2[:, None].unbind(2)
    group_G, clip_G = label_G2.unbind(1)
    positive_CG = group_C1 == group_G
    return positive_CG, (clip_C1 == clip_G) | positive_CG
