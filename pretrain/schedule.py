"""The optimizer's settings and its learning rate over time."""

import math
from dataclasses import dataclass
from enum import Enum

import torch
from torch import nn

from cluster.errors import UserError


class Schedule(Enum):
    """What the learning rate does after the warm-up."""

    constant = "constant"
    cosine = "cosine"
    plateau = "plateau"


@dataclass
class OptimizerConfig:
    """AdamW.

    Attributes:
        learning_rate: its highest value.
        warmup: steps over which it rises from 0.
        schedule: `cosine` falls to `final_share` of it at the last step; `plateau` multiplies it
            by `factor` whenever `patience` validations in a row were no better than the best.
        clip: largest norm of the gradient; 0 for no bound.
        weight_decay: of matrices; vectors such as biases and temperatures never decay.
    """

    learning_rate: float = 1e-3
    warmup: int = 100
    schedule: Schedule = Schedule.cosine
    final_share: float = 0.01
    patience: int = 15
    factor: float = 0.1
    clip: float = 1.0
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999

    def check(self) -> None:
        """Raise UserError, naming the key, for a value that no run can have."""
        for key in ("beta1", "beta2", "factor", "final_share"):
            if not 0 <= getattr(self, key) < 1:
                raise UserError(f"optimizer.{key}: must lie in [0, 1), not {getattr(self, key)}")
        for key in ("learning_rate", "warmup", "clip", "weight_decay"):
            value = getattr(self, key)
            if not 0 <= value < math.inf:
                raise UserError(f"optimizer.{key}: must be finite and 0 or more, not {value}")
        if self.patience < 1:
            raise UserError(f"optimizer.patience: must be at least 1, not {self.patience}")


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW of torch itself, so that nothing is compiled at the start."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
    )


def learning_rate(config: OptimizerConfig, step: int, steps: int, reductions: int) -> float:
    """Return the learning rate of a step, counted from 0, of `steps`.

    `reductions` counts the plateaus so far; only the schedule `plateau` heeds it.
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.schedule is Schedule.cosine:
        done = (step - config.warmup) / max(1, steps - config.warmup)
        share = (1 + math.cos(math.pi * done)) / 2
        return config.learning_rate * (config.final_share + (1 - config.final_share) * share)
    if config.schedule is Schedule.plateau:
        return config.learning_rate * config.factor**reductions
    return config.learning_rate
