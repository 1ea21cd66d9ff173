"""Multi3Net: the encoders, the decoders and their losses as one module.

Shape letters: B batch, E text vector, T frames, J joints, W wrists (left, right), C channels,
D embedding.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pretrain.decoders import DecoderConfig, ImuReconstructor, Pose2Imu
from pretrain.encoders import (
    ImuEncoder,
    ImuEncoderConfig,
    PoseEncoder,
    PoseEncoderConfig,
    TextEncoder,
    TextEncoderConfig,
)
from pretrain.losses import REGRESSIONS, ContrastiveLoss, LossConfig, regression_loss

Batch = dict[str, Any]


@dataclass
class ModelConfig:
    """Everything that fixes the architecture; the defaults are the paper's.

    `window` counts frames at 60 Hz.
    """

    embedding: int = 256
    window: int = 60
    text: TextEncoderConfig = field(default_factory=TextEncoderConfig)
    pose: PoseEncoderConfig = field(default_factory=PoseEncoderConfig)
    imu: ImuEncoderConfig = field(default_factory=ImuEncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    losses: LossConfig = field(default_factory=LossConfig)


@dataclass
class ModelOutput:
    """What one step gives.

    Attributes:
        embeddings: (B, D) for text, pose, left and right.
        predicted: (B, T, W, C) for pose2imu and reconstruction, in scaled units.
        losses: scalars; `total` is the one to descend, the others are named as in TensorBoard
            (`contrastive/text-left`, `regression/pose2imu`, ...) and carry no weights.
    """

    embeddings: dict[str, Tensor]
    predicted: dict[str, Tensor]
    losses: dict[str, Tensor]


class Multi3Net(nn.Module):
    """All that is pre-trained; `text_size` is E, the size of the sentence vectors.

    Raises ValueError where the numbers of the configuration do not fit each other.
    """

    def __init__(self, config: ModelConfig, text_size: int) -> None:
        super().__init__()
        for name in config.losses.regressions:
            if name not in REGRESSIONS:
                known = ", ".join(REGRESSIONS)
                raise ValueError(f"losses.regressions: {name} is none of {known}")
        self.config, self.text_size = config, text_size
        self.text = TextEncoder(config.text, text_size, config.embedding)
        self.pose = PoseEncoder(config.pose, config.window, config.embedding)
        self.imu_left = build_imu_encoder(config)
        self.imu_right = build_imu_encoder(config)
        self.pose2imu = Pose2Imu(config.decoder, config.window, config.embedding)
        self.reconstructor = ImuReconstructor(config.decoder, config.window, config.embedding)
        self.contrastive = ContrastiveLoss(config.losses)

    def forward(self, batch: Batch) -> ModelOutput:
        """Return embeddings, predictions and losses of a batch as `stream.py` makes it.

        Where several ranks train together, each must call this with equally many samples, since
        they exchange embeddings; `embed` and `predict` need no other rank in evaluation mode.
        """
        embeddings = self.embed(batch)
        predicted = self.predict(embeddings)
        return ModelOutput(embeddings, predicted, self._losses(batch, embeddings, predicted))

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Return the embeddings (B, D) of text, pose, left and right."""
        return {
            "text": self.text(batch["text"]),
            "pose": self.pose(batch["pose"]),
            "left": self.imu_left(batch["imu_left"])[1],
            "right": self.imu_right(batch["imu_right"])[1],
        }

    def predict(self, embeddings: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the signals (B, T, W, C), in scaled units, of each decoder in use."""
        predicted = {}
        if "pose2imu" in self.config.losses.regressions:
            predicted["pose2imu"] = self.pose2imu(embeddings["pose"])
        if "reconstruction" in self.config.losses.regressions:
            predicted["reconstruction"] = self.reconstructor(
                embeddings["left"], embeddings["right"]
            )
        return predicted

    def true_imu(self, batch: Batch) -> Tensor:
        """Return the signals of both wrists (B, T, W, C), in scaled units."""
        return self.imu_left.scale(torch.stack([batch["imu_left"], batch["imu_right"]], dim=2))

    def _losses(
        self, batch: Batch, embeddings: dict[str, Tensor], predicted: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        config = self.config.losses
        contrastive = self.contrastive(embeddings, batch["caption"], batch["clip"])
        true_BTWC = self.true_imu(batch)
        regression = {name: regression_loss(imu, true_BTWC) for name, imu in predicted.items()}
        zero = true_BTWC.new_zeros(())
        total = config.contrastive_weight * sum(contrastive.values(), zero)
        total = total + config.regression_weight * sum(regression.values(), zero)
        return {
            **{f"contrastive/{pair}": loss for pair, loss in contrastive.items()},
            **{f"regression/{name}": loss for name, loss in regression.items()},
            "total": total,
        }


def build_imu_encoder(config: ModelConfig) -> ImuEncoder:
    """Return an IMU encoder with random weights."""
    return ImuEncoder(config.imu, config.window, config.embedding)


def parameter_count(model: nn.Module) -> dict[str, int]:
    """Return the number of parameters of each part of the model."""
    return {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in model.named_children()
    }
