"""The encoders of text, pose and IMU (paper, section 5.1.1), each ending in one vector.

Shape letters: B batch, E text vector, T frames, P patches of frames, J joints, C channels,
D width, S patches of all samples, K values of a joint in a patch.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.attention import blocks, learned_positions
from pretrain.batch_norm import BatchNorm1d
from pretrain.convolution import ConvolutionalTrunk, ConvolutionConfig, pooled
from pretrain.movement import FEATURES, movement

CHANNELS = 6


@dataclass
class TextEncoderConfig:
    """Residual 1-D CNN over the text vector; one block for each entry of `channels`.

    `kernel` is odd.
    """

    channels: list[int] = field(default_factory=lambda: [16, 32, 64])
    kernel: int = 5
    stride: int = 2
    dropout: float = 0.1


class PoseEncoderKind(Enum):
    """What a pose encoder looks at: the turn of each joint, or what the body does with them."""

    joints = "joints"
    movement = "movement"


@dataclass
class PoseEncoderConfig:
    """PoseFormer, or with `kind: movement` a residual network over what `movement.py` tells.

    PoseFormer attends over the joints of a frame, then over frames; these keys are its own:
    `frames_per_token` frames share their joint tokens (the paper: 1), which divides the work of
    the spatial part by as much and keeps every value of the input; it divides the window. For
    either kind `joints` is 52, as many as shards have.
    """

    kind: PoseEncoderKind = PoseEncoderKind.joints
    joints: int = 52
    frames_per_token: int = 1
    spatial_width: int = 32
    spatial_blocks: int = 4
    spatial_heads: int = 8
    temporal_width: int = 256
    temporal_blocks: int = 4
    temporal_heads: int = 8
    mlp_ratio: float = 2.0
    dropout: float = 0.0
    drop_path: float = 0.1
    convolution: ConvolutionConfig = field(default_factory=ConvolutionConfig)


class ImuEncoderKind(Enum):
    """What an IMU encoder's tokens are: channels that attend to each other, or steps in time."""

    attention = "attention"
    convolution = "convolution"


@dataclass
class ImuEncoderConfig:
    """The encoder of one wrist.

    Signals are divided by `accelerometer_scale` (m/s2) and `gyroscope_scale` (rad/s). The other
    keys are those of attention over the six channels (the paper's); `convolution` has its own.
    """

    kind: ImuEncoderKind = ImuEncoderKind.attention
    width: int = 256
    blocks: int = 4
    heads: int = 8
    mlp_ratio: float = 2.0
    dropout: float = 0.1
    drop_path: float = 0.0
    accelerometer_scale: float = 9.81
    gyroscope_scale: float = 3.0
    convolution: ConvolutionConfig = field(default_factory=ConvolutionConfig)


