"""A table, and the four ways in which it is written: HTML, CSV, LaTeX and Markdown."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from cluster.page import note
from cluster.runs import replace_when_whole

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": r"$<$",
    ">": r"$>$",
}


@dataclass(frozen=True)
class Table:
    """Text in columns, the first `words` of which are not numbers.

    `name` is that of its files; `bold` holds (row, column) of what stands out.
    """

    name: str
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: int = 1
    bold: frozenset[tuple[int, int]] = field(default_factory=frozenset)


def f1_texts(f1_K: Sequence[float], confusion_KK: Sequence[Sequence[int]]) -> list[str]:
    """Return F1 of each class in per cent, "-" of one that neither occurs nor is answered."""
    matrix_KK = np.array(confusion_KK)
    occurs_K = matrix_KK.sum(0) + matrix_KK.sum(1) > 0
    return [f"{100 * f1:.1f}" if occurs else "-" for f1, occurs in zip(f1_K, occurs_K, strict=True)]


def as_html(table: Table) -> str:
    """Return the table and its note for a page."""
    kinds = ["" if place < table.words else " class=n" for place in range(len(table.heads))]
    head = "".join(
        f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, table.heads, strict=True)
    )
    lines = [f"<tr>{head}</tr>"]
    for row, texts in enumerate(table.rows):
        cells = [
            f"<b>{escape(text)}</b>" if (row, column) in table.bold else escape(text)
            for column, text in enumerate(texts)
        ]
        columns = (f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, cells, strict=True))
        lines.append(f"<tr>{''.join(columns)}</tr>")
    small = note(table.note) if table.note else ""
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>{small}'


def as_csv(table: Table) -> str:
    """Return the table as comma-separated values."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([table.heads, *table.rows])
    return buffer.getvalue()


def as_latex(table: Table) -> str:
    """Return a `table` environment; it needs the package booktabs."""
    columns = "l" * table.words + "r" * (len(table.heads) - table.words)
    lines = [
        " & ".join(
            rf"\textbf{{{_latex(text)}}}" if (row, column) in table.bold else _latex(text)
            for column, text in enumerate(texts)
        )
        for row, texts in enumerate(table.rows)
    ]
    caption = ". ".join(filter(None, [table.title, table.note.rstrip(".")]))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(caption)}.}}",
            rf"\label{{tab:{table.name}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(_latex, table.heads)) + r" \\",
            r"\midrule",
            *(line + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def as_markdown(table: Table) -> str:
    """Return the table and its note as GitHub's Markdown."""
    rule = ["---" if place < table.words else "---:" for place in range(len(table.heads))]
    rows = [
        [
            f"**{text}**" if (row, column) in table.bold else text
            for column, text in enumerate(texts)
        ]
        for row, texts in enumerate(table.rows)
    ]
    lines = [_markdown_row(table.heads), _markdown_row(rule), *map(_markdown_row, rows)]
    return "\n".join(lines) + (f"\n\n{table.note}" if table.note else "") + "\n"


def write_tables(folder: Path, tables: Sequence[Table]) -> None:
    """Write every table as NAME.csv and NAME.tex, and remove those of another time."""
    for old in set(folder.glob("*.csv")) if folder.is_dir() else ():
        if old.stem not in {table.name for table in tables} and old.with_suffix(".tex").exists():
            old.unlink()
            old.with_suffix(".tex").unlink()
    for table in tables:
        for suffix, text in (("csv", as_csv(table)), ("tex", as_latex(table))):
            with replace_when_whole(folder / f"{table.name}.{suffix}") as file:
                file.write(text)


def _markdown_row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def _latex(text: str) -> str:
    return "".join(LATEX_SPECIAL.get(sign, sign) for sign in text)
