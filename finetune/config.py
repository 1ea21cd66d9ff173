"""The configuration of fine-tuning; presets are in `configs/finetune/`."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from cluster.connect import ClusterConfig
from finetune.classifiers import ClassifierConfig
from finetune.deepconvlstm import DeepConvLstmConfig
from finetune.folds import FoldsConfig
from finetune.residual import ResnetConfig
from finetune.rows import DEFAULT_ROWS
from finetune.targets.choose import TargetConfig
from finetune.training import TrainingConfig
from finetune.windows import WindowsConfig
from finetune.zero_shot import ZeroShotConfig


@dataclass
class FinetuneConfig:
    """One table: rows by folds by seeds, each with the same windows, recipe and budget.

    Attributes:
        release: folder of the pre-trained encoders.
        output: folder of this run; the same command continues what is missing there.
        rows: which methods to compare, by their names in `rows.py`.
        seeds: each deals the folds and draws the weights anew.
    """

    release: str = MISSING
    output: str = MISSING
    target: TargetConfig = field(default_factory=TargetConfig)
    windows: WindowsConfig = field(default_factory=WindowsConfig)
    folds: FoldsConfig = field(default_factory=FoldsConfig)
    rows: list[str] = field(default_factory=lambda: list(DEFAULT_ROWS))
    seeds: list[int] = field(default_factory=lambda: [0])
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    deepconvlstm: DeepConvLstmConfig = field(default_factory=DeepConvLstmConfig)
    resnet: ResnetConfig = field(default_factory=ResnetConfig)
    zero_shot: ZeroShotConfig = field(default_factory=ZeroShotConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)


@dataclass
class SweepConfig(FinetuneConfig):
    """Several tables: every combination of the lists, on the folds and seeds of each.

    Attributes:
        experts: numbers of experts; rows without a mixture ignore them.
        label_shares: shares of the training windows that keep their labels, above 0 up to 1.
    """

    experts: list[int] = field(default_factory=lambda: [8])
    label_shares: list[float] = field(default_factory=lambda: [1.0])
