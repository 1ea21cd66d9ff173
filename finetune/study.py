"""All that a report says of a run or sweep, as `scores.json` holds it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.config import config_text
from cluster.errors import UserError
from cluster.runs import git_commit, installed_versions, write_json
from cluster.secrets import redacted
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
    settings: str
    commit: str
    versions: dict[str, str]

    def target_lines(self, target: str) -> list[Line]:
        """Return the lines of a target."""
        return [line for line in self.lines if line.target == target]

    def compared(self, target: str) -> list[Line]:
        """Return the lines of each row's fullest releases and default number of experts."""
        return [
            line
            for line in self.target_lines(target)
            if self.is_of_fullest_release(line) and self.has_default_experts(line)
        ]

    def headline(self, target: str) -> list[Line]:
        """Return the compared lines that have the most labels, one for each row and release."""
        most = self.most_labels(target)
        return [line for line in self.compared(target) if (line.label_share, line.share_by) == most]

    def most_labels(self, target: str) -> tuple[float, str]:
        """Return the largest share of the labels on a target, and what it is a share of."""
        given = {(line.label_share, line.share_by) for line in self.target_lines(target)}
        return max(given, default=(1.0, "windows"))

    def labels_in_words(self, *targets: str) -> str:
        """Return how many labels the headlines of these targets, or of all, had."""
        names = targets or [target.name for target in self.targets]
        given = dict.fromkeys(share_in_words(*self.most_labels(name)) for name in names)
        return " or ".join(given).capitalize()

    def is_of_fullest_release(self, line: Line) -> bool:
        """Whether no release that the row has on the target, too, saw more of the same data."""
        releases = {release.name: release for release in self.releases}
        own = releases.get(line.release)
        others = (releases.get(other.release) for other in self._of_row(line))
        return own is None or not any(
            other and (other.data, other.tasks) == (own.data, own.tasks) and other.share > own.share
            for other in others
        )

    def has_default_experts(self, line: Line) -> bool:
        """Whether a line has the default number, or the first where its row has not that one."""
        given = [o.experts for o in self._of_row(line) if o.release == line.release]
        return line.experts == (self.experts if self.experts in given else given[0])

    def _of_row(self, line: Line) -> list[Line]:
        return [other for other in self.target_lines(line.target) if other.row == line.row]

    def name(self, line: Line) -> str:
        """Return a line's row, with the release where the row has several."""
        releases = {other.release for other in self.lines if other.row == line.row}
        return f"{line.title}, {line.release}" if len(releases) > 1 else line.title

    def baseline_title(self) -> str:
        """Return the title of the row that others are compared with."""
        return ROWS[self.baseline].title


def share_in_words(share: float, share_by: str) -> str:
    """Return a share of the labels in words."""
    return "all labels" if share == 1 else f"{100 * share:g} % of the labelled {share_by}"


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
        settings=redacted(config_text(settings)),
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
