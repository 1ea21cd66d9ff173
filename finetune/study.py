"""All that a report says of a run or sweep, as `scores.json` holds it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.config import config_text
from cluster.errors import UserError
from cluster.runs import git_commit, installed_versions, write_json
from finetune.config import SharedConfig, SweepConfig
from finetune.execution import Failure
from finetune.materials import Materials, ReleaseFacts, TargetFacts
from finetune.rows import ROWS
from finetune.summary import Line, from_json

SCORES = "scores.json"


@dataclass(frozen=True)
class Study:
    """Lines, and what they are about; `experts` is the number that tables show by default."""

    targets: list[TargetFacts]
    releases: list[ReleaseFacts]
    lines: list[Line]
    failures: list[dict]
    baseline: str
    experts: int
    validation_share: float
    settings: str
    commit: str
    versions: dict[str, str]

    def target_lines(self, target: str) -> list[Line]:
        """Return the lines of a target."""
        return [line for line in self.lines if line.target == target]

    def headline(self, target: str) -> list[Line]:
        """Return one line for each row and release: all labels, all pre-training data.

        Where there are several numbers of experts it is the default one, else the first.
        """
        whole = {release.name for release in self.releases if release.share == 1} | {""}
        lines: dict[tuple[str, str], Line] = {}
        for line in self.target_lines(target):
            key = line.row, line.release
            if (
                line.label_share == 1
                and line.release in whole
                and (key not in lines or line.experts == self.experts)
            ):
                lines[key] = line
        return list(lines.values())

    def name(self, line: Line) -> str:
        """Return a line's row, with the release where the row has several."""
        releases = {other.release for other in self.lines if other.row == line.row}
        return f"{line.title}, {line.release}" if len(releases) > 1 else line.title

    def baseline_title(self) -> str:
        """Return the title of the row that others are compared with."""
        return ROWS[self.baseline].title


def make_study(
    settings: SharedConfig,
    sweep: SweepConfig,
    materials: Materials,
    lines: Sequence[Line],
    failures: Sequence[Failure],
) -> Study:
    """Gather what a report says; `settings` is the configuration as it was given."""
    return Study(
        targets=list(materials.targets.values()),
        releases=list(materials.releases.values()),
        lines=list(lines),
        failures=[asdict(failure) for failure in failures],
        baseline=sweep.baseline,
        experts=sweep.classifier.experts,
        validation_share=sweep.folds.validation_share,
        settings=config_text(settings),
        commit=git_commit(),
        versions=installed_versions(),
    )


def write_study(output: Path, study: Study) -> None:
    """Write `scores.json`."""
    write_json(output / SCORES, asdict(study))


def read_study(output: Path) -> Study:
    """Read `scores.json`; UserError where the folder has none or one of another version."""
    path = output / SCORES
    try:
        fields = json.loads(path.read_text())
        return Study(
            **{
                **fields,
                "targets": [TargetFacts(**each) for each in fields["targets"]],
                "releases": [ReleaseFacts(**each) for each in fields["releases"]],
                "lines": [from_json(each) for each in fields["lines"]],
            }
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the output folder of a finished run") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: not the scores of this version of the program ({error}); "
            "give the command that made them once more"
        ) from None
