"""What a pre-training run can be told."""

import math
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import MISSING, OmegaConf

from cluster.errors import UserError
from cluster.storage import Location, location
from pretrain.augment import AugmentConfig
from pretrain.model import ModelConfig
from pretrain.schedule import OptimizerConfig
from pretrain.stream import StreamConfig

# Keys that may differ when a run is continued: they do not change what is computed.
FREE_KEYS = (
    "data",
    "output",
    "resume",
    "stream.readers",
    "stream.kept_gigabytes",
    "stream.ahead",
    "stream.cache",
    "stream.cache_gigabytes",
    "save",
    "offload",
    "activation_checkpointing",
    "timeout",
)


class Precision(Enum):
    """fp32, or bf16 arithmetic where it is safe, with weights and losses in fp32."""

    fp32 = "fp32"
    bf16 = "bf16"


class Offload(Enum):
    """What ZeRO keeps in the CPU's memory: nothing, the optimizer's state, the weights as well."""

    none = "none"
    optimizer = "optimizer"
    parameters = "parameters"


class Contrast(Enum):
    """Which windows are contrasted with one another: a batch's, or a whole step's; of all ranks."""

    batch = "batch"
    step = "step"


@dataclass
class ValidationConfig:
    """When and on what a run is judged.

    Attributes:
        every: steps from one validation to the next; there is one after the last step, too.
        windows: size of the pool in which each window has to find its own counterpart.
    """

    every: int = 100
    windows: int = 256


@dataclass
class SaveConfig:
    """Checkpoints.

    Attributes:
        every: steps from one checkpoint to the next; there is one after the last step, too.
        keep: how many of the latest are kept.
    """

    every: int = 100
    keep: int = 2


@dataclass
class StageConfig:
    """A part of a run that learns from data of its own.

    Attributes:
        data: folder of shards, or a list of folders that are learned from together.
        steps: how many steps of the optimizer; or else
        epochs: how often each clip is gone through.
    """

    data: Any = None
    steps: int | None = None
    epochs: int | None = None

    def folders(self) -> list[Location]:
        """Return where the shards lie."""
        return [location(str(folder)) for folder in self._listed]

    @property
    def _listed(self) -> list[Any]:
        return self.data if isinstance(self.data, list) else [self.data]

    def check(self, key: str) -> None:
        """Raise UserError, beginning with the key, for what no stage can have."""
        if not self._listed or not all(isinstance(each, str | int) for each in self._listed):
            raise UserError(f"{key}: data has no value; give a folder of shards, or [one, another]")
        folders = [each.resolve() if isinstance(each, Path) else each for each in self.folders()]
        if len(set(folders)) < len(folders):
            raise UserError(f"{key}: data names a folder twice; leave one out")
        if (self.steps is None) == (self.epochs is None):
            raise UserError(f"{key}: give either steps or epochs")
        for name, value in (("steps", self.steps), ("epochs", self.epochs)):
            if value is not None and value < 1:
                raise UserError(f"{key}: {name} must be at least 1, not {value}")