class ResidualBlock(nn.Module):
    """Conv1d and BatchNorm beside a 1x1 convolution, added, then ReLU and dropout."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int, dropout: float
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv1d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
            BatchNorm1d(channels_out),
        )
        self.shortcut = nn.Conv1d(channels_in, channels_out, 1, stride)
        self.dropout = nn.Dropout(dropout)

    def forward(self, signal_BCL: Tensor) -> Tensor:
        """Return (B, channels_out, ceil(L / stride))."""
        return self.dropout(functional.relu(self.branch(signal_BCL) + self.shortcut(signal_BCL)))


class TextEncoder(nn.Module):
    """Sentence vectors (B, E) to embeddings (B, D).

    The vector is read as a sequence of one channel. Its length does not matter: it is brought
    to a root mean square of one, whatever the text model.
    """

    def __init__(self, config: TextEncoderConfig, text_size: int, embedding: int) -> None:
        super().__init__()
        steps = zip([1, *config.channels[:-1]], config.channels, strict=True)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(before, after, config.kernel, config.stride, config.dropout)
                for before, after in steps
            )
        )
        length = text_size
        for _ in config.channels:
            length = -(-length // config.stride)
        self.out = nn.Linear(config.channels[-1] * length, embedding)

    def forward(self, text_BE: Tensor) -> Tensor:
        """Return (B, D)."""
        scaled_BE = functional.normalize(text_BE, dim=1) * text_BE.shape[1] ** 0.5
        return self.out(self.blocks(scaled_BE[:, None].to(self.out.weight.dtype)).flatten(1))


class PoseEncoder(nn.Module, ABC):
    """Joint rotations (B, T, J, 3), axis-angle in radians, to embeddings (B, D)."""

    @abstractmethod
    def forward(self, pose_BTJ3: Tensor) -> Tensor:
        """Return (B, D)."""


class JointEncoder(PoseEncoder):
    """The paper's: attention over the joints of a frame, then over frames."""

    def __init__(self, config: PoseEncoderConfig, window: int, embedding: int) -> None:
        super().__init__()
        self.config = config
        patches = window // config.frames_per_token
        self.joint_token = nn.Linear(3 * config.frames_per_token, config.spatial_width)
        self.joint_positions = learned_positions(config.joints, config.spatial_width)
        self.spatial = blocks(
            config.spatial_blocks,
            config.spatial_width,
            config.spatial_heads,
            config.mlp_ratio,
            config.dropout,
            config.drop_path,
        )
        self.frame_token = nn.Linear(config.joints * config.spatial_width, config.temporal_width)
        self.frame_positions = learned_positions(patches, config.temporal_width)
        self.temporal = blocks(
            config.temporal_blocks,
            config.temporal_width,
            config.temporal_heads,
            config.mlp_ratio,
            config.dropout,
            config.drop_path,
        )
        self.frame_logits = nn.Parameter(torch.zeros(patches))
        self.out = nn.Linear(config.temporal_width, embedding)

    def forward(self, pose_BTJ3: Tensor) -> Tensor:
        """Return (B, D)."""
        tokens_BPD = self.frame_token(self._joints_of_patches(pose_BTJ3))
        tokens_BPD = self.temporal(tokens_BPD + self.frame_positions)
        return self.out(self.frame_logits.softmax(0) @ tokens_BPD)

    def _joints_of_patches(self, pose_BTJ3: Tensor) -> Tensor:
        """Return (B, P, J * spatial width): the joints of a patch, side by side."""
        batch, _, joints, _ = pose_BTJ3.shape
        patches_BPTJ3 = pose_BTJ3.unflatten(1, (-1, self.config.frames_per_token))
        patches_SJK = patches_BPTJ3.transpose(2, 3).flatten(3).flatten(0, 1)
        tokens_SJD = self.joint_token(patches_SJK.to(self.out.weight.dtype))
        tokens_SJD = self.spatial(tokens_SJD + self.joint_positions)
        return tokens_SJD.reshape(batch, -1, joints * self.config.spatial_width)


class MovementEncoder(PoseEncoder):
    """A residual network over the body's movement in time, as `TimeEncoder` is over signals.

    It reads windows of any length, and sees no fingers and no heading.
    """

    def __init__(self, config: PoseEncoderConfig, embedding: int) -> None:
        super().__init__()
        convolution = config.convolution
        self.feature_token = nn.Linear(FEATURES, convolution.channels[0])
        self.trunk = ConvolutionalTrunk(convolution, convolution.channels[0])
        self.parts = convolution.parts
        self.out = nn.Linear((self.parts + 1) * convolution.channels[-1], embedding)

    def forward(self, pose_BTJ3: Tensor) -> Tensor:
        """Return (B, D)."""
        features_BTF = movement(pose_BTJ3).transpose(1, 2).to(self.out.weight.dtype)
        return self.out(pooled(self.trunk(self.feature_token(features_BTF)), self.parts))


class ImuScale(nn.Module):
    """Between SI units and the units in which signals are of order one, for (..., 6)."""

    def __init__(self, config: ImuEncoderConfig) -> None:
        super().__init__()
        scales = [config.accelerometer_scale] * 3 + [config.gyroscope_scale] * 3
        self.scale_C: Tensor
        # Not part of the weights: the configuration holds it exactly.
        self.register_buffer("scale_C", torch.tensor(scales), persistent=False)

    def forward(self, imu_C: Tensor) -> Tensor:
        """Return the scaled signals from m/s2 and rad/s."""
        return imu_C / self.scale_C

    def to_si(self, scaled_C: Tensor) -> Tensor:
        """Return m/s2 and rad/s from scaled signals."""
        return scaled_C * self.scale_C


