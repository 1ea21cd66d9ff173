"""The pre-norm transformer block that the pose and the IMU encoder are made of.

Shape letters: S sequences, L tokens, D width, H heads.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

LAYER_NORM_EPSILON = 1e-6
# Tokens made by a linear layer from values of order one have a spread of this order, so positions
# that start with it are seen from the first step.
POSITION_SPREAD = 0.5


def learned_positions(length: int, width: int) -> nn.Parameter:
    """Return (L, D), one learned vector for each position."""
    return nn.Parameter(POSITION_SPREAD * torch.randn(length, width))


def drop_path_rates(highest: float, blocks: int) -> list[float]:
    """Return the rate of each block, rising linearly from 0 to `highest`."""
    return [highest * block / max(blocks - 1, 1) for block in range(blocks)]


class DropPath(nn.Module):
    """Leave a residual branch out, for a whole sequence at once, with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch_SLD: Tensor) -> Tensor:
        """Return the branch with dropped sequences at zero and kept ones scaled up."""
        if not self.training or self.rate == 0:
            return branch_SLD
        keep = 1 - self.rate
        kept_S11 = branch_SLD.new_empty(branch_SLD.shape[0], 1, 1).bernoulli_(keep)
        return branch_SLD * (kept_S11 / keep)


class Attention(nn.Module):
    """Multi-head self-attention over the tokens of each sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens_SLD: Tensor) -> Tensor:
        """Return (S, L, D)."""
        query_SHLd, key_SHLd, value_SHLd = (
            part_SLD.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part_SLD in self.query_key_value(tokens_SLD).chunk(3, dim=-1)
        )
        mixed_SHLd = functional.scaled_dot_product_attention(query_SHLd, key_SHLd, value_SHLd)
        return self.out(mixed_SHLd.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """LayerNorm, attention, residual; LayerNorm, two-layer perceptron with GELU, residual."""

    def __init__(
        self, width: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float
    ) -> None:
        super().__init__()
        hidden = round(width * mlp_ratio)
        self.attention = nn.Sequential(
            nn.LayerNorm(width, eps=LAYER_NORM_EPSILON),
            Attention(width, heads),
            nn.Dropout(dropout),
        )
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width, eps=LAYER_NORM_EPSILON),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )
        self.drop_path = DropPath(drop_path)
        self.recomputed = False

    def forward(self, tokens_SLD: Tensor) -> Tensor:
        """Return (S, L, D)."""
        if self.recomputed and self.training:
            return checkpoint(self._transform, tokens_SLD, use_reentrant=False)
        return self._transform(tokens_SLD)

    def _transform(self, tokens_SLD: Tensor) -> Tensor:
        tokens_SLD = tokens_SLD + self.drop_path(self.attention(tokens_SLD))
        return tokens_SLD + self.drop_path(self.perceptron(tokens_SLD))


def blocks(
    count: int, width: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float
) -> nn.Sequential:
    """Return `count` blocks, with drop-path rising to `drop_path`, and a last LayerNorm."""
    rates = drop_path_rates(drop_path, count)
    return nn.Sequential(
        *(Block(width, heads, mlp_ratio, dropout, rate) for rate in rates),
        nn.LayerNorm(width, eps=LAYER_NORM_EPSILON),
    )


def checkpoint_activations(model: nn.Module) -> None:
    """Let every block compute itself anew in the backward pass instead of keeping what it needs."""
    for module in model.modules():
        if isinstance(module, Block):
            module.recomputed = True
