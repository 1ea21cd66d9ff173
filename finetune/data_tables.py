"""What a report says beside the scores of rows: data, cells that failed, who is taken for whom."""

from collections.abc import Iterator

from finetune.result_tables import labels_text
from finetune.study import Study
from finetune.tables import Table
from finetune.windows import RATE


def data_tables(study: Study) -> Iterator[Table]:
    """Yield what the targets hold, and what the releases are."""
    yield Table(
        "targets",
        "Targets",
        ["target", "data set", "windows", "classes", "people", "recordings", "hours", "folds"],
        [
            [
                target.name,
                target.data_set,
                f"{sum(target.windows_by_class)} of {target.seconds} s at {RATE} Hz, overlap "
                f"{100 * target.overlap:g} %, wrists: {', '.join(target.wrists)} (mirror: "
                f"{target.mirror}, wrist: {target.wrist})",
                ", ".join(
                    f"{name} {count}"
                    for name, count in zip(target.classes, target.windows_by_class, strict=True)
                ),
                str(len(target.people)),
                str(target.recordings),
                f"{target.hours:.2f}",
                str(target.folds),
            ]
            for target in study.targets
        ],
        words=4,
    )
    if study.releases:
        yield Table(
            "releases",
            "Releases",
            ["release", "pre-trained on", "tasks", "weights", "share of the data, %"],
            [
                [each.name, each.data, each.tasks, each.weights, f"{100 * each.share:g}"]
                for each in study.releases
            ],
            words=4,
        )


def confusion_tables(study: Study) -> Iterator[Table]:
    """Yield for each target the windows of every line by true and by predicted class."""
    for target in study.targets:
        lines = study.target_lines(target.name)
        yield Table(
            f"confusion_{target.name}",
            f"Windows on {target.name} by true (row) and predicted class (column)",
            ["row", "release", "experts", "labels", "true class", *target.classes],
            [
                [line.title, line.release, str(line.experts), labels_text(line), name, *counts]
                for line in lines
                for name, counts in zip(
                    target.classes, (map(str, counts) for counts in line.confusion), strict=True
                )
            ],
            "Summed over folds and seeds.",
            words=5,
        )


def failed_cells(study: Study) -> Iterator[Table]:
    """Yield the cells that could not be computed, where there are any."""
    if study.failures:
        yield Table(
            "failed",
            "Failed cells",
            ["cell", "reason"],
            [[cell_text(failure["cell"]), failure["reason"]] for failure in study.failures],
            words=2,
        )


def cell_text(cell: dict) -> str:
    """Return a cell in words."""
    return ", ".join(f"{name} {value}" for name, value in cell.items() if value != "")
