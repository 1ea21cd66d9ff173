"""`report.html`: one file that needs nothing beside it."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from cluster.runs import git_commit, installed_versions, replace_when_whole
from finetune import plots
from finetune.cells import CellData
from finetune.config import FinetuneConfig
from finetune.execution import Failure
from finetune.rows import ROWS
from finetune.summary import RowSummary, label
from finetune.targets.recording import Target
from finetune.windows import RATE

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #2d3748; background: #f7f8fa; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
.lead { color: #4a5568; margin: 0 0 1.6rem; }
section { background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; padding: 1.2rem 1.4rem;
  margin: 0 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #edf2f7; }
th { color: #718096; font-weight: 600; } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums; }
tr.best td { font-weight: 700; background: #f0f7ff; }
img { max-width: 100%; height: auto; } .grid { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); }
.note { color: #718096; font-size: .9rem; margin: .6rem 0 0; } .scroll { overflow-x: auto; }
pre { font-size: .82rem; background: #f7f8fa; padding: .8rem; overflow-x: auto; }
dt { font-weight: 600; } dd { margin: 0 0 .6rem; color: #4a5568; }
.failed { border-color: #e53e3e; }
"""


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
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Multi3Net+ on {escape(target.name)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>Multi3Net+ on {escape(target.name)}</h1>"
        f'<p class="lead">{lead}</p>{"".join(sections)}</main></body></html>\n'
    )
    with replace_when_whole(path) as file:
        file.write(page)


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
    body = _table(["row", "macro F1, %", "accuracy, %", "cells"], rows)
    note = (
        '<p class="note">Mean ± standard deviation over cells (folds of people, and seeds where '
        "there are several). A dot is one cell.</p>"
    )
    picture = _image(plots.score_bars(summaries, varied), "macro F1 by row")
    return _section("Scores", body + picture + note)


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
    return _section("Macro F1 by fold, %", _table(["row", *heads], rows))


def _people(summaries: Sequence[RowSummary], varied: bool) -> str:
    picture = plots.people_picture(summaries, varied)
    return _section("By person", _image(picture, "macro F1 by person"))


def _classes(summaries: Sequence[RowSummary], varied: bool, names: Sequence[str]) -> str:
    rows = [
        (False, [label(line, varied), *(f"{100 * value:.1f}" for value in line.class_f1)])
        for line in summaries
    ]
    return _section("F1 by class, mean over cells, %", _table(["row", *names], rows))


def _confusions(summaries: Sequence[RowSummary], varied: bool, names: Sequence[str]) -> str:
    pictures = [
        _image(
            plots.confusion_picture(np.array(line.confusion), names, label(line, varied)),
            f"confusion matrix of {label(line, varied)}",
        )
        for line in summaries
    ]
    note = '<p class="note">Test windows of all cells, per cent of each true class.</p>'
    return _section("Confusion", f'<div class="grid">{"".join(pictures)}</div>{note}')


def _histories(results: Sequence[dict], rows: Sequence[str]) -> str:
    groups = {
        ROWS[row].title: [r["history"] for r in results if r["cell"]["row"] == row] for row in rows
    }
    note = (
        '<p class="note">One curve for each cell; the weights of its lowest point are kept. A '
        "triangle marks the first epoch in which a waiting encoder trains.</p>"
    )
    picture = _image(plots.history_picture(groups), "validation loss by epoch")
    return _section("Training", picture + note)


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
    return _section("Data", facts + _table(["class", "windows"], rows))


def _rows(summaries: Sequence[RowSummary]) -> str:
    abouts = {line.title: line.about for line in summaries}
    items = "".join(f"<dt>{escape(t)}</dt><dd>{escape(a)}</dd>" for t, a in abouts.items())
    return _section("What the rows are", f"<dl>{items}</dl>")


def _settings(config: FinetuneConfig) -> str:
    yaml = OmegaConf.to_yaml(OmegaConf.structured(config))
    versions = ", ".join(f"{name} {number}" for name, number in installed_versions().items())
    return _section(
        "Settings",
        f"<pre>{escape(yaml)}</pre><p class='note'>Commit {escape(git_commit())}. "
        f"{escape(versions)}.</p>",
    )


def _failures(failures: Sequence[Failure]) -> str:
    rows = [(False, [str(failure.cell), failure.reason]) for failure in failures]
    body = _table(["cell", "reason"], rows)
    return f'<section class="failed"><h2>Failed cells</h2>{body}</section>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(heads: Iterable[str], rows: Iterable[tuple[bool, list[str]]]) -> str:
    """Return a table; a row's flag marks it as best, and all columns but the first are numbers."""
    head = "".join(
        f"<th{' class=n' if place else ''}>{escape(text)}</th>" for place, text in enumerate(heads)
    )
    lines = []
    for best, cells in rows:
        columns = "".join(
            f"<td{' class=n' if place else ''}>{escape(text)}</td>"
            for place, text in enumerate(cells)
        )
        lines.append(f"<tr{' class=best' if best else ''}>{columns}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _image(figure: Figure, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{code}">'


def _percent(values: tuple[float, float]) -> str:
    return f"{100 * values[0]:.1f} ± {100 * values[1]:.1f}"
