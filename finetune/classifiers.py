"""The classifier of the paper's section 5.2 behind an IMU encoder.

Shape letters: B windows, T frames, W wrists, C channels, S segments of a window, P tokens of a
segment, L tokens of a window, D width, N experts, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cluster.errors import UserError
from finetune.experts import GateName, MixtureOfExperts, make_gate
from finetune.targets.recording import WRISTS
from pretrain.encoders import ImuEncoder


@dataclass
class ClassifierConfig:
    """Sizes of the classifier; the paper leaves all but `experts` and `stages` open.

    `gate` is `soft` (all experts answer, as in the paper) or `top_k` (at most `k` of them).
    """

    width: int = 64
    kernel: int = 3
    stages: int = 2
    heads: int = 4
    feed_forward: int = 128
    dropout: float = 0.2
    experts: int = 8
    expert_width: int = 32
    gate: GateName = "soft"
    k: int = 2


def check_classifier(config: ClassifierConfig) -> None:
    """Raise UserError, naming the key, for sizes that do not fit one another."""
    if config.heads < 1 or config.width % config.heads:
        raise UserError(
            f"classifier.width is {config.width}; it must be a multiple of classifier.heads, "
            f"{config.heads}"
        )
    if config.kernel % 2 == 0:
        raise UserError(f"classifier.kernel is {config.kernel}; it must be odd")


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

    def forward(self, tokens_BLD: Tensor, absent_BL: Tensor | None) -> Tensor:
        """Return tokens of the same shape; absent ones (None: none) are not attended to."""
        attended_BLD, _ = self.attend(
            tokens_BLD, tokens_BLD, tokens_BLD, key_padding_mask=absent_BL, need_weights=False
        )
        tokens_BLD = self.norm_attended(tokens_BLD + attended_BLD)
        return self.norm_fed(tokens_BLD + self.feed_forward(tokens_BLD))


class MixtureClassifier(nn.Module):
    """Tokens of a window to class scores.

    Conv1d with BatchNorm and ReLU along the tokens, attention stages, class scores of each token
    by a mixture of experts (without experts: by one linear layer), the mean over the tokens that
    are present.
    """

    def __init__(self, token_width: int, classes: int, config: ClassifierConfig) -> None:
        super().__init__()
        width, experts = config.width, config.experts
        self.convolve = nn.Conv1d(token_width, width, config.kernel, padding=config.kernel // 2)
        self.norm = nn.BatchNorm1d(width)
        self.stages = nn.ModuleList(AttentionStage(config) for _ in range(config.stages))
        self.head: MixtureOfExperts | nn.Linear
        if experts:
            gate = make_gate(config.gate, width, experts, config.k)
            self.head = MixtureOfExperts(gate, width, experts, config.expert_width, classes)
        else:
            self.head = nn.Linear(width, classes)

    def forward(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return class scores (B, K)."""
        hidden_BLD = self._attended(tokens_BLD, present_BL)
        if isinstance(self.head, MixtureOfExperts):
            scores_BLK = self.head(hidden_BLD, present_BL)
        else:
            scores_BLK = self.head(hidden_BLD)
        return _mean_of_present(scores_BLK, present_BL)

    def gates(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        """Return the mean weight (B, N) of each expert of the mixture over a window's tokens."""
        assert isinstance(self.head, MixtureOfExperts)
        gate_BLN = self.head.gate(self._attended(tokens_BLD, present_BL), present_BL)
        return _mean_of_present(gate_BLN, present_BL)

    def take_penalty(self) -> Tensor | float:
        """Return what the gate adds to the loss of the last training batch, once."""
        return self.head.gate.take_penalty() if isinstance(self.head, MixtureOfExperts) else 0.0

    def _attended(self, tokens_BLD: Tensor, present_BL: Tensor) -> Tensor:
        absent_BL = None if bool(present_BL.all()) else ~present_BL
        if absent_BL is not None:
            tokens_BLD = tokens_BLD.masked_fill(absent_BL[..., None], 0.0)
        maps_BDL = self.convolve(tokens_BLD.transpose(1, 2))
        if absent_BL is None:
            hidden_BLD = torch.relu(self.norm(maps_BDL)).transpose(1, 2)
        else:
            # Absent tokens take no part in the statistics of the BatchNorm.
            maps_BLD = maps_BDL.transpose(1, 2)
            hidden_BLD = torch.zeros_like(maps_BLD)
            hidden_BLD[present_BL] = torch.relu(self.norm(maps_BLD[present_BL]))
        for stage in self.stages:
            hidden_BLD = stage(hidden_BLD, absent_BL)
        return hidden_BLD


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
        present_BL = present_tokens(self.encoders, present_BWC, tokens_BLD.shape[1])
        return self.classifier(tokens_BLD, present_BL)

    def gates(self, tokens_BLD: Tensor, present_BWC: Tensor) -> Tensor:
        """Return the mean weight (B, N) of each expert over a window's tokens."""
        present_BL = present_tokens(self.encoders, present_BWC, tokens_BLD.shape[1])
        return self.classifier.gates(tokens_BLD, present_BL)

    def take_penalty(self) -> Tensor | float:
        """Return what is added to the loss of the last training batch, once."""
        return self.classifier.take_penalty()


Encoders = Mapping[str, ImuEncoder] | nn.ModuleDict


def encode_windows(encoders: Encoders, signals_BTWC: Tensor, present_BWC: Tensor) -> Tensor:
    """Return tokens (B, L, D): by wrist, then segment of the window, then token of the segment.

    A window is as many segments as the encoder reads at a time, each encoded by itself, or one
    where it reads any length; wrists that a window lacks are not encoded and have zero tokens.
    """
    parts = []
    for name, encoder in encoders.items():
        wrist = WRISTS.index(name)
        worn_M = present_BWC[:, wrist].any(-1).nonzero().squeeze(1)
        read_at_once = encoder.window or signals_BTWC.shape[1]
        segments_MSTC = signals_BTWC[worn_M, :, wrist].unflatten(1, (-1, read_at_once))
        tokens_XPD, _ = encoder(segments_MSTC.flatten(0, 1))
        tokens_MLD = tokens_XPD.unflatten(0, segments_MSTC.shape[:2]).flatten(1, 2)
        tokens_BLD = tokens_MLD.new_zeros(len(signals_BTWC), *tokens_MLD.shape[1:])
        parts.append(tokens_BLD.index_copy(0, worn_M, tokens_MLD))
    return torch.cat(parts, dim=1)


def present_tokens(encoders: Encoders, present_BWC: Tensor, length: int) -> Tensor:
    """Return which of the `length` tokens of windows are present, (B, L), as `encode_windows`
    orders them.
    """
    by_wrist: Mapping[str, Any] = dict(encoders.items())
    own = length // len(by_wrist)
    parts = [
        encoder.present_tokens(present_BWC[:, WRISTS.index(name)], own)
        for name, encoder in by_wrist.items()
    ]
    return torch.cat(parts, dim=1)


def _mean_of_present(values_BLX: Tensor, present_BL: Tensor) -> Tensor:
    kept_BLX = values_BLX * present_BL[..., None]
    return kept_BLX.sum(1) / present_BL.sum(1, keepdim=True)
