"""The configuration of fine-tuning; presets are in `configs/finetune/`."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from omegaconf import MISSING

from cluster.connect import ClusterConfig
from cluster.errors import UserError
from finetune.classifiers import ClassifierConfig, check_classifier
from finetune.deepconvlstm import DeepConvLstmConfig
from finetune.folds import FoldsConfig
from finetune.residual import ResnetConfig
from finetune.rows import DEFAULT_ROWS, GRID_ROWS, find_row
from finetune.synthetic import SyntheticConfig
from finetune.targets.choose import TargetConfig
from finetune.training import TrainingConfig
from finetune.variation import check_variation
from finetune.windows import WindowsConfig
from finetune.zero_shot import ZeroShotConfig

# What the numbers of some keys, or all numbers of a list, have to be.
RULES: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    (
        "at least 1",
        lambda number: number >= 1,
        (
            "classifier.width",
            "classifier.kernel",
            "classifier.heads",
            "classifier.feed_forward",
            "classifier.experts",
            "classifier.expert_width",
            "classifier.k",
            "deepconvlstm.convolutions",
            "deepconvlstm.filters",
            "deepconvlstm.kernel",
            "deepconvlstm.recurrent_layers",
            "deepconvlstm.width",
            "resnet.filters",
            "training.epochs",
            "training.batch_size",
            "training.patience",
            "training.least_batches",
        ),
    ),
    (
        "from 0 up to any number, but not infinity",
        lambda number: 0 <= number < math.inf,
        ("training.warmup",),
    ),
    (
        "a whole number from 0 to 2**63 - 1",
        lambda number: 0 <= number < 2**63,
        ("seeds",),
    ),
    (
        "at least 0",
        lambda number: number >= 0,
        (
            "classifier.stages",
            "training.encoder_rate_factor",
            "training.weight_decay",
            "training.unfreeze_patience",
            "training.views",
        ),
    ),
    (
        "above 0",
        lambda number: number > 0,
        ("training.learning_rate", "training.gradient_norm"),
    ),
    (
        "from 0 up to but not 1",
        lambda number: 0 <= number < 1,
        ("classifier.dropout", "deepconvlstm.dropout", "training.label_smoothing"),
    ),
)


@dataclass
class SharedConfig:
    """What a single table and a sweep have in common: protocol, methods, place.

    Attributes:
        output: folder of this run; the same command continues what is missing there.
        baseline: the row that the others are compared with, pair by pair.
        seeds: each deals the folds and draws the weights anew.
    """

    output: str = MISSING
    baseline: str = "base"
    seeds: list[int] = field(default_factory=lambda: [0])
    folds: FoldsConfig = field(default_factory=FoldsConfig)
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    deepconvlstm: DeepConvLstmConfig = field(default_factory=DeepConvLstmConfig)
    resnet: ResnetConfig = field(default_factory=ResnetConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)


def check_shared(config: SharedConfig) -> None:
    """Raise UserError, naming the key, for settings by which nothing can be trained."""
    if not config.seeds:
        raise UserError("seeds is empty; name at least one")
    find_row(config.baseline, "baseline")
    for rule, holds, keys in RULES:
        for key in keys:
            value = attrgetter(key)(config)
            numbers = value if isinstance(value, list) else [value]
            if not numbers or not all(map(holds, numbers)):
                raise UserError(f"{key} is {value}; {rule}")
    check_classifier(config.classifier)
    training = config.training
    if training.early_stopping and training.unfreeze_patience > training.patience:
        raise UserError(
            f"training.unfreeze_patience is {training.unfreeze_patience}; training ends after "
            f"training.patience, {training.patience}, before a waiting encoder is set free"
        )
    check_variation(config.training.augment)


@dataclass
class FinetuneConfig(SharedConfig):
    """One table: rows by folds by seeds, each with the same windows, recipe and budget.

    Attributes:
        release: folder of the pre-trained encoders; rows without an encoder need none.
        rows: which methods to compare, by their names in `rows.py`.
        synthetic: shards of synthetic windows, by the names that rows call them: `imutube` and
            `imugpt`.
        estimate_frame: turn the signals into the frame that those of training people speak for,
            where the data set leaves open which way its sensors point.
    """

    release: str = ""
    target: TargetConfig = field(default_factory=TargetConfig)
    windows: WindowsConfig = field(default_factory=WindowsConfig)
    zero_shot: ZeroShotConfig = field(default_factory=ZeroShotConfig)
    synthetic: dict[str, SyntheticConfig] = field(default_factory=dict)
    estimate_frame: bool = False
    rows: list[str] = field(default_factory=lambda: list(DEFAULT_ROWS))


@dataclass
class TargetChoice:
    """A data set and what belongs to it; its keys are those of `FinetuneConfig`."""

    target: TargetConfig = field(default_factory=TargetConfig)
    windows: WindowsConfig = field(default_factory=WindowsConfig)
    zero_shot: ZeroShotConfig = field(default_factory=ZeroShotConfig)
    synthetic: dict[str, SyntheticConfig] = field(default_factory=dict)
    estimate_frame: bool = False


@dataclass
class ReleaseChoice:
    """Pre-trained encoders, and what the report says of them.

    Attributes:
        folder: of the release.
        data: what it was pre-trained on, in words.
        share: how much of that data it saw, above 0 up to 1. Releases of the same `data` and
            `tasks` that differ in their share are points of one curve.
        tasks: what it was trained to do, in words, such as "contrastive only".
    """

    folder: str = MISSING
    data: str = ""
    share: float = 1.0
    tasks: str = "contrastive and reconstruction"


@dataclass
class GridConfig:
    """Every combination of the lists; what a row does not depend on is not repeated.

    Attributes:
        targets: by their names in the sweep; null for all.
        releases: by their names in the sweep; null for all.
        rows: which methods, by their names in `rows.py`.
        seeds: which of the sweep's seeds; null for all.
        experts: numbers of experts; null for that of `classifier`.
        label_shares: shares of the labels that the method may see, above 0 up to 1.
        share_by: `windows` (a share of the windows of every class) or `people` (all windows of a
            share of the people).
    """

    targets: list[str] | None = None
    releases: list[str] | None = None
    rows: list[str] = field(default_factory=lambda: list(GRID_ROWS))
    seeds: list[int] | None = None
    experts: list[int] | None = None
    label_shares: list[float] = field(default_factory=lambda: [1.0])
    share_by: str = "windows"


@dataclass
class SweepConfig(SharedConfig):
    """Several tables: the union of grids over named targets and releases."""

    targets: dict[str, TargetChoice] = field(default_factory=dict)
    releases: dict[str, ReleaseChoice] = field(default_factory=dict)
    grids: list[GridConfig] = field(default_factory=lambda: [GridConfig()])
