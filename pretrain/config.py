"""What a pre-training run can be told."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING, OmegaConf

from cluster.errors import UserError
from pretrain.model import ModelConfig
from pretrain.schedule import OptimizerConfig
from pretrain.stream import StreamConfig

# Keys that may differ when a run is continued: they do not change what is computed.
FREE_KEYS = (
    "data",
    "output",
    "resume",
    "stream.readers",
    "stream.ahead",
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
class TrainConfig:
    """A pre-training run.

    Attributes:
        data: folder of shards.
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

    data: str = MISSING
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
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    save: SaveConfig = field(default_factory=SaveConfig)

    def check(self) -> None:
        """Raise UserError, naming the key, for a value that no run can have."""
        if (self.steps is None) == (self.epochs is None):
            raise UserError("config: give either steps or epochs")
        for key, value, least, most in (
            ("steps", self.steps, 1, None),
            ("epochs", self.epochs, 1, None),
            ("batch_size", self.batch_size, 2, None),
            ("accumulate", self.accumulate, 1, None),
            ("zero", self.zero, 0, 3),
            ("timeout", self.timeout, 1, None),
            ("stream.open_shards", self.stream.open_shards, 1, None),
            ("stream.readers", self.stream.readers, 1, None),
            ("stream.ahead", self.stream.ahead, 1, None),
            ("validation.every", self.validation.every, 1, None),
            ("validation.windows", self.validation.windows, 2, None),
            ("save.every", self.save.every, 1, None),
            ("save.keep", self.save.keep, 1, None),
        ):
            if value is not None and (value < least or (most is not None and value > most)):
                wanted = f"at least {least}" if most is None else f"from {least} to {most}"
                raise UserError(f"{key}: must be {wanted}, not {value}")
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
        self.optimizer.check()

    def binding(self) -> dict[str, Any]:
        """Return every key that a continued run must share with its beginning, with its value."""
        plain = OmegaConf.to_container(OmegaConf.structured(self), enum_to_str=True)
        assert isinstance(plain, dict)
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
