"""Recordings of watches that the tests write: what a simulator says, worn askew, on another clock.

Shape letters: T frames at 60 Hz, S samples of the watch.
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

RATE = 120.0
COLUMNS = ("time", "acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")


def worn(pieces: list[tuple[float, np.ndarray]], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times (S,) and signals (S, 6) of a watch that rests outside the pieces.

    Args:
        pieces: start in seconds and signals (T, 6) at 60 Hz.
        seconds: length of the recording.

    The samples at 60 Hz have exactly the pieces' magnitudes, those between their means.
    """
    times = np.arange(int(seconds * RATE)) / RATE
    signals = np.zeros((len(times), 6))
    signals[:, 2] = 9.81
    mounting = Rotation.from_euler("xyz", [20, -35, 70], degrees=True)
    for start, made_T6 in pieces:
        own = start + np.arange(len(made_T6)) / 60
        inside = (times >= own[0] - 1e-9) & (times <= own[-1] + 1e-9)
        for first in (0, 3):
            triad = made_T6[:, first : first + 3]
            between = np.stack([np.interp(times[inside], own, axis) for axis in triad.T], axis=1)
            size = np.interp(times[inside], own, np.linalg.norm(triad, axis=1))
            between *= (size / np.linalg.norm(between, axis=1))[:, None]
            signals[inside, first : first + 3] = mounting.apply(between)
    return times, signals


def write_csv(path: Path, times: np.ndarray, signals: np.ndarray) -> Path:
    """Write a recording with the usual columns."""
    table = np.column_stack([times, signals])
    np.savetxt(path, table, fmt="%.9g", delimiter=",", header=",".join(COLUMNS), comments="")
    return path


def write_mmfit(
    poses: Path, side: str, times: np.ndarray, signals: np.ndarray, clock: float, late: float
) -> None:
    """Write MM-Fit's two arrays of a watch beside the poses.

    Args:
        poses: the file of the poses.
        side: sw_l or sw_r.
        times: of the samples on the camera's clock, seconds.
        signals: (S, 6).
        clock: the watch's time at the camera's frame 0, seconds.
        late: by how much the frame numbers in the file lag behind.
    """
    frames = np.floor((times - late) * 30)
    for name, columns in (("acc", slice(0, 3)), ("gyr", slice(3, 6))):
        stamps = 1000 * (times + clock)
        stored = np.column_stack([frames, stamps, signals[:, columns]])
        np.save(poses.with_name(poses.name.replace("pose_3d", f"{side}_{name}")), stored)
