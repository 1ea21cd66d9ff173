"""Cells to table: the mean and spread of each row over its folds and seeds.

Shape letters: K classes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from finetune.cells import Cell
from finetune.rows import ROWS
from finetune.scores import mean_and_spread


@dataclass(frozen=True)
class RowSummary:
    """A line of the table: one row with one number of experts and one share of the labels.

    `macro_f1` and `accuracy` are (mean, sample standard deviation) over its cells; `class_f1` is
    the mean by class; `confusion` sums the test windows; `people` holds each person's macro F1
    (classes that the person never did count as 0), averaged over seeds.
    """

    row: str
    title: str
    about: str
    experts: int
    label_share: float
    cells: int
    macro_f1: tuple[float, float]
    accuracy: tuple[float, float]
    class_f1: list[float]
    confusion: list[list[int]]
    people: dict[str, float]
    by_cell: list[dict]


def summarize(results: Sequence[dict], rows: Sequence[str]) -> list[RowSummary]:
    """Group cells' results into lines, in the order of `rows`."""
    groups: dict[tuple[str, int, float], list[dict]] = {}
    for result in results:
        cell = Cell(**result["cell"])
        groups.setdefault((cell.row, cell.experts, cell.label_share), []).append(result)
    order = sorted(groups, key=lambda key: (rows.index(key[0]), -key[2], key[1]))
    return [_summarize_row(*key, groups[key]) for key in order]


def table(summaries: Sequence[RowSummary], classes: int) -> str:
    """Return the table as text, best row marked."""
    varied = len({(line.experts, line.label_share) for line in summaries if line.experts}) > 1
    head = f"{'row':<38} {'macro F1':>16} {'accuracy':>16} {'cells':>6}"
    best = max((line.macro_f1[0] for line in summaries), default=0.0)
    lines = [head, "-" * len(head)]
    for line in summaries:
        mark = " *" if line.macro_f1[0] == best else ""
        lines.append(
            f"{label(line, varied):<38} {_percent(line.macro_f1):>16} "
            f"{_percent(line.accuracy):>16} {line.cells:>6}{mark}"
        )
    lines.append(
        f"mean ± standard deviation over folds of people, {classes} classes, in per cent; * best"
    )
    return "\n".join(lines)


def label(line: RowSummary, varied: bool) -> str:
    """Return a line's name, with what distinguishes it from others of the same row."""
    if not varied:
        return line.title
    plural = "" if line.experts == 1 else "s"
    experts = f", {line.experts} expert{plural}" if line.experts else ""
    return f"{line.title}{experts}, {100 * line.label_share:g} % labels"


def as_json(summaries: Sequence[RowSummary]) -> list[dict]:
    """Return the lines as JSON holds them, with named mean and spread."""
    lines = []
    for line in summaries:
        fields = asdict(line)
        for name in ("macro_f1", "accuracy"):
            mean, spread = fields[name]
            fields[name] = {"mean": mean, "sd": spread}
        lines.append(fields)
    return lines


def _summarize_row(row: str, experts: int, label_share: float, results: list[dict]) -> RowSummary:
    scores = [result["scores"] for result in results]
    people: dict[str, list[float]] = {}
    for result in results:
        for person, own in result["scores_by_person"].items():
            people.setdefault(person, []).append(own["macro_f1"])
    return RowSummary(
        row=row,
        title=ROWS[row].title,
        about=ROWS[row].about,
        experts=experts,
        label_share=label_share,
        cells=len(results),
        macro_f1=mean_and_spread([own["macro_f1"] for own in scores]),
        accuracy=mean_and_spread([own["accuracy"] for own in scores]),
        class_f1=np.mean([own["class_f1"] for own in scores], axis=0).tolist(),
        confusion=np.sum([own["confusion"] for own in scores], axis=0).tolist(),
        people={person: float(np.mean(people[person])) for person in sorted(people)},
        by_cell=[
            {
                "fold": result["cell"]["fold"],
                "seed": result["cell"]["seed"],
                "macro_f1": result["scores"]["macro_f1"],
                "accuracy": result["scores"]["accuracy"],
                "test_people": result["people"]["test"],
                "epochs": len(result["history"]["epoch"]),
                "seconds": result["seconds"],
            }
            for result in sorted(results, key=lambda r: (r["cell"]["seed"], r["cell"]["fold"]))
        ],
    )


def _percent(values: tuple[float, float]) -> str:
    return f"{100 * values[0]:.1f} ± {100 * values[1]:.1f}"
