"""The mixture of experts of the paper's section 5.2, and the gates that weight the experts.

Shape letters: B windows, L tokens, D width, N experts, H hidden width of an expert, K classes,
X tokens that are present.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

BALANCE_WEIGHT = 0.01
SMALLEST_NOISE = 0.01

GateName = Literal["soft", "top_k"]


class SoftGate(nn.Module):
    """All experts answer: g = softmax(W h)."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.logits = nn.Linear(width, experts, bias=False)

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return the weights (B, L, N) of the experts, which sum to one for each token."""
        return self.logits(tokens_BLD).softmax(-1)

    def take_penalty(self) -> Tensor | float:
        """Return 0: nothing has to be balanced where every expert answers."""
        return 0.0


class NoisyTopKGate(nn.Module):
    """At most `k` experts answer for a token (Shazeer et al. 2017, section 4 and appendix A).

    In training, noise of a learned spread is added to the logits before the choice, and a penalty
    BALANCE_WEIGHT * (CV(importance)^2 + CV(load)^2) keeps the experts evenly used: importance
    sums an expert's weights over the tokens, load sums the probability of being chosen when the
    token's own noise is drawn anew. Both start from zero weights, as there, so that the experts
    start evenly used.
    """

    def __init__(self, width: int, experts: int, k: int) -> None:
        super().__init__()
        self.k = min(k, experts)
        self.logits = nn.Linear(width, experts, bias=False)
        self.noise = nn.Linear(width, experts, bias=False)
        nn.init.zeros_(self.logits.weight)
        nn.init.zeros_(self.noise.weight)
        self._penalty: Tensor | float = 0.0

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return weights (B, L, N), zero but for `k` experts; absent tokens are not balanced."""
        clean_BLN = self.logits(tokens_BLD)
        if not self.training:
            return top_k_softmax(clean_BLN, self.k)
        spread_BLN = functional.softplus(self.noise(tokens_BLD)) + SMALLEST_NOISE
        noisy_BLN = clean_BLN + spread_BLN * torch.randn_like(clean_BLN)
        gate_BLN = top_k_softmax(noisy_BLN, self.k)
        importance_N = gate_BLN[present_BL].sum(0)
        load_N = expected_load(
            clean_BLN[present_BL], noisy_BLN[present_BL], spread_BLN[present_BL], self.k
        )
        balance = squared_variation(importance_N) + squared_variation(load_N)
        self._penalty = BALANCE_WEIGHT * balance
        return gate_BLN

    def take_penalty(self) -> Tensor | float:
        """Return the penalty of the last training batch, once."""
        penalty, self._penalty = self._penalty, 0.0
        return penalty


class MixtureOfExperts(nn.Module):
    """y = sum_j g_j f_j(h) for every token h; an expert is a perceptron with one hidden layer."""

    def __init__(
        self, gate: SoftGate | NoisyTopKGate, width: int, experts: int, hidden: int, classes: int
    ) -> None:
        super().__init__()
        self.experts = experts
        self.gate = gate
        self.hidden = nn.Linear(width, experts * hidden)
        bound = hidden**-0.5
        self.out_NHK = nn.Parameter(torch.empty(experts, hidden, classes).uniform_(-bound, bound))
        self.bias_NK = nn.Parameter(torch.zeros(experts, classes))

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return class scores (B, L, K) of every token."""
        gate_BLN = self.gate(tokens_BLD, present_BL)
        hidden_BLNH = torch.relu(self.hidden(tokens_BLD)).unflatten(-1, (self.experts, -1))
        # Weighting before the last linear layer gives the same sum and never holds (B, L, N, K).
        weighted_BLNH = hidden_BLNH * gate_BLN[..., None]
        return weighted_BLNH.flatten(-2) @ self.out_NHK.flatten(0, 1) + gate_BLN @ self.bias_NK


def make_gate(name: GateName, width: int, experts: int, k: int) -> SoftGate | NoisyTopKGate:
    """Return the gate of that name."""
    return SoftGate(width, experts) if name == "soft" else NoisyTopKGate(width, experts, k)


def top_k_softmax(logits_BLN: Tensor, k: int) -> Tensor:
    """Return the softmax over the `k` largest logits; the other weights are zero."""
    top_BLk, chosen_BLk = logits_BLN.topk(k, dim=-1)
    return torch.zeros_like(logits_BLN).scatter(-1, chosen_BLk, top_BLk.softmax(-1))


def expected_load(clean_XN: Tensor, noisy_XN: Tensor, spread_XN: Tensor, k: int) -> Tensor:
    """Return (N,): how many tokens each expert is expected to serve, smooth in the logits.

    An expert is among the first k when its noisy logit exceeds the k-th largest of the others'
    (Shazeer et al. 2017, equations 8 to 10).
    """
    experts = clean_XN.shape[1]
    if k == experts:
        return clean_XN.new_full((experts,), float(len(clean_XN)))
    largest_Xk = noisy_XN.topk(k + 1, dim=1).values
    inside_X1, outside_X1 = largest_Xk[:, k:], largest_Xk[:, k - 1 : k]
    threshold_XN = torch.where(noisy_XN > inside_X1, inside_X1, outside_X1)
    return normal_cdf((clean_XN - threshold_XN) / spread_XN).sum(0)


def squared_variation(values_N: Tensor) -> Tensor:
    """Return the squared coefficient of variation: variance by squared mean."""
    return values_N.var(correction=0) / values_N.mean().square()


def normal_cdf(values: Tensor) -> Tensor:
    """Return the standard normal distribution function."""
    return 0.5 * (1 + torch.erf(values / math.sqrt(2)))