@dataclass
class TrainConfig:
    """A pre-training run.

    Attributes:
        data: folder of shards, or a list of folders that are learned from together.
        stages: instead of data, steps and epochs: what is learned from one after another.
        output: folder of the run.
        share: of the training clips of each source, chosen by their names, so that a larger
            share holds all of a smaller one; validation clips are not touched.
        seed: decides weights, order, windows, bodies and dropout.
        steps: how many steps of the optimizer; or else
        epochs: how often each clip is gone through.
        batch_size: windows that go through the model at a time on one rank.
        accumulate: batches whose gradients are summed for one step.
        contrast_over: `batch` contrasts the batches of all ranks; `step` all windows of a step,
            accumulate times as many, for one more forward pass (`cached.py`).
        precision: arithmetic.
        zero: ZeRO stage: 0 keeps everything on every rank, 1 spreads the optimizer's state over
            the ranks, 2 the gradients as well, 3 the weights, too.
        offload: what ZeRO keeps in the CPU's memory instead of the GPU's.
        activation_checkpointing: compute the blocks of the pose and IMU encoders twice instead of
            keeping what they need for the backward pass.
        timeout: seconds that a rank waits for another before the run ends.
        resume: folder of another run, or one of its checkpoints, to continue from; a run whose
            own output folder holds checkpoints always continues from these.
    """

    data: Any = None
    stages: list[StageConfig] = field(default_factory=list)
    output: str = MISSING
    share: float = 1.0
    seed: int = 0
    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 256
    accumulate: int = 1
    contrast_over: Contrast = Contrast.batch
    precision: Precision = Precision.fp32
    zero: int = 0
    offload: Offload = Offload.none
    activation_checkpointing: bool = False
    timeout: float = 600.0
    resume: str | None = None
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    save: SaveConfig = field(default_factory=SaveConfig)

    def check(self) -> None:
        """Raise UserError, naming the key, for a value that no run can have."""
        for key in ("data", "steps", "epochs"):
            if self.stages and getattr(self, key) is not None:
                raise UserError(f"{key}: the stages have their own; give {key}=null beside stages")
        for number, stage in enumerate(self.plan()):
            stage.check(f"stages[{number}]" if self.stages else "config")
        for key, value, least, most in (
            ("batch_size", self.batch_size, 2, None),
            ("accumulate", self.accumulate, 1, None),
            ("zero", self.zero, 0, 3),
            # Python and torch count the time to wait for in nanoseconds, which are of 64 bits.
            ("timeout", self.timeout, 1, 1_000_000),
            ("seed", self.seed, 0, 2**64 - 1),
            ("stream.open_shards", self.stream.open_shards, 1, None),
            ("stream.readers", self.stream.readers, 1, None),
            ("stream.ahead", self.stream.ahead, 1, None),
            ("validation.every", self.validation.every, 1, None),
            ("validation.windows", self.validation.windows, 2, None),
            ("save.every", self.save.every, 1, None),
            ("save.keep", self.save.keep, 1, None),
        ):
            if not least <= value or (most is not None and not value <= most):
                wanted = f"at least {least}" if most is None else f"from {least} to {most}"
                raise UserError(f"{key}: must be {wanted}, not {value}")
        if not self.stream.kept_gigabytes >= 0:
            raise UserError("stream.kept_gigabytes: must be 0 or more")
        if not 0 < self.stream.cache_gigabytes < math.inf:
            raise UserError("stream.cache_gigabytes: must be finite and more than 0")
        if not 0 < self.share <= 1:
            raise UserError(f"share: must lie above 0 and at most at 1, not {self.share:g}")
        needed = {Offload.none: 0, Offload.optimizer: 1, Offload.parameters: 3}[self.offload]
        if self.zero < needed:
            raise UserError(
                f"offload={self.offload.value}: ZeRO does this from stage {needed} on; give "
                f"zero={needed}, or offload=none"
            )
        if self.contrast_over is Contrast.step and not self.model.losses.pairs:
            raise UserError("contrast_over: step needs a pair in model.losses.pairs")
        self.augment.check()
        self.optimizer.check()

    def plan(self) -> list[StageConfig]:
        """Return the stages; without `stages`, the one that data, steps and epochs make."""
        return self.stages or [StageConfig(self.data, self.steps, self.epochs)]

    def binding(self) -> dict[str, Any]:
        """Return every key that a continued run must share with its beginning, with its value."""
        plain = OmegaConf.to_container(OmegaConf.structured(self), enum_to_str=True)
        assert isinstance(plain, dict)
        # The same shards may lie elsewhere.
        plain["stages"] = [[stage.steps, stage.epochs] for stage in self.stages]
        return {
            key: value
            for key, value in _leaves(plain, "")
            if not any(key == free or key.startswith(f"{free}.") for free in FREE_KEYS)
        }


def _leaves(value: Any, key: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(key, value)]
    return [
        leaf
        for name, part in value.items()
        for leaf in _leaves(part, f"{key}.{name}" if key else str(name))
    ]
