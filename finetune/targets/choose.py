"""Which data set a configuration means."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from cluster.errors import UserError
from finetune.targets import als_har, csv_folder, geotec, mmfit, openpack, seglearn_watch
from finetune.targets.als_har import AlsHarConfig
from finetune.targets.checks import refuse_unusable
from finetune.targets.csv_folder import CsvConfig
from finetune.targets.geotec import GeotecConfig
from finetune.targets.mmfit import MmfitConfig
from finetune.targets.openpack import OpenpackConfig
from finetune.targets.recording import WRISTS, Target
from finetune.targets.seglearn_watch import SeglearnWatchConfig


@dataclass
class TargetConfig:
    """One data set: exactly one member is set."""

    seglearn_watch: SeglearnWatchConfig | None = None
    geotec: GeotecConfig | None = None
    openpack: OpenpackConfig | None = None
    mmfit: MmfitConfig | None = None
    als_har: AlsHarConfig | None = None
    csv: CsvConfig | None = None


READERS: dict[str, Callable[[Any], Target]] = {
    "seglearn_watch": seglearn_watch.read,
    "geotec": geotec.read,
    "openpack": openpack.read,
    "mmfit": mmfit.read,
    "als_har": als_har.read,
    "csv": csv_folder.read,
}


def read_target(config: TargetConfig) -> Target:
    """Read the data set that `config` names; UserError when its data cannot be used."""
    target = read_unchecked(config)
    refuse_unusable(target)
    return target


def read_unchecked(config: TargetConfig) -> Target:
    """Read the data set that `config` names, whatever it holds; UserError when it names none or
    several, or when it cannot be read.
    """
    names = [field.name for field in fields(config)]
    chosen = [name for name in names if getattr(config, name) is not None]
    if len(chosen) != 1:
        raise UserError(
            f"target: {len(chosen)} data sets are named; name one of {', '.join(names)}, "
            f"for example target.{names[0]}={{}}"
        )
    return READERS[chosen[0]](getattr(config, chosen[0]))


def mounting_keys(config: TargetConfig, wrist: int) -> tuple[str, list[str], int]:
    """Return the key of a wrist's frame, the frame that it has, and the sign of gravity."""
    name = next(each.name for each in fields(config) if getattr(config, each.name) is not None)
    own = getattr(config, name)
    key = f"frame_{WRISTS[wrist]}"
    if not hasattr(own, key):
        key = "frame"
    return f"target.{name}.{key}", getattr(own, key) or own.frame, own.gravity_sign
