"""Recordings of one wrist in the layout of phone loggers, as those of ALS-HAR are taken to be.

The data set of the paper's third target is not published and neither is its layout. This reader
takes what the usual logger app writes: `<recording>/Accelerometer.csv` and `Gyroscope.csv` with
columns time, seconds_elapsed, z, y, x (m/s2 and rad/s), and beside the recordings `labels.csv` with
columns recording, person, label, start, end, in seconds of `seconds_elapsed`.

Some loggers take gravity out of `Accelerometer.csv` and write `TotalAcceleration.csv` beside it:
`accelerometer` names the file to read, and reading ends with an error when it holds no gravity.
The frame is that of Android's axes; `inspect` judges it by gravity.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import MISSING

from cluster.errors import UserError
from finetune.targets.assemble import Stream, assemble_with_segments
from finetune.targets.labels import Segments, check_segments, label_indices
from finetune.targets.mounting import AXES, check_mounting, check_wrist, mount
from finetune.targets.recording import WRISTS, Recording, Target
from finetune.targets.tables import existing_folder, numbers, read_table, with_progress

ABOUT = "Recordings of a phone logger on one wrist (layout chosen for ALS-HAR)"
TIME = "seconds_elapsed"
LABELS = "labels.csv"
NAMES = ["recording", "person", "label"]
COLUMNS = (*NAMES, "start", "end")
KEY = "target.als_har"


@dataclass
class AlsHarConfig:
    """The folder with `labels.csv` and the recordings' folders, and how the sensor sits."""

    folder: str = MISSING
    accelerometer: str = "Accelerometer"
    wrist: str = "left"
    frame: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = 1


def read(config: AlsHarConfig) -> Target:
    """Read every recording that the table names; UserError for what cannot be read."""
    check_mounting(config.frame, config.gravity_sign, KEY)
    check_wrist(config.wrist, KEY)
    folder = existing_folder(config.folder, KEY)
    table = read_table(folder / LABELS, COLUMNS, NAMES)
    empty = (table[NAMES] == "").any(axis=1)
    if empty.any():
        raise UserError(
            f"{folder / LABELS}: row {int(np.flatnonzero(empty)[0]) + 2} lacks its recording, "
            "person or label; fill it in or remove it"
        )
    starts_S, ends_S = numbers(table, ["start", "end"], folder / LABELS).T
    check_segments(starts_S, ends_S, folder / LABELS)
    names = tuple(sorted(table["label"].unique()))
    groups = [(str(name), rows) for name, rows in table.groupby("recording")]
    progress = with_progress("reading als_har", groups, "recordings")
    recordings = [_read_recording(folder, name, rows, names, config) for name, rows in progress]
    return Target("als_har", ABOUT, names, tuple(recordings))


def _read_recording(
    folder: Path, name: str, rows: pd.DataFrame, names: tuple[str, ...], config: AlsHarConfig
) -> Recording:
    people = rows["person"].unique()
    if len(people) > 1:
        raise UserError(
            f"{folder / LABELS}: recording {name} is of {' and '.join(people)}; it is one person's"
        )
    own = folder / name
    if not own.resolve().is_relative_to(folder.resolve()) or not own.is_dir():
        raise UserError(f"{folder / LABELS}: there is no folder {own}; mend its recording {name}")
    wrist = WRISTS.index(config.wrist)
    times_N, force_N3 = _read_sensor(own / f"{config.accelerometer}.csv")
    streams = [Stream(wrist, times_N, mount(force_N3, config.frame, config.gravity_sign, KEY))]
    gyroscope = own / "Gyroscope.csv"
    if gyroscope.exists():
        turning_times, turning_N3 = _read_sensor(gyroscope)
        streams.append(Stream(wrist, turning_times, mount(turning_N3, config.frame, 1, KEY), True))
    labels_S = label_indices(rows["label"].to_numpy(), names, str(folder / LABELS), "")
    starts_S, ends_S = numbers(rows, ["start", "end"], folder / LABELS).T
    segments = Segments(starts_S, ends_S, labels_S)
    return assemble_with_segments(name, str(people[0]), streams, segments)


def _read_sensor(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = read_table(path, [TIME, *AXES])
    return numbers(table, [TIME], path)[:, 0], numbers(table, AXES, path)
