"""The classifier of the paper's section 5.2 behind an IMU encoder.

Shape letters: B windows, T frames, W wrists, C channels, S segments of a window, L tokens,
D width, N experts, H hidden width of an expert, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from finetune.targets.recording import WRISTS
from pretrain.encoders import ImuEncoder


@dataclass
class ClassifierConfig:
    """Sizes of the classifier; the paper leaves all but `experts` and `stages` open."""

    width: int = 128
    kernel: int = 3
    stages: int = 2
    heads: int = 4
    feed_forward: int = 256
    dropout: float = 0.2
    experts: int = 8
    expert_width: int = 64


class AttentionStage(nn.Module):
    """Multi-head self-attention with LayerNorm, then a feed-forward transformation."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        width = config.width
        self.attend = nn.MultiheadAttention(
            width, config.heads, dropout=config.dropout, batch_first=True
        )
        self.norm_attended = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, config.feed_forward),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feed_forward, width),
            nn.Dropout(config.dropout),
        )
        self.norm_fed = nn.LayerNorm(width)

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return tokens of the same shape; absent ones are not attended to."""
        absent_BL = None if bool(present_BL.all()) else ~present_BL
        attended_BLD, _ = self.attend(
            tokens_BLD, tokens_BLD, tokens_BLD, key_padding_mask=absent_BL, need_weights=False
        )
        tokens_BLD = self.norm_attended(tokens_BLD + attended_BLD)
        return self.norm_fed(tokens_BLD + self.feed_forward(tokens_BLD))


class MixtureOfExperts(nn.Module):
    """Soft gate over all experts: g = softmax(W h), y = sum_j g_j f_j(h) for every token h."""

    def __init__(self, width: int, experts: int, expert_width: int, classes: int) -> None:
        super().__init__()
        self.experts = experts
        self.gate = nn.Linear(width, experts, bias=False)
        self.hidden = nn.Linear(width, experts * expert_width)
        bound = expert_width**-0.5
        self.out_NHK = nn.Parameter(
            torch.empty(experts, expert_width, classes).uniform_(-bound, bound)
        )
        self.bias_NK = nn.Parameter(torch.zeros(experts, classes))

    def forward(self, tokens_BLD: Tensor) -> Tensor:
        """Return class scores (B, L, K) of every token."""
        gate_BLN = self.gate(tokens_BLD).softmax(-1)
        hidden_BLNH = torch.relu(self.hidden(tokens_BLD)).unflatten(-1, (self.experts, -1))
        # Weighting before the last linear layer gives the same sum and never holds (B, L, N, K).
        weighted_BLNH = hidden_BLNH * gate_BLN[..., None]
        return weighted_BLNH.flatten(-2) @ self.out_NHK.flatten(0, 1) + gate_BLN @ self.bias_NK


class MixtureClassifier(nn.Module):
    """Tokens of a window to class scores.

    Conv1d with BatchNorm and ReLU along the tokens, attention stages, a mixture of experts for
    each token, the mean over the tokens that are present.
    """

    def __init__(self, token_width: int, classes: int, config: ClassifierConfig) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(
            token_width, config.width, config.kernel, padding=config.kernel // 2
        )
        self.norm = nn.BatchNorm1d(config.width)
        self.stages = nn.ModuleList(AttentionStage(config) for _ in range(config.stages))
        self.experts = MixtureOfExperts(config.width, config.experts, config.expert_width, classes)

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return class scores (B, K)."""
        tokens_BLD = tokens_BLD * present_BL[..., None]
        maps_BLD = self.convolve(tokens_BLD.transpose(1, 2)).transpose(1, 2)
        # Absent tokens take no part in the statistics of the BatchNorm.
        hidden_BLD = torch.zeros_like(maps_BLD)
        hidden_BLD[present_BL] = torch.relu(self.norm(maps_BLD[present_BL]))
        for stage in self.stages:
            hidden_BLD = stage(hidden_BLD, present_BL)
        scores_BLK = self.experts(hidden_BLD) * present_BL[..., None]
        return scores_BLK.sum(1) / present_BL.sum(1, keepdim=True)


class EncoderClassifier(nn.Module):
    """An IMU encoder for each wrist in use, and the classifier over all of their tokens.

    While `frozen`, the encoders' weights take no gradient and they stay in evaluation mode
    whatever `train` is called with, so that running statistics and dropout do not move either.
    """

    def __init__(
        self, encoders: Mapping[str, ImuEncoder], classifier: MixtureClassifier, frozen: bool
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: encoders[name] for name in WRISTS if name in encoders})
        self.classifier = classifier
        self.set_frozen(frozen)

    def set_frozen(self, frozen: bool) -> None:
        """Freeze the encoders, or let them train."""
        self.frozen = frozen
        self.encoders.requires_grad_(not frozen)
        self.encoders.train(self.training and not frozen)

    def train(self, mode: bool = True) -> "EncoderClassifier":
        """Set training mode everywhere but in frozen encoders."""
        super().train(mode)
        if self.frozen:
            self.encoders.eval()
        return self

    def forward(self, signals_BTWC: Tensor, present_BWC: Tensor) -> Tensor:
        """Return class scores (B, K) of windows in SI units."""
        tokens_BLD = encode_windows(self.encoders, signals_BTWC, present_BWC)
        return self.classify(tokens_BLD, present_BWC)

    def classify(self, tokens_BLD: Tensor, present_BWC: Tensor) -> Tensor:
        """Return class scores (B, K) of windows whose tokens were computed before."""
        wrists = [WRISTS.index(name) for name in self.encoders]
        present_BWC = present_BWC[:, wrists]
        segments = tokens_BLD.shape[1] // present_BWC[0].numel()
        present_BWSC = present_BWC[:, :, None].expand(-1, -1, segments, -1)
        return self.classifier(tokens_BLD, present_BWSC.flatten(1))


def encode_windows(
    encoders: Mapping[str, nn.Module] | nn.ModuleDict, signals_BTWC: Tensor, present_BWC: Tensor
) -> Tensor:
    """Return tokens (B, L, D): by wrist, then segment of the window, then channel.

    A window of n seconds is n segments, each encoded by itself; wrists that a window lacks are
    not encoded and have zero tokens.
    """
    parts = []
    for name, encoder in encoders.items():
        wrist = WRISTS.index(name)
        worn_M = present_BWC[:, wrist].any(-1).nonzero().squeeze(1)
        segments_MSTC = signals_BTWC[worn_M, :, wrist].unflatten(1, (-1, encoder.window))
        tokens_XCD, _ = encoder(segments_MSTC.flatten(0, 1))
        tokens_MLD = tokens_XCD.unflatten(0, segments_MSTC.shape[:2]).flatten(1, 2)
        tokens_BLD = tokens_MLD.new_zeros(len(signals_BTWC), *tokens_MLD.shape[1:])
        parts.append(tokens_BLD.index_copy(0, worn_M, tokens_MLD))
    return torch.cat(parts, dim=1)
