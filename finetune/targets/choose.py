"""Which data set a configuration means."""

from dataclasses import dataclass, fields

from cluster.errors import UserError
from finetune.targets import seglearn_watch
from finetune.targets.recording import Target
from finetune.targets.seglearn_watch import SeglearnWatchConfig


@dataclass
class TargetConfig:
    """One data set: exactly one member is set."""

    seglearn_watch: SeglearnWatchConfig | None = None


READERS = {"seglearn_watch": seglearn_watch.read}


def read_target(config: TargetConfig) -> Target:
    """Read the data set that `config` names; UserError when it names none or several."""
    names = [field.name for field in fields(config)]
    chosen = [name for name in names if getattr(config, name) is not None]
    if len(chosen) != 1:
        raise UserError(
            f"target: {len(chosen)} data sets are named; name one of {', '.join(names)}, "
            f"for example target.{names[0]}={{}}"
        )
    return READERS[chosen[0]](getattr(config, chosen[0]))
