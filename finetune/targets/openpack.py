"""Packing work in a warehouse: the OpenPack recordings, version 1.0.0.

Yoshimura et al. 2022 (arXiv 2212.11152, CC BY-NC-SA 4.0). `U####/atr/atr0{1,2}/S0X00.csv` hold
`unixtime` in ms, accelerations in G and angular velocities in degrees/s of the right (01) and the
left (02) wrist, nominally at 30 Hz; `U####/e4/e40{1,2}/acc/S0X00.csv` those of another wristband
at 32 Hz, without gyroscope; `U####/annotation/openpack-operations/S0X00.csv` the segments. Each
sensor has its own clock ticks: the right wrist is interpolated onto the times of the left.

Some people took part twice under two ids; `PEOPLE` makes them one.

The documents do not say how the axes of a sensor lie on the wrist. `frame_left` and `frame_right`
state it (see `mounting`); their default, the watch's own axes, is a guess that `inspect` judges by
gravity.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import MISSING

from cluster.errors import UserError
from finetune.targets.assemble import Stream, assemble_with_segments
from finetune.targets.labels import Segments, check_segments, label_indices
from finetune.targets.mounting import AXES, check_mounting, check_wrists, mount
from finetune.targets.recording import GRAVITY, WRISTS, Recording, Target
from finetune.targets.tables import existing_folder, numbers, read_table, with_progress
from finetune.targets.units import ISO, seconds

ABOUT = "Packing work (OpenPack 1.0.0, Yoshimura et al. 2022, arXiv 2212.11152, CC BY-NC-SA 4.0)"
OPERATIONS = {
    "100": "picking",
    "200": "relocate item label",
    "300": "assemble box",
    "400": "insert items",
    "500": "close box",
    "600": "attach box label",
    "700": "scan label",
    "800": "attach shipping label",
    "900": "put on back table",
    "1000": "fill out order",
    "8100": "null",
}
PEOPLE = {
    "U0202": "U0105",
    "U0203": "U0108",
    "U0204": "U0110",
    "U0205": "U0107",
    "U0210": "U0103",
}
KEY = "target.openpack"


@dataclass(frozen=True)
class Device:
    """A kind of sensor: its file on each wrist (left, right) and its columns."""

    files: tuple[str, str]
    time: str
    acceleration: tuple[str, ...]
    turning: tuple[str, ...]


DEVICES = {
    "atr": Device(
        ("atr/atr02", "atr/atr01"),
        "unixtime",
        ("acc_x", "acc_y", "acc_z"),
        ("gyro_x", "gyro_y", "gyro_z"),
    ),
    "e4": Device(("e4/e402/acc", "e4/e401/acc"), "time", ("acc_x", "acc_y", "acc_z"), ()),
}


@dataclass
class OpenpackConfig:
    """The folder with the folders U0101 ... and what of it to read.

    Attributes:
        folder: holds one folder for each user.
        users: ids to read; all that are there when empty.
        device: `atr` (with gyroscope) or `e4` (accelerometer only).
        wrists: left, right or both.
        frame_left: the sensor's axes along x, y and z of the left watch frame.
        frame_right: the same on the right wrist.
        gravity_sign: 1 when a resting sensor reads +1 G upwards.
    """

    folder: str = MISSING
    users: list[str] = field(default_factory=list)
    device: str = "atr"
    wrists: list[str] = field(default_factory=lambda: list(WRISTS))
    frame_left: list[str] = field(default_factory=lambda: list(AXES))
    frame_right: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = 1


def read(config: OpenpackConfig) -> Target:
    """Read every annotated session; UserError for what cannot be read."""
    _check(config)
    folder = existing_folder(config.folder, KEY)
    users = config.users or sorted(path.name for path in folder.glob("U[0-9]*") if path.is_dir())
    sessions = []
    for user in users:
        own = sorted((folder / user / "annotation" / "openpack-operations").glob("S*.csv"))
        if not own:
            raise UserError(
                f"{folder / user}: no annotation/openpack-operations/S0100.csv; "
                f"fetch its annotations, or name the others in {KEY}.users"
            )
        sessions += own
    if not sessions:
        raise UserError(f"{KEY}.folder is {config.folder}; it holds no user's folder U0101 ...")
    progress = with_progress("reading openpack", sessions, "sessions")
    recordings = [_read_session(path, config) for path in progress]
    return Target("openpack", ABOUT, tuple(OPERATIONS.values()), tuple(recordings))


def _check(config: OpenpackConfig) -> None:
    check_mounting(config.frame_left, config.gravity_sign, KEY)
    check_mounting(config.frame_right, config.gravity_sign, KEY)
    if config.device not in DEVICES:
        raise UserError(f"{KEY}.device is {config.device}; one of {', '.join(DEVICES)}")
    check_wrists(config.wrists, KEY)


def _read_session(annotation: Path, config: OpenpackConfig) -> Recording:
    user = annotation.parents[2]
    device = DEVICES[config.device]
    streams = []
    for wrist, side in enumerate(WRISTS):
        path = user / device.files[wrist] / annotation.name
        if side in config.wrists and path.exists():
            frame = config.frame_right if wrist else config.frame_left
            streams.append(_read_stream(path, wrist, device, frame, config.gravity_sign))
    if not streams:
        raise UserError(
            f"{user}: no {config.device} recording of session {annotation.stem}; fetch it, or "
            f"name users without {user.name} in {KEY}.users"
        )
    name, subject = f"{user.name} {annotation.stem}", PEOPLE.get(user.name, user.name)
    return assemble_with_segments(name, subject, streams, _segments(annotation))


def _read_stream(
    path: Path, wrist: int, device: Device, frame: list[str], gravity_sign: int
) -> Stream:
    table = read_table(path, [device.time, *device.acceleration, *device.turning])
    values_NX = GRAVITY * numbers(table, device.acceleration, path)
    if device.turning:
        turning_N3 = np.deg2rad(numbers(table, device.turning, path))
        values_NX = np.concatenate([values_NX, turning_N3], axis=1)
    times_N = numbers(table, [device.time], path)[:, 0] / 1000
    return Stream(wrist, times_N, mount(values_NX, frame, gravity_sign, KEY))


def _segments(path: Path) -> Segments:
    table = read_table(path, ["id", "start", "end"])
    labels_S = label_indices(
        table["id"].to_numpy(), list(OPERATIONS), str(path), "this is not OpenPack 1.0.0"
    )
    starts_S, ends_S = (
        seconds(pd.Series(table[name]), ISO, "OpenPack's annotations", str(path))
        for name in ("start", "end")
    )
    check_segments(starts_S, ends_S, path)
    return Segments(starts_S, ends_S, labels_S)
