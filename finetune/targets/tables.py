"""Files of recordings: CSV tables and the folders that hold them.

Shape letters: T rows, X columns.
"""

import lzma
import re
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.storage import local_path

Item = TypeVar("Item")
TAB = "tab"
COMMA_NUMBER = re.compile(r"-?\d+,\d+")
THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
# What pandas raises for files, compressed ones among them, that it cannot read.
UNREADABLE = (
    OSError, ValueError, EOFError, ImportError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
    tarfile.TarError,
)  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """What stands between the cells of a file, and in its numbers before the tenths."""

    separator: str = ","
    decimal: str = "."


PLAIN = Dialect()


def check_dialect(separator: str, decimal: str, key: str) -> Dialect:
    """Return how files are written; UserError, naming the key, for what cannot be."""
    separator = "\t" if separator == TAB else separator
    if len(separator) != 1:
        raise UserError(f"{key}separator is {separator!r}; one character, or {TAB}")
    if decimal not in (".", ","):
        raise UserError(f"{key}decimal is {decimal!r}; a point or a comma")
    return Dialect(separator, decimal)


def existing_folder(folder: str, key: str) -> Path:
    """Return the folder of a data set; UserError when it is not there."""
    path = local_path(folder)
    if not path.is_dir():
        raise UserError(f"{key}.folder is {folder}; there is no such folder")
    return path


def check_columns(columns: Sequence[str], key: str) -> None:
    """Raise UserError for a column of signals or time that is named twice."""
    for place, name in enumerate(columns):
        if name in columns[:place]:
            raise UserError(
                f"{key}accelerometer, {key}gyroscope and {key}time name the column {name} twice"
            )


def read_table(
    path: Path,
    columns: Sequence[str],
    text: Sequence[str] = (),
    dialect: Dialect = PLAIN,
    may_be_empty: bool = False,
) -> pd.DataFrame:
    """Return the named columns of a CSV file; UserError when they cannot be had.

    Those of `text` are strings as the file spells them, such as 01, None or NA, and empty where a
    cell is. In the others such words are NaN.
    """
    table = _read_csv(path, dialect)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        there = ", ".join(map(repr, table.columns) if len(table.columns) == 1 else table.columns)
        other = next((mark for mark in ";\t," if mark in table.columns[0]), None)
        named = TAB if other == "\t" else repr(other)
        mend = f"; its cells are parted by {named}: say so in separator" if other else ""
        raise UserError(f"{path}: no column {', '.join(missing)}; there are {there}{mend}")
    if table.empty and not may_be_empty:
        raise UserError(f"{path}: the file has no rows; remove it or record it again")
    table = table[list(columns)]
    if dialect.decimal != ".":
        # A single word keeps pandas from reading the numbers of its column.
        words = table.select_dtypes(exclude="number").columns
        table = table.assign(**{name: _with_points(table[name], dialect) for name in words})
    if text:
        spelt = _read_csv(
            path,
            dialect,
            usecols=lambda name: name.strip() in text,
            dtype=str,
            keep_default_na=False,
        )
        table = table.assign(**{name: spelt[name].str.strip() for name in text})
    return table


def _read_csv(path: Path, dialect: Dialect, **options: Any) -> pd.DataFrame:
    # Else pandas takes the first cells of rows longer than the header for their names, and each
    # column for the one beside it.
    options |= {"index_col": False, "sep": dialect.separator, "decimal": dialect.decimal}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, skipinitialspace=True, low_memory=False, **options)
        names = table.columns.str.strip()
        return table.set_axis(names, axis=1) if names.is_unique else table
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: the file is empty; remove it or record it again") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: its text is not UTF-8; save it as CSV in UTF-8") from None
    except (pd.errors.ParserWarning, pd.errors.ParserError) as error:
        if before := _stands_before_header(path):
            raise UserError(
                f"{path}: begins with {before!r}; remove what stands before the names of columns"
            ) from None
        if isinstance(error, pd.errors.ParserError):
            raise UserError(f"{path}: cannot be read as CSV: {_first_line(error)}") from None
        raise UserError(
            f"{path}: its rows have more cells than its header; name every column, or say in "
            "separator and decimal how it is written"
        ) from None
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read as CSV: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _stands_before_header(path: Path) -> str:
    """Return the first line of a file where it is a comment or Excel's own, else ""."""
    with path.open(errors="replace") as file:
        first = file.readline().strip()
    return first if first.startswith(("#", "sep=")) else ""


def _with_points(column: pd.Series, dialect: Dialect) -> pd.Series:
    return column.map(
        lambda cell: cell.replace(dialect.decimal, ".") if isinstance(cell, str) else cell
    )


def what_to_mend(word: str) -> str:
    """Return what may be wrong where `word` stands in place of a number."""
    if THOUSANDS.fullmatch(word):
        return '; where its comma parts thousands leave it out, else say decimal: ","'
    return '; say decimal: ","' if COMMA_NUMBER.fullmatch(word) else ""


def numbers(
    table: pd.DataFrame, columns: Sequence[str], path: Path, first_row: int = 2
) -> np.ndarray:
    """Return columns as float64 (T, X), NaN where a cell is empty or infinite.

    Raises UserError, naming the row of the file, for words.
    """
    values = []
    for name in columns:
        column = pd.to_numeric(table[name], errors="coerce")
        words = table[name][column.isna() & table[name].notna()]
        if len(words):
            raise UserError(
                f"{path}: column {name} holds {words.iloc[0]!r} where a number belongs, "
                f"row {words.index[0] + first_row}{what_to_mend(words.iloc[0])}"
            )
        values.append(column.to_numpy(dtype=np.float64))
    values_TX = np.stack(values, 1)
    return np.where(np.isfinite(values_TX), values_TX, np.nan)


def with_progress(label: str, items: Sequence[Item], unit: str) -> Iterator[Item]:
    """Yield the items, showing how far it is."""
    with Progress(label, len(items), unit) as progress:
        for item in items:
            yield item
            progress.advance(1)
