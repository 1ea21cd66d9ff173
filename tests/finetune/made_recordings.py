"""A wrist whose every motion is known, and folders of it in the layouts of data sets.

Shape letters: T samples, C channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from cluster.config import load_config
from finetune.config import FinetuneConfig
from finetune.targets.choose import read_target
from finetune.targets.recording import Target

GRAVITY = 9.81
SENSORS = ("ax", "ay", "az", "gx", "gy", "gz")
PLAIN = ("files='{person}/{wrist}.csv'", "time=t", "label=activity")


def wrist(seconds: float, rate: float, fast: float = 1.0, seed: int = 0) -> np.ndarray:
    """A left wrist in the watch frame, turning on the spot about a hanging pose, (T, 6) in SI.

    Its gyroscope is the exact rate between samples, its accelerometer gravity alone, so both
    obey the definitions of `Recording` without any other code of the project.
    """
    rng = np.random.default_rng(seed)
    time_T = np.arange(round(seconds * rate) + 1) / rate
    # World z up: the hand hangs (x down), a little thumb up (-y) and back of the hand up (+z).
    hanging = Rotation.align_vectors([[0, 0, 1]], [[-0.8, -0.45, 0.4]])[0]
    slow_T3 = np.stack(
        [
            rng.uniform(0.3, 0.6)
            * np.sin(2 * np.pi * fast * hertz * time_T + rng.uniform(0, 2 * np.pi))
            for hertz in (0.31, 0.23, 0.42)
        ],
        axis=1,
    )
    # It rests for the first quarter of each ten seconds.
    ramp_T = np.clip(np.minimum(time_T % 10 - 2.5, 10 - time_T % 10), 0, 1)
    slow_T3 *= np.sin(np.pi / 2 * ramp_T)[:, None] ** 2
    pose_T = Rotation.from_rotvec(slow_T3) * hanging
    force_T3 = pose_T.inv().apply([0, 0, GRAVITY])
    turning_T3 = (pose_T[:-1].inv() * pose_T[1:]).as_rotvec() * rate
    return np.concatenate([force_T3[:-1], turning_T3], axis=1)


def activities(length: int, names: Sequence[str]) -> np.ndarray:
    """Return a label for every sample, in equal parts."""
    return np.array(names)[np.arange(length) * len(names) // length]


def csv_table(seconds: float = 20, rate: float = 50, seed: int = 0) -> pd.DataFrame:
    """Return one recording as the csv reader takes it by default: SI units and seconds."""
    table = pd.DataFrame(wrist(seconds, rate, seed=seed), columns=list(SENSORS))
    table["t"] = np.arange(len(table)) / rate
    table["activity"] = activities(len(table), ["walk", "rest"])
    return table


def read(folder: Path, *keys: str) -> Target:
    """Read a folder through the target csv, as a command does."""
    changes = [f"target.csv.{key}" for key in (f"folder={folder}", *keys)]
    config = load_config(FinetuneConfig, None, ["release=none", "output=none", *changes])
    return read_target(config.target)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def csv_folder(folder: Path, people: int = 3) -> Path:
    """Write `p0/left.csv` ... as the csv reader takes them."""
    for person in range(people):
        write_csv(csv_table(seed=person), folder / f"p{person}" / "left.csv")
    return folder


def write_geotec(folder: Path, people: int = 2) -> None:
    labels = ["SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN"]
    columns = ["x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro"]
    for person in range(1, people + 1):
        name = f"s{person:02d}"
        table = pd.DataFrame(wrist(15, 104, seed=person), columns=columns)
        table["timestamp"] = 1657533977810 + np.round(np.arange(len(table)) * 1000 / 104).astype(
            int
        )
        table.loc[7, "timestamp"] = table.loc[6, "timestamp"]
        table["label"] = activities(len(table), labels)
        write_csv(table, folder / name / f"{name}_01_sw.csv")


START = pd.Timestamp("2021-10-22T11:19:54+09:00")
OPERATIONS = ((100, 0, 9), (1000, 9, 14), (8100, 14, 20))


def write_openpack(folder: Path, users: Sequence[str]) -> None:
    """Session S0100 of each user: both wrists with clocks that are 11 ms apart, and the E4s.

    The right wrist is the left one's mirror image.
    """
    for number, user in enumerate(users):
        left_TC = wrist(20, 30, seed=number)
        right_TC = left_TC * [-1, 1, 1, 1, -1, -1]
        start = START.timestamp() * 1000
        for device, late, signals_TC in (("atr02", 0, left_TC), ("atr01", 11, right_TC)):
            table = pd.DataFrame(
                {"unixtime": start + late + np.arange(len(signals_TC)) * 1000 / 30}
            )
            table["unixtime"] = table["unixtime"].round().astype(int)
            for axis, acc_T, gyro_T in zip("xyz", signals_TC.T[:3], signals_TC.T[3:], strict=True):
                table[f"acc_{axis}"] = acc_T / GRAVITY
                table[f"gyro_{axis}"] = np.degrees(gyro_T)
            for part in "wxyz":
                table[f"quat_{part}"] = 0.5
            write_csv(table, folder / user / "atr" / device / "S0100.csv")
        for device, signals_TC in (("e402", left_TC), ("e401", right_TC)):
            table = pd.DataFrame(signals_TC[:, :3] / GRAVITY, columns=["acc_x", "acc_y", "acc_z"])
            table.insert(0, "time", start + np.arange(len(table)) * 1000 / 32)
            write_csv(table, folder / user / "e4" / device / "acc" / "S0100.csv")
        rows = [
            {
                "uuid": "0",
                "user": user,
                "session": "S0100",
                "box": 1,
                "id": label,
                "operation": "",
                "start": (START + pd.Timedelta(seconds=first)).isoformat(),
                "end": (START + pd.Timedelta(seconds=last)).isoformat(),
                "actions": "",
            }
            for label, first, last in OPERATIONS
        ]
        annotation = folder / user / "annotation" / "openpack-operations" / "S0100.csv"
        write_csv(pd.DataFrame(rows), annotation)


def write_mmfit(folder: Path, workouts: Sequence[str]) -> None:
    """Workouts of 20 s: squats from frame 120 to 300, push-ups from 360 to 450, at 30 Hz."""
    for number, workout in enumerate(workouts):
        (folder / workout).mkdir(parents=True)
        left_TC = wrist(20, 100, seed=number)
        for side, signs in (("l", [1] * 6), ("r", [-1, 1, 1, 1, -1, -1])):
            for kind, part, late in (("acc", slice(0, 3), 0), ("gyr", slice(3, 6), 4)):
                time_T = 1000.0 * np.arange(len(left_TC)) / 100 + late
                rows_T5 = np.column_stack(
                    [np.floor(time_T * 0.03), 1.5e12 + time_T, (left_TC * signs)[:, part]]
                )
                np.save(folder / workout / f"{workout}_sw_{side}_{kind}.npy", rows_T5)
        labels = "120,300,10,squats\n360,450,5,pushups\n"
        (folder / workout / f"{workout}_labels.csv").write_text(labels)


def write_als_har(folder: Path, recordings: Sequence[str]) -> None:
    rows = []
    for number, recording in enumerate(recordings):
        signals_TC = wrist(20, 100, seed=number)
        for name, part, late in (
            ("Accelerometer", slice(0, 3), 0),
            ("Gyroscope", slice(3, 6), 0.003),
        ):
            table = pd.DataFrame(signals_TC[:, part], columns=["x", "y", "z"])[["z", "y", "x"]]
            table.insert(0, "seconds_elapsed", 0.5 + late + np.arange(len(table)) / 100)
            table.insert(0, "time", 1657533977810000000)
            write_csv(table, folder / recording / f"{name}.csv")
        for label, first, last in (("cleaning", 1, 8), ("cooking", 8, 15)):
            rows.append((recording, f"person {number % 3}", label, first, last))
    names = ["recording", "person", "label", "start", "end"]
    write_csv(pd.DataFrame(rows, columns=names), folder / "labels.csv")
