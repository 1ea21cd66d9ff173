"""Lines to the paper's tables: rows by target, experts, shares of labels and of pre-training data.

All scores are in per cent.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from finetune.bootstrap import COVERAGE, Estimate
from finetune.materials import TargetFacts
from finetune.published import published_for
from finetune.study import Study, share_in_words
from finetune.summary import Line
from finetune.tables import Table, f1_texts

MANY_CELLS = 10
NONE = "-"


def all_tables(study: Study) -> list[Table]:
    """Return every table that the lines allow, in the order of the report."""
    return [
        rows_by_target(study),
        *(table for target in study.targets for table in target_tables(study, target)),
    ]


def rows_by_target(study: Study) -> Table:
    """Return macro F1 of every row and release on every target: the paper's Tables 2 to 4."""
    names: dict[str, None] = {}
    found: dict[tuple[str, str], Line] = {}
    for target in study.targets:
        for line in study.headline(target.name):
            names[study.name(line)] = None
            found[study.name(line), target.name] = line
    targets = [target.name for target in study.targets]
    grid = [[found.get((name, target)) for target in targets] for name in names]
    return Table(
        "rows",
        "Macro F1 of every row, in per cent",
        ["row", *targets],
        [
            [name, *(macro_f1(line) for line in lines)]
            for name, lines in zip(names, grid, strict=True)
        ],
        f"{study.labels_in_words()}, people left out{_spread_note(study.lines)}. The best of each "
        "target is bold.",
        bold=_best(grid),
    )


def target_tables(study: Study, target: TargetFacts) -> list[Table]:
    """Return the tables of one target."""
    makers = (
        scores, labels, pretraining, experts, expert_use, classes, people, folds, published,
    )  # fmt: skip
    return [table for make in makers for table in make(study, target) if table.rows]


