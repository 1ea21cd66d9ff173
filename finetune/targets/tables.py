"""Files of recordings: CSV tables and the folders that hold them.

Shape letters: T rows, X columns.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from cluster.errors import UserError
from cluster.progress import Progress

Item = TypeVar("Item")


def existing_folder(folder: str, key: str) -> Path:
    """Return the folder of a data set; UserError when it is not there."""
    path = Path(folder)
    if not path.is_dir():
        raise UserError(f"{key}.folder is {folder}; there is no such folder")
    return path


def read_table(path: Path, columns: Sequence[str], text: Sequence[str] = ()) -> pd.DataFrame:
    """Return the named columns of a CSV file; UserError when they cannot be had.

    Those of `text` are strings as the file spells them, such as 01, None or NA, and empty where a
    cell is. In the others such words are NaN.
    """
    table = _read_csv(path)
    # pandas takes the first cells of such rows for names, and each column for the one beside it.
    if _first_row_is_longer(path):
        raise UserError(f"{path}: its rows have more cells than its header; name every column")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{path}: no column {', '.join(missing)}; there are {', '.join(table.columns)}"
        )
    if table.empty:
        raise UserError(f"{path}: the file has no rows; remove it or record it again")
    table = table[list(columns)]
    if text:
        spelt = _read_csv(path, usecols=list(text), dtype=str, keep_default_na=False)
        table = table.assign(**{name: spelt[name].str.strip() for name in text})
    return table


def _first_row_is_longer(path: Path) -> bool:
    with open(path, newline="", encoding="utf-8-sig") as file:
        header, first = islice(chain((row for row in csv.reader(file) if row), ([], [])), 2)
    return len(first) > len(header)


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, skipinitialspace=True, **options)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: the file is empty; remove it or record it again") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}") from None


def numbers(table: pd.DataFrame, columns: Sequence[str], path: Path) -> np.ndarray:
    """Return columns as float64 (T, X), NaN where a cell is empty or infinite.

    Raises UserError for words.
    """
    values = []
    for name in columns:
        column = pd.to_numeric(table[name], errors="coerce")
        words = table[name][column.isna() & table[name].notna()]
        if len(words):
            raise UserError(
                f"{path}: column {name} holds {words.iloc[0]!r} where a number belongs, "
                f"row {words.index[0] + 2}"
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