class ImuEncoder(nn.Module, ABC):
    """Signals of one wrist (B, T, 6) to tokens (B, L, width) and embeddings (B, D).

    Channels are ax ay az in m/s2 (specific force: a resting sensor reads 9.81 upwards), then
    gx gy gz in rad/s, at 60 Hz; scaling happens inside.

    Attributes:
        width: of the tokens.
        window: frames that are read at once, or None where any number is.
        window_tokens: tokens of such a window, one for each channel, or None where tokens
            follow one another in time.
    """

    width: int
    window: int | None
    window_tokens: int | None

    def __init__(self, config: ImuEncoderConfig) -> None:
        super().__init__()
        self.scale = ImuScale(config)

    @abstractmethod
    def embed(self, tokens_BLD: Tensor) -> Tensor:
        """Return the embedding (B, D) of the tokens of what is read at once."""

    @abstractmethod
    def present_tokens(self, present_BC: Tensor, tokens: int) -> Tensor:
        """Return which of a window's tokens stand on a channel that was measured (B, tokens)."""


class ChannelEncoder(ImuEncoder):
    """The paper's: attention over the six channels.

    Token c is a linear embedding of all samples of channel c plus the learned position of that
    channel; the tokens attend to each other, and one linear layer over all of them makes the
    embedding.
    """

    window: int
    window_tokens: int = CHANNELS

    def __init__(self, config: ImuEncoderConfig, window: int, embedding: int) -> None:
        super().__init__(config)
        self.width = config.width
        self.window = window
        self.channel_token = nn.Linear(window, config.width)
        self.channel_positions = learned_positions(CHANNELS, config.width)
        self.blocks = blocks(
            config.blocks,
            config.width,
            config.heads,
            config.mlp_ratio,
            config.dropout,
            config.drop_path,
        )
        self.out = nn.Linear(CHANNELS * config.width, embedding)

    def forward(self, imu_BTC: Tensor) -> tuple[Tensor, Tensor]:
        """Return (tokens_BCD, embedding_BD); T is `window`."""
        scaled_BTC = self.scale(imu_BTC).to(self.out.weight.dtype)
        tokens_BCD = self.channel_token(scaled_BTC.transpose(1, 2))
        tokens_BCD = self.blocks(tokens_BCD + self.channel_positions)
        return tokens_BCD, self.embed(tokens_BCD)

    def embed(self, tokens_BLD: Tensor) -> Tensor:
        """Return the embedding (B, D) of tokens."""
        return self.out(tokens_BLD.flatten(1))

    def present_tokens(self, present_BC: Tensor, tokens: int) -> Tensor:
        """Return which tokens' channels were measured; a window is segment after segment."""
        return present_BC.repeat(1, tokens // CHANNELS)


class TimeEncoder(ImuEncoder):
    """A residual network over time, which reads windows of any length.

    Token l stands for frame l times the product of the strides and, with the default
    `ConvolutionConfig`, sees 1.2 s to either side of it; T frames have L = ceil(T / product of
    strides) tokens. One linear layer over the tokens' means by part of the time, and their
    maximum, makes the embedding. Absent channels are zeros to it.
    """

    window: None = None
    window_tokens: None = None

    def __init__(self, config: ImuEncoderConfig, embedding: int) -> None:
        super().__init__(config)
        self.width = config.convolution.channels[-1]
        self.trunk = ConvolutionalTrunk(config.convolution, CHANNELS)
        self.parts = config.convolution.parts
        self.out = nn.Linear((self.parts + 1) * self.width, embedding)

    def forward(self, imu_BTC: Tensor) -> tuple[Tensor, Tensor]:
        """Return (tokens_BLD, embedding_BD)."""
        tokens_BLD = self.trunk(self.scale(imu_BTC).to(self.out.weight.dtype))
        return tokens_BLD, self.embed(tokens_BLD)

    def embed(self, tokens_BLD: Tensor) -> Tensor:
        """Return the embedding (B, D) of tokens, of a window or of several in a row."""
        return self.out(pooled(tokens_BLD, self.parts))

    def present_tokens(self, present_BC: Tensor, tokens: int) -> Tensor:
        """Return whether anything was measured, for every token alike."""
        return present_BC.any(1, keepdim=True).expand(-1, tokens)


def make_imu_encoder(config: ImuEncoderConfig, window: int, embedding: int) -> ImuEncoder:
    """Return the encoder of that kind, with random weights."""
    if config.kind is ImuEncoderKind.convolution:
        return TimeEncoder(config, embedding)
    return ChannelEncoder(config, window, embedding)
