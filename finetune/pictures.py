"""Which pictures a study has, each with a name and a description."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from finetune import plots
from finetune.materials import TargetFacts
from finetune.result_tables import expert_curves, label_lines, labels_text, pretraining_curves
from finetune.rows import ROWS
from finetune.study import Study
from finetune.summary import Line


@dataclass(frozen=True)
class Picture:
    """A figure; `name` is that of its file, `table` that of the table with the same numbers."""

    name: str
    about: str
    figure: Figure
    table: str


def table_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield pictures of what tables say: scores, shares of labels and pre-training, experts."""
    yield _scores(study, target)
    for share_by in ("windows", "people"):
        yield from _labels(study, target, share_by)
    yield from _pretraining(study, target)
    yield from _experts(study, target)


def people_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield every person's score, a picture for each release."""
    table = f"people_{target.name}"
    for release, lines in _by_release(study.headline(target.name)):
        figure = plots.people_picture({study.name(line): line for line in lines})
        yield Picture(f"{table}{release}", f"macro F1 by person{_of(release)}", figure, table)


def calibration_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield how often windows are right that have a confidence, a picture for each release."""
    table = f"scores_{target.name}"
    for release, lines in _by_release(study.headline(target.name)):
        figure = plots.reliability_picture({study.name(line): line.reliability for line in lines})
        about = f"share of right windows by confidence{_of(release)}"
        yield Picture(f"calibration_{target.name}{release}", about, figure, table)


def confusion_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield a confusion matrix for each headline line."""
    for place, line in enumerate(study.headline(target.name)):
        name = study.name(line)
        figure = plots.confusion_picture(np.array(line.confusion), target.classes, name)
        about = f"confusion matrix of {name}"
        yield Picture(f"confusion_{place}_{target.name}", about, figure, f"classes_{target.name}")


def _scores(study: Study, target: TargetFacts) -> Picture:
    table = f"scores_{target.name}"
    bars = plots.score_bars({study.name(line): line for line in study.headline(target.name)})
    return Picture(table, "macro F1 by row", bars, table)


def _labels(study: Study, target: TargetFacts, share_by: str) -> Iterator[Picture]:
    table = f"labels_{share_by}_{target.name}"
    what = f"labelled {share_by} of the training people, %"
    for release, lines in _by_release(label_lines(study, target.name, share_by)):
        figure = plots.share_curves(_by_name(study, lines), _label_percent, what, log=True)
        about = f"macro F1 on {target.name} by share of the labelled {share_by}{_of(release)}"
        yield Picture(f"{table}{release}", about, figure, table)


def _pretraining(study: Study, target: TargetFacts) -> Iterator[Picture]:
    points = pretraining_curves(study, target.name)
    curves = {name: list(by_share.values()) for name, by_share in points.items()}
    if curves:
        table = f"pretraining_{target.name}"
        figure = plots.share_curves(
            curves,
            _pretraining_percent(study),
            "pre-training data, %",
            log=False,
            levels=_levels(study, target.name, curves),
        )
        about = f"macro F1 on {target.name} by share of the pre-training data"
        yield Picture(table, about, figure, table)


def _experts(study: Study, target: TargetFacts) -> Iterator[Picture]:
    points = expert_curves(study, target.name)
    curves = {name: list(by_count.values()) for name, by_count in points.items()}
    if curves:
        table = f"experts_{target.name}"
        figure = plots.share_curves(curves, lambda line: line.experts, "experts", log=True)
        yield Picture(table, f"macro F1 on {target.name} by number of experts", figure, table)


def _by_name(study: Study, lines: list[Line]) -> dict[str, list[Line]]:
    curves: dict[str, list[Line]] = {}
    for line in lines:
        curves.setdefault(study.name(line), []).append(line)
    return curves


def _by_release(lines: list[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Yield the lines of each release with those that no release changes; its name as a suffix.

    All in one picture could not be told apart.
    """
    trained = [line for line in lines if ROWS[line.row].weights == "pretrained"]
    releases = dict.fromkeys(line.release for line in trained)
    others = [line for line in lines if line not in trained]
    if len(releases) < 2:
        if lines:
            yield "", lines
        return
    for release in releases:
        yield f"_{release}", [line for line in trained if line.release == release] + others


def _levels(study: Study, target: str, curves: dict[str, list[Line]]) -> dict[str, Line]:
    """Return the baseline's lines with the labels of some curves: it needs no pre-training."""
    labels = {labels_text(line) for lines in curves.values() for line in lines}
    return {
        f"{line.title}, {labels_text(line)}": line
        for line in study.compared(target)
        if line.row == study.baseline and labels_text(line) in labels
    }


def _of(release: str) -> str:
    return f", release {release[1:]}" if release else ""


def _label_percent(line: Line) -> float:
    return 100 * line.label_share


def _pretraining_percent(study: Study) -> Callable[[Line], float]:
    shares = {release.name: release.share for release in study.releases}
    return lambda line: 100 * shares[line.release]
