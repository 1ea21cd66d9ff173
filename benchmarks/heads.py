"""Several heads of a frozen row at once against one after another, on one thread.

Heads of as many folds as the table has learn from stored tokens, each from batches of its own:
one after another as `finetune.training` does, and all at once with their weights stacked
(`torch.func.stack_module_state` and `vmap`). Steps, optimizer and clipping are the same; with
dropout off, so are the losses. Stacked running statistics let BatchNorm keep each head's own.

Shape letters: F heads, B batch, L tokens, D width.
"""

import copy
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from finetune.classifiers import ClassifierConfig, MixtureClassifier
from finetune.training import TrainingConfig

HEADS, CLASSES, STEPS, ROUNDS = 5, 7, 4, 3
Batch = tuple[Tensor, Tensor]
Losses = list[list[float]]


def one_after_another(
    heads: list[nn.Module], batches: list[Batch], training: TrainingConfig
) -> Losses:
    """Train each head on its part of every batch; returns the losses by step and head."""
    losses: Losses = [[] for _ in batches]
    for number, head in enumerate(heads):
        optimizer = torch.optim.AdamW(head.parameters(), training.learning_rate, fused=True)
        for step, (tokens_FBLD, labels_FB) in enumerate(batches):
            tokens_BLD = tokens_FBLD[number]
            present_BL = torch.ones(tokens_BLD.shape[:2], dtype=torch.bool)
            loss = functional.cross_entropy(head(tokens_BLD, present_BL), labels_FB[number])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), training.gradient_norm, foreach=True)
            optimizer.step()
            losses[step].append(loss.item())
    return losses


def at_once(heads: list[nn.Module], batches: list[Batch], training: TrainingConfig) -> Losses:
    """Do the same with the weights of all heads stacked."""
    weights, buffers = stack_module_state(heads)
    plan = copy.deepcopy(heads[0]).to("meta")
    present_BL = torch.ones(batches[0][0].shape[1:3], dtype=torch.bool)

    def loss_of(
        weights: dict[str, Tensor], buffers: dict[str, Tensor], tokens: Tensor, labels: Tensor
    ) -> Tensor:
        scores_BK = functional_call(plan, (weights, buffers), (tokens, present_BL))
        return functional.cross_entropy(scores_BK, labels)

    together = vmap(loss_of, randomness="different")
    optimizer = torch.optim.AdamW(weights.values(), training.learning_rate, fused=True)
    losses: Losses = []
    for batch in batches:
        loss_F = together(weights, buffers, *batch)
        optimizer.zero_grad()
        loss_F.sum().backward()
        clip_each(list(weights.values()), training.gradient_norm)
        optimizer.step()
        losses.append(loss_F.tolist())
    return losses


def clip_each(weights: list[Tensor], norm: float) -> None:
    """Clip the gradient of each head by itself, as `clip_grad_norm_` does."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    norms_FG = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients], dim=1)
    factor_F = (norm / (norms_FG.norm(dim=1) + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor_F.view(-1, *[1] * (gradient.ndim - 1)))


Way = Callable[[list[nn.Module], list[Batch], TrainingConfig], Losses]
WAYS: dict[str, Way] = {"one after another": one_after_another, "at once": at_once}


def made(config: ClassifierConfig, length: int, width: int, size: int) -> tuple[list, list[Batch]]:
    """Return untrained heads, and batches of random tokens."""
    torch.manual_seed(0)
    heads = [MixtureClassifier(width, CLASSES, config).train() for _ in range(HEADS)]
    batches = [
        (torch.randn(HEADS, size, length, width), torch.randint(CLASSES, (HEADS, size)))
        for _ in range(STEPS)
    ]
    return heads, batches


def batched_ratio(length: int, width: int, size: int) -> float:
    """Return how many times the speed of one after another at once has, by CPU time.

    For the default classifier and `size` windows of `length` tokens in a batch of each head.
    """
    config, training = ClassifierConfig(), TrainingConfig()
    still, batches = made(replace(config, dropout=0.0), length, width, size)
    both = [way(copy.deepcopy(still), batches, training) for way in WAYS.values()]
    for one, other in zip(*both, strict=True):
        assert all(math.isclose(*pair, rel_tol=1e-3) for pair in zip(one, other, strict=True))
    heads, batches = made(config, length, width, size)
    ratios = []
    for _ in range(ROUNDS):
        taken = {}
        for name, way in WAYS.items():
            mine = copy.deepcopy(heads)
            began = time.process_time()
            way(mine, batches, training)
            taken[name] = time.process_time() - began
        ratios.append(taken["one after another"] / taken["at once"])
    return statistics.median(ratios)
