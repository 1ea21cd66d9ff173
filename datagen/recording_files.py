"""Readers of real watches: CSV files of any columns, and MM-Fit's arrays.

Shape letters: S samples.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.storage import Location, Url
from datagen.motion import Array, BadClipError
from datagen.recordings import KINDS, SECONDS, UNITS, Stream, Watch, make_stream
from datagen.sources.npz import read_npy

MMFIT_SIDES = {"left": "sw_l", "right": "sw_r"}
MMFIT_KINDS = {"accelerometer": "acc", "gyroscope": "gyr"}
MMFIT_UNITS = {"accelerometer": "m/s2", "gyroscope": "rad/s"}
CAMERA_RATE = 30.0


@dataclass
class ColumnsConfig:
    """Which columns of a CSV file hold what.

    Attributes:
        time: time stamps, and their unit: s, ms, us or ns.
        accelerometer: x, y and z (gravity included), and their unit: m/s2, g or mg.
        gyroscope: x, y and z, and their unit: rad/s or dps.
    """

    time: str = "time"
    time_unit: str = "s"
    accelerometer: list[str] = field(default_factory=lambda: ["acc_x", "acc_y", "acc_z"])
    accelerometer_unit: str = "m/s2"
    gyroscope: list[str] = field(default_factory=lambda: ["gyro_x", "gyro_y", "gyro_z"])
    gyroscope_unit: str = "rad/s"

    def __post_init__(self) -> None:
        units = {
            "time_unit": SECONDS,
            "accelerometer_unit": UNITS["accelerometer"],
            "gyroscope_unit": UNITS["gyroscope"],
        }
        for key, known in units.items():
            if getattr(self, key) not in known:
                raise UserError(
                    f"columns.{key}={getattr(self, key)}: give one of {', '.join(known)}"
                )
        for kind in KINDS:
            if len(getattr(self, kind)) != 3:
                raise UserError(f"columns.{kind}: give the names of three columns, x, y and z")

    @property
    def seconds(self) -> float:
        """Return the seconds of one unit of time."""
        return SECONDS[self.time_unit]

    @property
    def numeric(self) -> list[str]:
        """Return every column that holds numbers."""
        return [self.time, *self.accelerometer, *self.gyroscope]


def local(path: Location) -> Path:
    """Return a path on this machine; raises UserError for a URL."""
    if isinstance(path, Url):
        raise UserError(f"{redacted(path)}: recordings of watches are read from this machine only")
    return path


def read_table(path: Path, columns: list[str], text: Sequence[str] = ()) -> pd.DataFrame:
    """Return the columns of a CSV file; raises UserError, naming file and column.

    Those of `text` are strings as the file spells them, such as 01 or None, without blanks at
    their ends, and empty where a cell is. In the others empty cells and words like NA are NaN.
    """
    try:
        # Of rows longer than the header pandas makes names, and of each column the one beside it;
        # as rows among others they are an error.
        pd.read_csv(path, header=None, nrows=2)
        table = pd.read_csv(path, low_memory=False)
        spelt = pd.read_csv(path, dtype=str, keep_default_na=False) if text else table
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, UnicodeDecodeError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: is no CSV table: {str(error).splitlines()[0]}") from None
    for name in columns:
        if name not in table:
            near = difflib.get_close_matches(name, map(str, table), n=1, cutoff=0.0)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise UserError(f"{path}: has no column {name}{hint}")
    return table[columns].assign(**{name: spelt[name].str.strip() for name in text})


def read_watch_csv(path: Path, columns: ColumnsConfig) -> Watch:
    """Read a recording; raises UserError with one line."""
    return watch_of_table(str(path), read_table(path, columns.numeric), columns)


def watch_of_table(place: str, table: pd.DataFrame, columns: ColumnsConfig) -> Watch:
    """Return the watch of a table with the named columns; raises UserError."""
    numbers = {name: _numbers(place, table[name]) for name in columns.numeric}
    streams = {}
    for kind in KINDS:
        values_S3 = np.stack([numbers[name] for name in getattr(columns, kind)], axis=1)
        unit = getattr(columns, f"{kind}_unit")
        streams[kind] = make_stream(
            place, kind, numbers[columns.time], values_S3, unit, columns.time_unit
        )
    return Watch(streams)


def _numbers(place: str, column: pd.Series) -> Array:
    """Return a column as floats, NaN where a cell is empty; raises UserError for text."""
    numbers = pd.to_numeric(column, errors="coerce")
    text = column[numbers.isna() & column.notna()]
    if len(text):
        raise UserError(f"{place}: column {column.name} holds {text.iloc[0]!r}, which is no number")
    return numbers.to_numpy(np.float64)


def mmfit_watch_files(poses: Path, workout: str, side: str) -> dict[str, Path]:
    """Return where MM-Fit keeps the accelerometer and the gyroscope of a watch."""
    return {
        kind: poses.with_name(f"{workout}_{MMFIT_SIDES[side]}_{name}.npy")
        for kind, name in MMFIT_KINDS.items()
    }


def read_mmfit_watch(poses: Path, workout: str, side: str) -> tuple[Watch, float]:
    """Read the watch beside MM-Fit's poses.

    Its arrays (S, 5) hold the camera's frame, a time stamp in milliseconds, x, y and z.

    Returns the watch, and the time of the camera's frame 0 on the watch's clock as the frame
    numbers have it, seconds. Raises UserError for a missing or damaged file.
    """
    streams: dict[str, Stream] = {}
    start = 0.0
    for kind, path in mmfit_watch_files(poses, workout, side).items():
        frames_S, times_S, values_S3 = _mmfit_samples(path)
        streams[kind] = make_stream(str(path), kind, times_S, values_S3, MMFIT_UNITS[kind], "ms")
        if kind == "accelerometer":
            start = float(np.nanmedian(times_S * SECONDS["ms"] - frames_S / CAMERA_RATE))
    return Watch(streams), start


def _mmfit_samples(path: Path) -> tuple[Array, Array, Array]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; MM-Fit has it beside the poses")
    try:
        stored = np.asarray(read_npy(path))
    except BadClipError as error:
        raise UserError(f"{path}: {error}") from None
    if stored.dtype.kind not in "iuf" or stored.ndim != 2 or stored.shape[1] != 5:
        raise UserError(
            f"{path}: has an array of shape {stored.shape}, not (samples, 5): "
            "frame, time stamp, x, y, z"
        )
    values = stored.astype(np.float64)
    return values[:, 0], values[:, 1], values[:, 2:]
