"""`report.html`: one file that needs nothing beside it."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from cluster.page import image, note, page, section
from cluster.runs import replace_when_whole
from finetune import plots
from finetune.data_tables import data_tables, failed_cells
from finetune.materials import TargetFacts
from finetune.pictures import (
    Picture,
    calibration_pictures,
    confusion_pictures,
    people_pictures,
    table_pictures,
)
from finetune.result_tables import rows_by_target, target_tables
from finetune.study import Study
from finetune.tables import as_html

# What a cell has in common with its line.
WHICH = ("target", "row", "release", "experts", "label_share", "share_by")


def write_report(path: Path, study: Study, results: Sequence[dict]) -> None:
    """Write the report of a run or sweep; `results` are the cells that the lines are made of."""
    sections = [*_failures(study)]
    if len(study.targets) > 1:
        table = rows_by_target(study)
        sections.append(section(table.title, as_html(table)))
    for target in study.targets:
        if study.target_lines(target.name):
            sections += _target(study, target, results)
    sections += [_data(study), _rows(study), _settings(study)]
    names = " and ".join(target.name for target in study.targets)
    abouts = ". ".join(target.about for target in study.targets)
    lead = (
        f"{escape(abouts)}. Every score is of people whom the model, its scaling and the choice of "
        "its weights never saw."
    )
    with replace_when_whole(path) as file:
        file.write(page(f"Multi3Net+ on {names}", lead, sections))


def _target(study: Study, target: TargetFacts, results: Sequence[dict]) -> Iterator[str]:
    """Yield a section for each table, with the pictures of the same numbers, and the details."""
    pictures: dict[str, list[Picture]] = {}
    for make in (table_pictures, calibration_pictures, people_pictures):
        for picture in make(study, target):
            pictures.setdefault(picture.table, []).append(picture)
    for table in target_tables(study, target):
        own = "".join(map(_image, pictures.get(table.name, [])))
        yield section(table.title, as_html(table) + own)
    grid = "".join(map(_image, confusion_pictures(study, target)))
    yield section(
        f"Confusion on {target.name}, summed over cells, % of each true class",
        f'<div class="grid">{grid}</div>',
    )
    yield from _histories(study, target, results)


def _image(picture: Picture) -> str:
    return f"<div>{image(picture.figure, picture.about)}{note(picture.about)}</div>"


def _histories(study: Study, target: TargetFacts, results: Sequence[dict]) -> Iterator[str]:
    groups = {}
    for line in study.headline(target.name):
        wanted = [getattr(line, key) for key in WHICH]
        own = (each for each in results if [each["cell"][key] for key in WHICH] == wanted)
        histories = [each["history"] for each in own]
        if any(history.get("epoch") for history in histories):
            groups[study.name(line)] = histories
    if groups:
        small = note(
            "One curve for each cell. Of a validation loss the weights of the lowest point are "
            "kept, else the last. A triangle marks the first epoch in which a waiting encoder "
            "trains."
        )
        picture = image(plots.history_picture(groups), "loss by epoch")
        yield section(f"Training on {target.name}", picture + small)


def _data(study: Study) -> str:
    return section("Data", "".join(map(as_html, data_tables(study))))


def _rows(study: Study) -> str:
    abouts = {line.title: line.about for line in study.lines}
    items = "".join(f"<dt>{escape(t)}</dt><dd>{escape(a)}</dd>" for t, a in abouts.items())
    return section("What the rows are", f"<dl>{items}</dl>")


def _settings(study: Study) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in study.versions.items())
    return section(
        "Settings",
        f"<pre>{escape(study.settings)}</pre>{note(f'Commit {study.commit}. {versions}.')}",
    )


def _failures(study: Study) -> Iterator[str]:
    for table in failed_cells(study):
        yield section(table.title, as_html(table), alarming=True)
