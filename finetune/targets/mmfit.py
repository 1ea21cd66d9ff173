"""Fitness exercises with a smartwatch on each wrist: the MM-Fit recordings.

Strömbäck et al. 2020 (Proc. ACM IMWUT 4, 168). `wNN/wNN_sw_{l,r}_{acc,gyr}.npy` hold rows of
(camera frame, time stamp in ms, x, y, z) at about 100 Hz, m/s2 with gravity and rad/s;
`wNN/wNN_labels.csv`, without header, rows of first frame, last frame, repetitions, activity. Each
sensor has its own clock ticks: all are interpolated onto those of the first accelerometer.
Samples outside the exercises are the class none.

Which workout is whose is not in the data, so the table `people` says it: folds are made of
people, and a workout whose person is not known could be in training and in test. The authors' own
split (see the preset `configs/finetune/targets/mmfit_official.yaml`) is one of workouts.

The axes are those of Android's watches on either wrist, which are the watch frame of `Recording`;
`inspect` judges that by gravity.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import MISSING

from cluster.errors import UserError
from finetune.targets.assemble import Stream, assemble
from finetune.targets.labels import check_segments, label_indices
from finetune.targets.mounting import AXES, check_mounting, check_wrists, mount
from finetune.targets.recording import WRISTS, Recording, Target
from finetune.targets.tables import existing_folder, numbers, with_progress

ABOUT = "Fitness exercises with two smartwatches (MM-Fit, Strömbäck et al. 2020)"
NONE = "none"
EXERCISES = (
    "squats",
    "lunges",
    "bicep_curls",
    "situps",
    "pushups",
    "tricep_extensions",
    "dumbbell_rows",
    "jumping_jacks",
    "dumbbell_shoulder_press",
    "lateral_shoulder_raises",
)
CLASSES = (*EXERCISES, NONE)
KEY = "target.mmfit"


@dataclass
class MmfitConfig:
    """The folder with the folders w00 ... and what of it to read.

    Attributes:
        folder: holds one folder for each workout.
        people: the person of each workout, for example {w00: a, w01: b}; workouts that it does
            not name are not read.
        wrists: left, right or both.
        frame: the sensor's axes along x, y and z of the watch frame, on either wrist.
        gravity_sign: 1 when a resting watch reads +9.81 upwards.
    """

    folder: str = MISSING
    people: dict[str, str] = field(default_factory=dict)
    wrists: list[str] = field(default_factory=lambda: list(WRISTS))
    frame: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = 1


def read(config: MmfitConfig) -> Target:
    """Read the workouts whose person is known; UserError for what cannot be read."""
    check_mounting(config.frame, config.gravity_sign, KEY)
    check_wrists(config.wrists, KEY)
    folder = existing_folder(config.folder, KEY)
    if not config.people:
        raise UserError(
            f"{KEY}.people is empty; it says whose each workout is, for example "
            f"{KEY}.people={{w00: a, w01: b}}, because the files do not"
        )
    progress = with_progress("reading mmfit", sorted(config.people), "workouts")
    recordings = [_read_workout(folder / workout, config) for workout in progress]
    names = tuple(name.replace("_", " ") for name in CLASSES)
    return Target("mmfit", ABOUT, names, tuple(recordings))


def _read_workout(folder: Path, config: MmfitConfig) -> Recording:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such workout; take {folder.name} out of {KEY}.people")
    streams: list[Stream] = []
    frames_N = np.empty(0)
    for side in config.wrists:
        for kind in ("acc", "gyr"):
            rows_N5 = _load(folder / f"{folder.name}_sw_{side[0]}_{kind}.npy")
            if not streams:
                frames_N = rows_N5[:, 0]
            # The sign of gravity belongs to the accelerometer alone.
            sign = config.gravity_sign if kind == "acc" else 1
            values_N3 = mount(rows_N5[:, 2:], config.frame, sign, KEY)
            times_N = rows_N5[:, 1] / 1000
            streams.append(Stream(WRISTS.index(side), times_N, values_N3, kind == "gyr"))
    labels_N = _labels(folder / f"{folder.name}_labels.csv", frames_N)
    return assemble(folder.name, config.people[folder.name], streams, labels_N)


def _load(path: Path) -> np.ndarray:
    try:
        rows_N5 = np.load(path, allow_pickle=False).astype(np.float64)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; leave its wrist out of {KEY}.wrists") from None
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as an array: {error}") from None
    if rows_N5.ndim != 2 or rows_N5.shape[1] != 5 or not len(rows_N5):
        raise UserError(
            f"{path}: an array of shape {rows_N5.shape}; rows of frame, time, x, y, z belong here"
        )
    return rows_N5


def _labels(path: Path, frames_N: np.ndarray) -> np.ndarray:
    """Return the class of each sample: an exercise from its first to its last frame, else none."""
    try:
        table = pd.read_csv(path, header=None, names=["first", "last", "repetitions", "activity"])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    segments_S = label_indices(
        table["activity"].to_numpy(), EXERCISES, str(path), "this is not MM-Fit as published"
    )
    if table.empty:
        raise UserError(f"{path}: the file has no rows; fetch it again, or leave its workout out")
    firsts_S, lasts_S = numbers(table, ["first", "last"], path, first_row=1).T
    check_segments(firsts_S, lasts_S, path, first_row=1)
    labels_N = np.full(len(frames_N), CLASSES.index(NONE))
    for first, last, label in zip(firsts_S, lasts_S, segments_S, strict=True):
        labels_N[(frames_N >= first) & (frames_N <= last)] = label
    return labels_N
