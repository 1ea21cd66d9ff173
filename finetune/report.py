"""`report.html`: one file that needs nothing beside it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from cluster.page import image, page, section, table
from cluster.runs import git_commit, installed_versions, replace_when_whole
from finetune import plots
from finetune.config import FinetuneConfig
from finetune.execution import Failure
from finetune.prepare import CellData
from finetune.rows import ROWS
from finetune.summary import RowSummary, label
from finetune.targets.recording import Target
from finetune.windows import RATE


def write_report(
    path: Path,
    config: FinetuneConfig,
    target: Target,
    data: CellData,
    summaries: Sequence[RowSummary],
    results: Sequence[dict],
    failures: Sequence[Failure],
) -> None:
    """Write the report of a run."""
    varied = len({(line.experts, line.label_share) for line in summaries if line.experts}) > 1
    sections = [_failures(failures)] if failures else []
    if summaries:
        sections += [
            _scores(summaries, varied),
            _folds(summaries, varied),
            _people(summaries, varied),
            _classes(summaries, varied, target.label_names),
            _confusions(summaries, varied, target.label_names),
            _histories(results, config.rows),
        ]
    sections += [_data(target, data, config), _rows(summaries), _settings(config)]
    lead = (
        f"{escape(target.about)}. Every score is of people whom the model, its scaling and the "
        "choice of its weights never saw."
    )
    text = page(f"Multi3Net+ on {target.name}", lead, sections)
    with replace_when_whole(path) as file:
        file.write(text)


def _scores(summaries: Sequence[RowSummary], varied: bool) -> str:
    best = max(line.macro_f1[0] for line in summaries)
    rows = [
        (
            line.macro_f1[0] == best,
            [
                label(line, varied),
                _percent(line.macro_f1),
                _percent(line.accuracy),
                str(line.cells),
            ],
        )
        for line in summaries
    ]
    body = table(["row", "macro F1, %", "accuracy, %", "cells"], rows)
    note = (
        '<p class="note">Mean ± standard deviation over cells (folds of people, and seeds where '
        "there are several). A dot is one cell.</p>"
    )
    picture = image(plots.score_bars(summaries, varied), "macro F1 by row")
    return section("Scores", body + picture + note)


def _folds(summaries: Sequence[RowSummary], varied: bool) -> str:
    keys = sorted({(own["seed"], own["fold"]) for line in summaries for own in line.by_cell})
    rows = []
    for line in summaries:
        by_key = {(own["seed"], own["fold"]): own for own in line.by_cell}
        values = [f"{100 * by_key[key]['macro_f1']:.1f}" if key in by_key else "-" for key in keys]
        rows.append((False, [label(line, varied), *values]))
    people = {
        (own["seed"], own["fold"]): own["test_people"] for line in summaries for own in line.by_cell
    }
    seeds = len({seed for seed, _ in keys}) > 1
    heads = [f"fold {fold}, seed {seed}" if seeds else f"fold {fold}" for seed, fold in keys]
    rows.append((False, ["people tested", *(", ".join(people[key]) for key in keys)]))
    return section("Macro F1 by fold, %", table(["row", *heads], rows))


def _people(summaries: Sequence[RowSummary], varied: bool) -> str:
    picture = plots.people_picture(summaries, varied)
    return section("By person", image(picture, "macro F1 by person"))


def _classes(summaries: Sequence[RowSummary], varied: bool, names: Sequence[str]) -> str:
    rows = [
        (False, [label(line, varied), *(f"{100 * value:.1f}" for value in line.class_f1)])
        for line in summaries
    ]
    return section("F1 by class, mean over cells, %", table(["row", *names], rows))


def _confusions(summaries: Sequence[RowSummary], varied: bool, names: Sequence[str]) -> str:
    pictures = [
        image(
            plots.confusion_picture(np.array(line.confusion), names, label(line, varied)),
            f"confusion matrix of {label(line, varied)}",
        )
        for line in summaries
    ]
    note = '<p class="note">Test windows of all cells, per cent of each true class.</p>'
    return section("Confusion", f'<div class="grid">{"".join(pictures)}</div>{note}')


def _histories(results: Sequence[dict], rows: Sequence[str]) -> str:
    groups = {
        ROWS[row].title: [r["history"] for r in results if r["cell"]["row"] == row] for row in rows
    }
    note = (
        '<p class="note">One curve for each cell; the weights of its lowest point are kept. A '
        "triangle marks the first epoch in which a waiting encoder trains.</p>"
    )
    picture = image(plots.history_picture(groups), "validation loss by epoch")
    return section("Training", picture + note)


def _data(target: Target, data: CellData, config: FinetuneConfig) -> str:
    windows = data.windows
    hours = sum(r.timestamps_T[-1] - r.timestamps_T[0] for r in target.recordings) / 3600
    counts = np.bincount(windows.labels_N, minlength=len(target.label_names))
    rows = [
        (False, [name, str(count)]) for name, count in zip(target.label_names, counts, strict=True)
    ]
    facts = (
        f"<p>{len(target.subjects)} people, {len(target.recordings)} recordings, {hours:.2f} h, "
        f"{len(windows)} windows of {config.windows.seconds} s at {RATE} Hz, overlap "
        f"{100 * config.windows.overlap:g} %, wrists: {', '.join(data.encoders)}"
        f" (mirror: {config.windows.mirror}).</p>"
    )
    return section("Data", facts + table(["class", "windows"], rows))


def _rows(summaries: Sequence[RowSummary]) -> str:
    abouts = {line.title: line.about for line in summaries}
    items = "".join(f"<dt>{escape(t)}</dt><dd>{escape(a)}</dd>" for t, a in abouts.items())
    return section("What the rows are", f"<dl>{items}</dl>")


def _settings(config: FinetuneConfig) -> str:
    yaml = OmegaConf.to_yaml(OmegaConf.structured(config))
    versions = ", ".join(f"{name} {number}" for name, number in installed_versions().items())
    return section(
        "Settings",
        f"<pre>{escape(yaml)}</pre><p class='note'>Commit {escape(git_commit())}. "
        f"{escape(versions)}.</p>",
    )


def _failures(failures: Sequence[Failure]) -> str:
    rows = [(False, [str(failure.cell), failure.reason]) for failure in failures]
    return section("Failed cells", table(["cell", "reason"], rows, words=2), alarming=True)


def _percent(values: tuple[float, float]) -> str:
    return f"{100 * values[0]:.1f} ± {100 * values[1]:.1f}"
