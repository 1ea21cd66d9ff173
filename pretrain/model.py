"""Multi3Net: the encoders, the decoders and their losses as one module.

Shape letters: B batch, E text vector, T frames, J joints, W wrists (left, right), C channels,
D embedding.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from omegaconf import ListConfig, OmegaConf
from torch import Tensor, nn

from cluster.errors import UserError
from datagen.motion import JOINTS
from pretrain.batch_norm import statistics_kept
from pretrain.cached import CachedContrast
from pretrain.decoders import DecoderConfig, ImuReconstructor, Pose2Imu
from pretrain.encoders import (
    ImuEncoder,
    ImuEncoderConfig,
    JointEncoder,
    MovementEncoder,
    PoseEncoder,
    PoseEncoderConfig,
    PoseEncoderKind,
    TextEncoder,
    TextEncoderConfig,
    make_imu_encoder,
)
from pretrain.losses import PAIRS, REGRESSIONS, ContrastiveLoss, LossConfig, regression_loss

Batch = dict[str, Any]
Rule = tuple[bool, str, str]  # whether it holds, the key, what it asks for
POSITIVE_KEYS = (
    "embedding",
    "window",
    "text.channels",
    "text.kernel",
    "text.stride",
    "pose.frames_per_token",
    "pose.spatial_width",
    "pose.spatial_heads",
    "pose.temporal_width",
    "pose.temporal_heads",
    "pose.mlp_ratio",
    "pose.convolution.channels",
    "pose.convolution.strides",
    "pose.convolution.kernel",
    "pose.convolution.parts",
    "imu.width",
    "imu.heads",
    "imu.mlp_ratio",
    "imu.accelerometer_scale",
    "imu.gyroscope_scale",
    "imu.convolution.channels",
    "imu.convolution.strides",
    "imu.convolution.kernel",
    "imu.convolution.parts",
    "decoder.channels",
    "decoder.unpooling",
    "decoder.kernel",
    "losses.lowest_temperature",
    "losses.highest_temperature",
    "losses.chunk",
)


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

    def check(self) -> None:
        """Raise UserError, naming the key, for values that do not make a model."""
        values = OmegaConf.structured(self)
        for key in POSITIVE_KEYS:
            value = OmegaConf.select(values, key)
            parts = value if isinstance(value, ListConfig) else [value]
            if not parts or not all(0 < part < math.inf for part in parts):
                raise UserError(f"model.{key}: must be positive and finite, not {value}")
        for right, key, rule in [*self._sizes(), *self._rates(), *self._terms()]:
            if not right:
                raise UserError(f"model.{key}: {rule}, not {OmegaConf.select(values, key)}")

    def _sizes(self) -> Iterator[Rule]:
        text, pose, imu, decoder = self.text, self.pose, self.imu, self.decoder
        yield pose.joints == JOINTS, "pose.joints", f"must be {JOINTS}, as many as shards have"
        for key, blocks in (
            ("pose.spatial_blocks", pose.spatial_blocks),
            ("pose.temporal_blocks", pose.temporal_blocks),
            ("imu.blocks", imu.blocks),
        ):
            yield blocks >= 0, key, "must be 0 or more"
        yield text.kernel % 2 == 1, "text.kernel", "must be odd"
        yield decoder.kernel % 2 == 1, "decoder.kernel", "must be odd"
        for part, convolution in (("pose", pose.convolution), ("imu", imu.convolution)):
            key = f"{part}.convolution"
            yield convolution.kernel % 2 == 1, f"{key}.kernel", "must be odd"
            rule = f"must have {len(convolution.channels)} entries, as {key}.channels has"
            matching = len(convolution.strides) == len(convolution.channels)
            yield matching, f"{key}.strides", rule
        divides_window = f"must divide the window of {self.window} frames"
        yield self.window % pose.frames_per_token == 0, "pose.frames_per_token", divides_window
        unpooled = self.window % math.prod(decoder.unpooling) == 0
        yield unpooled, "decoder.unpooling", f"the product {divides_window}"
        stages = len(decoder.channels)
        rule = f"must have {stages} entries, as decoder.channels has"
        yield len(decoder.unpooling) == stages, "decoder.unpooling", rule
        for key, width, heads in (
            ("pose.spatial_heads", pose.spatial_width, pose.spatial_heads),
            ("pose.temporal_heads", pose.temporal_width, pose.temporal_heads),
            ("imu.heads", imu.width, imu.heads),
        ):
            yield width % heads == 0, key, f"must divide the width of {width}"

    def _rates(self) -> Iterator[Rule]:
        pose, imu = self.pose, self.imu
        for key, rate in (
            ("text.dropout", self.text.dropout),
            ("pose.dropout", pose.dropout),
            ("pose.drop_path", pose.drop_path),
            ("pose.convolution.dropout", pose.convolution.dropout),
            ("imu.dropout", imu.dropout),
            ("imu.drop_path", imu.drop_path),
            ("imu.convolution.dropout", imu.convolution.dropout),
            ("decoder.dropout", self.decoder.dropout),
        ):
            yield 0 <= rate < 1, key, "must be at least 0 and below 1"

    def _terms(self) -> Iterator[Rule]:
        losses = self.losses
        for key, given, known in (
            ("losses.pairs", losses.pairs, PAIRS),
            ("losses.regressions", losses.regressions, REGRESSIONS),
        ):
            right = set(given) <= set(known) and len(set(given)) == len(given)
            yield right, key, f"must be some of {', '.join(known)}, each once"
        for key, weight in (
            ("losses.contrastive_weight", losses.contrastive_weight),
            ("losses.regression_weight", losses.regression_weight),
        ):
            yield 0 <= weight < math.inf, key, "must be finite and 0 or more"
        low, high = losses.lowest_temperature, losses.highest_temperature
        within = f"must lie between losses.lowest_temperature {low} and highest_temperature {high}"
        yield low <= losses.temperature <= high, "losses.temperature", within
        something = bool(losses.pairs or losses.regressions)
        yield something, "losses.pairs", "must name a pair where losses.regressions is empty"


class ModelOutput(NamedTuple):
    """What one step gives; a tuple, in which ZeRO 3 finds the tensors.

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

    Raises UserError, naming the key, where the configuration contradicts itself.
    """

    def __init__(self, config: ModelConfig, text_size: int) -> None:
        super().__init__()
        config.check()
        self.config, self.text_size = config, text_size
        self.text = TextEncoder(config.text, text_size, config.embedding)
        self.pose = build_pose_encoder(config)
        self.imu_left = build_imu_encoder(config)
        self.imu_right = build_imu_encoder(config)
        self.pose2imu = Pose2Imu(config.decoder, config.window, config.embedding)
        self.reconstructor = ImuReconstructor(config.decoder, config.window, config.embedding)
        self.contrastive = ContrastiveLoss(config.losses)

    def forward(
        self, batch: Batch, cached: CachedContrast | None = None, embed_only: bool = False
    ) -> ModelOutput:
        """Return embeddings, predictions and losses of a batch as `stream.py` makes it.

        Where several ranks train together, each must call this with equally many samples, since
        they exchange embeddings; `embed` and `predict` need no other rank in evaluation mode.

        Args:
            batch: what to look at.
            cached: the contrast over the step that this batch is a part of; without it, contrast
                is over the batch (of all ranks).
            embed_only: return nothing but embeddings, and leave no graph and no trace.
        """
        if embed_only:
            with torch.no_grad(), statistics_kept(self):
                return ModelOutput(self.embed(batch), {}, {})
        embeddings = self.embed(batch)
        predicted = self.predict(embeddings)
        losses = self._losses(batch, embeddings, predicted, cached)
        return ModelOutput(embeddings, predicted, losses)

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
        """Return the clean signals of both wrists (B, T, W, C), in scaled units."""
        # Beside augmented signals a batch holds what they were.
        kind = "clean" if "clean_left" in batch else "imu"
        wrists = [batch[f"{kind}_left"], batch[f"{kind}_right"]]
        return self.imu_left.scale(torch.stack(wrists, dim=2))

    def _losses(
        self,
        batch: Batch,
        embeddings: dict[str, Tensor],
        predicted: dict[str, Tensor],
        cached: CachedContrast | None,
    ) -> dict[str, Tensor]:
        config = self.config.losses
        true_BTWC = self.true_imu(batch)
        regression = {name: regression_loss(imu, true_BTWC) for name, imu in predicted.items()}
        zero = true_BTWC.new_zeros(())
        if cached is None:
            contrastive = self.contrastive(embeddings, batch["caption"], batch["clip"])
            contrast = sum(contrastive.values(), zero)
        else:
            contrastive = cached.losses
            contrast = cached.pull(embeddings, self.contrastive)
        total = config.contrastive_weight * contrast
        total = total + config.regression_weight * sum(regression.values(), zero)
        return {
            **{f"contrastive/{pair}": loss for pair, loss in contrastive.items()},
            **{f"regression/{name}": loss for name, loss in regression.items()},
            "total": total,
        }


def build_imu_encoder(config: ModelConfig) -> ImuEncoder:
    """Return an IMU encoder with random weights.

    Raises UserError, naming the key, where the configuration contradicts itself.
    """
    config.check()
    return make_imu_encoder(config.imu, config.window, config.embedding)


def build_pose_encoder(config: ModelConfig) -> PoseEncoder:
    """Return a pose encoder with random weights, of a configuration that has been checked."""
    if config.pose.kind is PoseEncoderKind.movement:
        return MovementEncoder(config.pose, config.embedding)
    return JointEncoder(config.pose, config.window, config.embedding)


def parameter_count(model: nn.Module) -> dict[str, int]:
    """Return the number of parameters of each part of the model."""
    return {
        name: sum(_size(parameter) for parameter in part.parameters())
        for name, part in model.named_children()
    }


def _size(parameter: nn.Parameter) -> int:
    # ZeRO 3 leaves a rank with a part of a parameter, and notes how large the whole is.
    return int(getattr(parameter, "ds_numel", parameter.numel()))