def scores(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Every row with its interval, accuracy, calibration and difference to the baseline."""
    lines = study.headline(target.name)
    yield Table(
        f"scores_{target.name}",
        f"Scores on {target.name}, in per cent",
        ["row", "macro F1", "interval", "minus baseline", "accuracy", "calibration error",
         "parameters", "s per cell"],
        [
            [
                study.name(line),
                macro_f1(line),
                interval(line.macro_f1),
                difference(line),
                with_spread(*line.accuracy, line.seeds),
                f"{100 * line.calibration_error:.1f}",
                f"{line.parameters:,}",
                f"{line.seconds:.1f}",
            ]
            for line in lines
        ],
        f"{study.labels_in_words(target.name)}. Macro F1 over the windows of all "
        f"people{_spread_note(lines)}. Intervals hold "
        f"{COVERAGE:g} % of resamples of people. The baseline is {study.baseline_title()}; a "
        f"difference whose interval excludes zero has a *.{_unseen(lines)}",
        bold=_best([[line] for line in lines]),
    )  # fmt: skip


def labels(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Few labels: macro F1, and the difference to the baseline, by share."""
    for share_by in ("windows", "people"):
        lines = label_lines(study, target.name, share_by)
        shares = sorted({line.label_share for line in lines})
        heads = [f"{100 * share:g} %" for share in shares]
        common = (study, lines, lambda line: line.label_share, shares, heads)
        yield _by_column(
            f"labels_{share_by}_{target.name}",
            f"Macro F1 on {target.name} by share of the labelled {share_by}, in per cent",
            *common,
            macro_f1,
            f"Validation people have as few labels as training people{_spread_note(lines)}."
            + _unseen(lines),
        )
        yield _by_column(
            f"labels_{share_by}_difference_{target.name}",
            f"Macro F1 minus that of {study.baseline_title()} on {target.name} by share of the "
            f"labelled {share_by}, in points",
            *common,
            difference,
            f"Paired: both on the same people, seeds and labels, with {COVERAGE:g} % intervals; "
            "a difference whose interval excludes zero has a *.",
            bold_best=False,
        )


def label_lines(study: Study, target: str, share_by: str) -> list[Line]:
    """Return the compared lines of rows with fewer labels, those with all of them included."""
    lines = [
        line
        for line in study.compared(target)
        if line.share_by == share_by or line.label_share == 1
    ]
    fewer = {(line.row, line.release) for line in lines if line.label_share < 1}
    return [line for line in lines if (line.row, line.release) in fewer]


def experts(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Macro F1 by number of experts: the paper's Table 5."""
    curves = expert_curves(study, target.name)
    counts = sorted({count for points in curves.values() for count in points})
    grid = [[points.get(count) for count in counts] for points in curves.values()]
    yield Table(
        f"experts_{target.name}",
        f"Macro F1 on {target.name} by number of experts, in per cent",
        ["row", *map(str, counts)],
        [[name, *map(macro_f1, lines)] for name, lines in zip(curves, grid, strict=True)],
        f"The best of each row is bold{_spread_note(study.lines)}.",
        bold=_best_of_rows(grid),
    )


def expert_curves(study: Study, target: str) -> dict[str, dict[int, Line]]:
    """Return lines by number of experts, for each row, release and labels."""
    curves: dict[str, dict[int, Line]] = {}
    for line in study.target_lines(target):
        name = f"{study.name(line)}, {labels_text(line)}"
        curves.setdefault(name, {})[line.experts] = line
    return {name: points for name, points in curves.items() if len(points) > 1}


def expert_use(study: Study, target: TargetFacts) -> Iterable[Table]:
    """How evenly a mixture uses its experts, where it tells."""
    lines = [
        line
        for line in study.target_lines(target.name)
        if line.label_share == 1 and len(line.expert_use) > 1
    ]
    yield Table(
        f"expert_use_{target.name}",
        f"Use of the experts on {target.name}",
        ["row", "experts", "weight of the most used, %", "of the least used, %", "in effect"],
        [
            [
                study.name(line),
                str(line.experts),
                f"{100 * line.expert_use[0]:.1f}",
                f"{100 * line.expert_use[-1]:.1f}",
                f"{_effective(line.expert_use):.1f}",
            ]
            for line in lines
        ],
        "Mean weight in each cell, sorted there, averaged over cells. In effect: the number of "
        "evenly used experts with the same entropy.",
    )


def pretraining(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Macro F1 by share of the pre-training data: the paper's Figure 6."""
    curves = pretraining_curves(study, target.name)
    shares = sorted({share for points in curves.values() for share in points})
    if curves:
        yield Table(
            f"pretraining_{target.name}",
            f"Macro F1 on {target.name} by share of the pre-training data, in per cent",
            ["row", *(f"{100 * share:g} %" for share in shares)],
            [
                [name, *(macro_f1(points.get(share)) for share in shares)]
                for name, points in curves.items()
            ],
            f"The same amount of training on less data{_spread_note(study.lines)}.",
        )


def pretraining_curves(study: Study, target: str) -> dict[str, dict[float, Line]]:
    """Return lines by share of the pre-training data, for each row, data, tasks and labels."""
    releases = {release.name: release for release in study.releases}
    several_tasks = len({release.tasks for release in study.releases}) > 1
    curves: dict[str, dict[float, Line]] = {}
    for line in study.target_lines(target):
        release = releases.get(line.release)
        if release is None or not study.has_default_experts(line):
            continue
        tasks = release.tasks if several_tasks else ""
        parts = filter(None, [line.title, release.data, tasks, labels_text(line)])
        curves.setdefault(", ".join(parts), {})[release.share] = line
    return {name: points for name, points in curves.items() if len(points) > 1}


def classes(study: Study, target: TargetFacts) -> Iterable[Table]:
    """F1 by class."""
    lines = study.headline(target.name)
    yield Table(
        f"classes_{target.name}",
        f"F1 by class on {target.name}, in per cent",
        ["row", *target.classes],
        [[study.name(line), *f1_texts(line.class_f1, line.confusion)] for line in lines],
        "Mean over seeds.",
    )


def people(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Macro F1 of every person."""
    lines = study.headline(target.name)
    yield Table(
        f"people_{target.name}",
        f"Macro F1 of every person of {target.name}, in per cent",
        ["person", *(study.name(line) for line in lines)],
        [
            [
                person,
                *(
                    f"{100 * line.people[person]:.1f}" if person in line.people else NONE
                    for line in lines
                ),
            ]
            for person in target.people
        ],
        "Tested by a model that never saw the person; over the classes that the person did, mean "
        "over seeds.",
    )


def folds(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Macro F1 of every fold and seed, where they are few."""
    lines = study.headline(target.name)
    people_of = {
        (own["seed"], own["fold"]): own["test_people"] for line in lines for own in line.by_cell
    }
    keys = sorted(people_of)
    if len(keys) > MANY_CELLS:
        return
    rows = []
    for line in lines:
        own = {(cell["seed"], cell["fold"]): cell["macro_f1"] for cell in line.by_cell}
        rows.append(
            [study.name(line), *(f"{100 * own[k]:.1f}" if k in own else NONE for k in keys)]
        )
    rows.append(["people tested", *(", ".join(people_of[key]) for key in keys)])
    several = len({seed for seed, _ in keys}) > 1
    yield Table(
        f"folds_{target.name}",
        f"Macro F1 by fold of {target.name}, in per cent",
        [
            "row",
            *(f"fold {fold}, seed {seed}" if several else f"fold {fold}" for seed, fold in keys),
        ],
        rows,
    )


def published(study: Study, target: TargetFacts) -> Iterable[Table]:
    """Published scores beside ours."""
    rows = []
    for each in published_for(target.data_set, target.wrists):
        wanted = study.experts if each.experts is None else each.experts
        ours = [
            line
            for line in study.target_lines(target.name)
            if (line.row, line.label_share) == (each.row, 1)
            and line.experts in (0, wanted)
            and _is_of_whole_release(study, line)
        ]
        value = NONE if not ours else "; ".join(f"{macro_f1(o)} ({o.release})" for o in ours)
        rows.append(
            [each.method, each.setting, each.metric, f"{each.percent:.1f}", value, each.source]
        )
    yield Table(
        f"published_{target.name}",
        f"Published scores on {target.data_set} beside ours, in per cent",
        ["method", "wrists", "score", "published", "ours (release)", "source"],
        rows,
        "Not the same protocol: other people, folds, windows and pre-training data.",
        words=6,
    )


def macro_f1(line: Line | None) -> str:
    """Return macro F1 in per cent, with its spread where there are several seeds."""
    return NONE if line is None else with_spread(line.macro_f1.value, line.spread, line.seeds)


def interval(estimate: Estimate) -> str:
    """Return the ends of an interval, in per cent; a dash where there is none."""
    if not estimate.is_known:
        return NONE
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def difference(line: Line | None) -> str:
    """Return the difference to the baseline in points, with its interval."""
    if line is None or line.difference is None:
        return NONE
    mark = " *" if line.difference.excludes_zero() else ""
    return f"{100 * line.difference.value:+.1f} ({interval(line.difference)}){mark}"


def labels_text(line: Line) -> str:
    """Return a line's share of the labels in words."""
    return share_in_words(line.label_share, line.share_by)


def _by_column(
    name: str,
    title: str,
    study: Study,
    lines: Sequence[Line],
    column: Callable[[Line], float],
    values: Sequence[float],
    heads: Sequence[str],
    text: Callable[[Line | None], str],
    note: str,
    bold_best: bool = True,
) -> Table:
    """Return rows by what `column` says of a line; the best of each column is bold."""
    names = dict.fromkeys(study.name(line) for line in lines)
    found = {(study.name(line), column(line)): line for line in lines}
    grid = [[found.get((name, value)) for value in values] for name in names]
    rows = [[name, *map(text, own)] for name, own in zip(names, grid, strict=True)]
    bold = _best(grid) if bold_best else frozenset()
    return Table(name, title, ["row", *heads], rows, note, bold=bold)


def _best(grid: Sequence[Sequence[Line | None]]) -> frozenset[tuple[int, int]]:
    """Return places, behind the column of names, of the best line of each column."""
    turned = [list(column) for column in zip(*grid, strict=True)]
    return frozenset((row, column + 1) for column, row in _highest(turned))


def _best_of_rows(grid: Sequence[Sequence[Line | None]]) -> frozenset[tuple[int, int]]:
    return frozenset((row, column + 1) for row, column in _highest(grid))


def _highest(rows: Sequence[Sequence[Line | None]]) -> Iterable[tuple[int, int]]:
    for place, lines in enumerate(rows):
        values = [line.macro_f1.value if line else -1.0 for line in lines]
        if values:
            yield place, values.index(max(values))


def _effective(use: Sequence[float]) -> float:
    return math.exp(-sum(weight * math.log(weight) for weight in use if weight > 0))


def _is_of_whole_release(study: Study, line: Line) -> bool:
    return all(each.share == 1 for each in study.releases if each.name == line.release)


def with_spread(value: float, spread: float, seeds: int) -> str:
    """Return a score in per cent, with its spread where there are several seeds."""
    text = f"{100 * value:.1f}"
    return f"{text} ± {100 * spread:.1f}" if seeds > 1 else text


def _spread_note(lines: Sequence[Line]) -> str:
    counts = sorted({line.seeds for line in lines})
    if not counts or counts == [1]:
        return ""
    several = " or ".join(str(count) for count in counts if count > 1)
    rest = " (one seed where none is given)" if counts[0] == 1 else ""
    return f", mean ± standard deviation over {several} seeds{rest}"


def _unseen(lines: Sequence[Line]) -> str:
    """Say which shares left a class without a labelled window in training."""
    missing: dict[str, set[str]] = {}
    for line in lines:
        if line.unseen_classes:
            missing.setdefault(f"{100 * line.label_share:g} %", set()).update(line.unseen_classes)
    parts = [f"{share}: {', '.join(sorted(names))}" for share, names in missing.items()]
    return f" Without a labelled window in some training: {'; '.join(parts)}." if parts else ""
