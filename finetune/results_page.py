"""`python -m finetune results`: a sweep's tables and pictures as a page of the documentation."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from cluster.errors import UserError
from cluster.runs import replace_when_whole
from finetune.data_tables import data_tables
from finetune.materials import TargetFacts
from finetune.pictures import table_pictures
from finetune.result_tables import rows_by_target, target_tables
from finetune.rows import ROWS
from finetune.study import Study, read_study
from finetune.tables import Table, as_markdown

IMAGES = "images"
PROTOCOL = " [What all this means](sweeps.md#the-protocol)."
RELEASED = " Behind a row's comma stands its [release](#releases)."
# What only a report has room for.
DETAILS = ("people", "folds", "expert_use")


def main(arguments: list[str]) -> int:
    """Write the page and its pictures; UserError where the folder holds no scores."""
    parser = argparse.ArgumentParser("python -m finetune results")
    parser.add_argument("output", type=Path, help="output folder of a run or sweep")
    parser.add_argument("--page", type=Path, required=True, help="Markdown file to write")
    given = parser.parse_args(arguments)
    if given.page.is_dir() or not given.page.suffix:
        raise UserError(f"--page {given.page}: a folder; give a Markdown file")
    write_page(given.page, read_study(given.output))
    print(f"page         {given.page}")
    return 0


def write_page(path: Path, study: Study) -> None:
    """Write `path` and, in the folder `images` beside it, its pictures as SVG."""
    parts = [*_head(study, path)]
    if len(study.targets) > 1:
        parts += _table(rows_by_target(study), 2)
    for target in study.targets:
        parts += _target(path, study, target)
    parts += _foot(study)
    with replace_when_whole(path) as file:
        file.write("\n\n".join(part.strip("\n") for part in parts) + "\n")


def _head(study: Study, path: Path) -> Iterator[str]:
    names = " and ".join(target.name for target in study.targets)
    yield f"# Results on {names}"
    counts = [line.seeds for line in study.lines] or [0]
    fewer = " (fewer for some rows)" if min(counts) < max(counts) else ""
    yield (
        "Written by `python -m finetune results` from the scores of one sweep. Every score is of "
        "people whom the model, its scaling and the choice of its weights never saw. With each of "
        f"{_counted(max(counts), 'seed')}{fewer} the folds together test every person once; macro "
        f"F1 is over all those windows. The baseline is {study.baseline_title()}."
        + (PROTOCOL if (path.parent / "sweeps.md").is_file() else "")
        + (RELEASED if len(study.releases) > 1 else "")
    )
    if study.failures:
        yield f"{_counted(len(study.failures), 'cell')} failed and are missing from these scores."


def _target(path: Path, study: Study, target: TargetFacts) -> Iterator[str]:
    if not study.target_lines(target.name):
        return
    yield f"## {target.name}"
    yield f"{target.about}."
    pictures = list(table_pictures(study, target))
    for table in target_tables(study, target):
        if table.name.startswith(DETAILS):
            continue
        yield from _table(table, 3)
        for picture in pictures:
            if picture.table == table.name:
                file = path.parent / IMAGES / f"{path.stem}_{picture.name}.svg"
                with replace_when_whole(file, "wb") as opened:
                    # Without a date the same scores give the same file.
                    picture.figure.savefig(opened, format="svg", metadata={"Date": None})
                yield f"![{picture.about}]({IMAGES}/{file.name})"


def _foot(study: Study) -> Iterator[str]:
    yield "## What was compared"
    rows = dict.fromkeys(line.row for line in study.lines)
    yield "\n".join(f"- **{ROWS[row].title}**: {ROWS[row].about}" for row in rows)
    for table in data_tables(study):
        yield from _table(table, 3)
    yield "### Settings"
    yield f"<details><summary>Every key</summary>\n\n```yaml\n{study.settings}```\n\n</details>"
    versions = ", ".join(f"{name} {number}" for name, number in study.versions.items())
    yield f"Commit {study.commit}. {versions}."


def _table(table: Table, level: int) -> Iterator[str]:
    yield f"{'#' * level} {table.title}"
    yield as_markdown(table)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
