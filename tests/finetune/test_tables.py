"""A table in its four forms, read back by other programs where there are any."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

from finetune.tables import Table, as_csv, as_html, as_latex, as_markdown, f1_texts, write_tables

TABLE = Table(
    "made",
    "A & B",
    ["row", "share, 10 %"],
    [["one_two", "82.1 ± 0.4"], ['he said "a, b" | c', "7 <"]],
    note="All of 50 % of it.",
    bold=frozenset({(0, 1)}),
)


def test_csv_is_read_back() -> None:
    assert list(csv.reader(io.StringIO(as_csv(TABLE)))) == [TABLE.heads, *TABLE.rows]


def test_latex_has_no_bare_special_signs() -> None:
    text = as_latex(TABLE)
    body = text[text.index(r"\toprule") :]
    assert r"one\_two & \textbf{82.1 $\pm$ 0.4} \\" in body
    assert r"7 $<$ \\" in body
    assert r"\begin{tabular}{lr}" in text
    assert r"\caption{A \& B. All of 50 \% of it.}" in text
    assert len(re.findall(r"(?<!\\)&", text)) == len(TABLE.rows) + 1
    assert not re.findall(r"(?<!\\)%", text)
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_markdown_has_as_many_columns_in_every_line() -> None:
    lines = as_markdown(TABLE).splitlines()
    assert lines[:3] == ["| row | share, 10 % |", "| --- | ---: |", "| one_two | **82.1 ± 0.4** |"]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines[:4])
    assert lines[-1] == TABLE.note


def test_html_escapes_and_marks() -> None:
    text = as_html(TABLE)
    assert "<td class=n><b>82.1 ± 0.4</b></td>" in text
    assert "he said &quot;a, b&quot; | c" in text
    assert "<td class=n>7 &lt;</td>" in text


def test_tables_of_another_time_are_removed_and_nothing_else(tmp_path: Path) -> None:
    write_tables(tmp_path, [TABLE, replace(TABLE, name="old")])
    (tmp_path / "notes.csv").write_text("mine")
    write_tables(tmp_path, [TABLE])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.csv", "made.tex", "notes.csv"]


def test_a_class_that_nobody_did_or_was_taken_for_has_no_f1() -> None:
    confusion = [[3, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert f1_texts([6 / 7, 2 / 3, 0.0, 0.0], confusion) == ["85.7", "66.7", "-", "0.0"]
