"""Which pictures a study has, each with a name and a description."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from finetune import plots
from finetune.materials import TargetFacts
from finetune.result_tables import expert_lines, label_lines, labels_text, pretraining_curves
from finetune.study import Study
from finetune.summary import Line


@dataclass(frozen=True)
class Picture:
    """A figure; `name` is that of its file."""

    name: str
    about: str
    figure: Figure


def curve_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield what the lists of a sweep show: shares of labels, of pre-training data, experts."""
    for share_by in ("windows", "people"):
        curves = _by_name(study, label_lines(study, target.name, share_by))
        if any(len(lines) > 1 for lines in curves.values()):
            yield Picture(
                f"labels_{share_by}_{target.name}",
                f"macro F1 on {target.name} by share of the labelled {share_by}",
                plots.share_curves(
                    curves, _label_percent, f"labelled {share_by} of training people, %", log=True
                ),
            )
    points = pretraining_curves(study, target.name)
    curves = {name: list(by_share.values()) for name, by_share in points.items()}
    if curves:
        yield Picture(
            f"pretraining_{target.name}",
            f"macro F1 on {target.name} by share of the pre-training data",
            plots.share_curves(
                curves,
                _pretraining_percent(study),
                "pre-training data, %",
                log=False,
                levels=_levels(study, target.name, curves),
            ),
        )
    curves = _by_name(study, expert_lines(study, target.name))
    if curves:
        yield Picture(
            f"experts_{target.name}",
            f"macro F1 on {target.name} by number of experts",
            plots.share_curves(curves, lambda line: line.experts, "experts", log=True),
        )


def score_picture(study: Study, target: TargetFacts) -> Picture:
    """Return the bars of the headline lines."""
    lines = {study.name(line): line for line in study.headline(target.name)}
    return Picture(f"scores_{target.name}", "macro F1 by row", plots.score_bars(lines))


def detail_pictures(study: Study, target: TargetFacts) -> Iterator[Picture]:
    """Yield people, calibration and confusion matrices of the headline lines."""
    lines = {study.name(line): line for line in study.headline(target.name)}
    yield Picture(f"people_{target.name}", "macro F1 by person", plots.people_picture(lines))
    yield Picture(
        f"calibration_{target.name}",
        "share of right windows by confidence",
        plots.reliability_picture({name: line.reliability for name, line in lines.items()}),
    )
    for place, (name, line) in enumerate(lines.items()):
        yield Picture(
            f"confusion_{place}_{target.name}",
            f"confusion matrix of {name}",
            plots.confusion_picture(np.array(line.confusion), target.classes, name),
        )


def _by_name(study: Study, lines: list[Line]) -> dict[str, list[Line]]:
    curves: dict[str, list[Line]] = {}
    for line in lines:
        curves.setdefault(study.name(line), []).append(line)
    return curves


def _levels(study: Study, target: str, curves: dict[str, list[Line]]) -> dict[str, Line]:
    """Return the baseline's lines with the labels of some curves: it needs no pre-training."""
    labels = {labels_text(line) for lines in curves.values() for line in lines}
    return {
        f"{line.title}, {labels_text(line)}": line
        for line in study.target_lines(target)
        if line.row == study.baseline and labels_text(line) in labels
    }


def _label_percent(line: Line) -> float:
    return 100 * line.label_share


def _pretraining_percent(study: Study) -> Callable[[Line], float]:
    shares = {release.name: release.share for release in study.releases}
    return lambda line: 100 * shares[line.release]
