"""How a sensor sits on the wrist: its axes to the watch frame of `Recording`, and gravity's sign.

A `frame` names, for x, y and z of the watch frame, the axis of the sensor that points that way:
[x, y, z] for a sensor whose axes are the watch's, [-y, x, z] for one whose -y axis points along
the watch's x. A watch that keeps to Android's axes (x to the right of the screen, y to its top, z
out of it) has [x, y, z] on either wrist.

`gravity_sign` is 1 for a sensor that at rest reads +9.81 upwards (specific force), -1 for one that
reads -9.81 there. It touches the accelerometer alone. Shape letters: T samples, C channels.
"""

import numpy as np

from cluster.errors import UserError
from finetune.targets.recording import WRISTS

AXES = ("x", "y", "z")


def check_mounting(frame: list[str], gravity_sign: int, key: str) -> None:
    """Raise UserError, naming the key of the target, for a frame or sign that cannot be."""
    rotation(frame, key)
    if gravity_sign not in (-1, 1):
        raise UserError(f"{key}.gravity_sign is {gravity_sign}; it is 1 or -1")


def check_wrist(wrist: str, key: str) -> None:
    """Raise UserError when it is not one of WRISTS."""
    if wrist not in WRISTS:
        raise UserError(f"{key}.wrist is {wrist}; left or right")


def check_wrists(wrists: list[str], key: str) -> None:
    """Raise UserError when the list of wrists is empty or names something else."""
    if not wrists or not set(wrists) <= set(WRISTS):
        raise UserError(f"{key}.wrists is {wrists}; [left], [right] or [left, right]")


def rotation(frame: list[str], key: str) -> np.ndarray:
    """Return the rotation (3, 3) from sensor axes to watch axes; UserError for no rotation."""
    written = f"{key}.frame is [{', '.join(frame)}]"
    if len(frame) != 3 or sorted(axis.removeprefix("-") for axis in frame) != list(AXES):
        raise UserError(f"{written}; name each of x, y and z once, with or without a minus")
    matrix = np.zeros((3, 3))
    for row, axis in enumerate(frame):
        matrix[row, AXES.index(axis.removeprefix("-"))] = -1.0 if axis.startswith("-") else 1.0
    if np.linalg.det(matrix) < 0:
        raise UserError(
            f"{written}, a mirror image that no turning of a sensor makes; "
            "turn the sign of one axis, or of gravity by gravity_sign"
        )
    return matrix


def mount(signals_TC: np.ndarray, frame: list[str], gravity_sign: int, key: str) -> np.ndarray:
    """Return signals (T, 6) or (T, 3) of a sensor in the watch frame, as specific force."""
    to_watch = rotation(frame, key).T
    triples = np.split(signals_TC, signals_TC.shape[1] // 3, axis=1)
    mounted_TC = np.concatenate([triple_T3 @ to_watch for triple_T3 in triples], axis=1)
    mounted_TC[:, :3] *= gravity_sign
    return mounted_TC
