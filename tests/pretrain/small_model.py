"""A Multi3Net that is small enough for tests, and batches for it."""

import torch

from pretrain.convolution import ConvolutionConfig
from pretrain.decoders import DecoderConfig
from pretrain.encoders import (
    ImuEncoderConfig,
    ImuEncoderKind,
    PoseEncoderConfig,
    TextEncoderConfig,
)
from pretrain.losses import LossConfig
from pretrain.model import Batch, ModelConfig

TEXT_SIZE = 32


def small_config(kind: ImuEncoderKind = ImuEncoderKind.attention) -> ModelConfig:
    """Return a configuration without dropout and drop-path, with learned temperatures."""
    return ModelConfig(
        embedding=24,
        text=TextEncoderConfig(channels=[4, 8, 8], dropout=0),
        pose=PoseEncoderConfig(
            frames_per_token=10,
            spatial_width=8,
            spatial_blocks=1,
            spatial_heads=2,
            temporal_width=16,
            temporal_blocks=1,
            temporal_heads=2,
            drop_path=0,
        ),
        imu=ImuEncoderConfig(
            kind=kind,
            width=16,
            blocks=1,
            heads=2,
            dropout=0,
            convolution=ConvolutionConfig(channels=[8, 8, 16], strides=[2, 2, 2]),
        ),
        decoder=DecoderConfig(channels=[16, 12, 8], dropout=0),
        losses=LossConfig(learned_temperature=True),
    )


def made_batch(samples: int = 12, seed: int = 1) -> Batch:
    """Return a batch in which captions and clips repeat."""
    draw = torch.Generator().manual_seed(seed)
    return {
        "pose": torch.randn(samples, 60, 52, 3, generator=draw),
        "imu_left": torch.randn(samples, 60, 6, generator=draw) * 5,
        "imu_right": torch.randn(samples, 60, 6, generator=draw) * 5,
        "text": torch.randn(samples, TEXT_SIZE, generator=draw),
        "caption": torch.randint(samples // 2, (samples,), generator=draw),
        "clip": torch.randint(samples - 2, (samples,), generator=draw),
        "key": [f"clip-{sample}" for sample in range(samples)],
    }
