"""Frames of a recording: a clip's range of them, and short gaps between them.

Shape letters: S frames that are there, T all frames, J joints.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.kinematics import axis_angles, continuous, quaternions
from datagen.motion import Array, BadClipError

Mask = NDArray[np.bool_]

LONGEST_GAP = 0.2
RANGE = re.compile(r"(.*)#(\d+):(\d+)", re.DOTALL)


def locator(path: Path, first: int, last: int) -> str:
    """Return the locator of a clip that is a part of a file, from its first to its last frame."""
    return f"{path}#{first}:{last}"


def located(text: str) -> tuple[Path, tuple[int, int] | None]:
    """Return a locator's file, and its range of frames where it is a part."""
    found = RANGE.fullmatch(text)
    return (Path(found[1]), (int(found[2]), int(found[3]))) if found else (Path(text), None)


def cut(numbers_S: Array, span: tuple[int, int] | None) -> slice:
    """Return which rows belong to a range of frame numbers; raises BadClipError for none."""
    first, last = span or (0, np.inf)
    start, end = np.searchsorted(numbers_S, [first, last + 1])
    if end <= start:
        raise BadClipError(f"has no frames from {first} to {last}" if span else "has no frames")
    return slice(int(start), int(end))


def on_every_frame(numbers_S: Array, values_SJ3: Array, rate: float) -> Array:
    """Return values on every frame from the first number to the last, NaN where none is.

    Raises BadClipError for numbers that do not rise one by one or leave out too many frames.
    """
    numbers = np.asarray(numbers_S)
    if not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        raise BadClipError("has frame numbers that are not whole numbers")
    steps = np.diff(numbers)
    if (steps <= 0).any():
        raise BadClipError(f"has frame number {numbers[1:][steps <= 0][0]:g} out of order")
    if len(steps):
        _check_gap(int(steps.max()) - 1, int(numbers[np.argmax(steps)]) + 1, rate, "no frame")
    values = np.full((int(numbers[-1] - numbers[0]) + 1, *values_SJ3.shape[1:]), np.nan)
    values[(numbers - numbers[0]).astype(int)] = values_SJ3
    return values


def fill_positions(positions_TJ3: Array, rate: float) -> Array:
    """Interpolate positions that are NaN or infinite for at most `LONGEST_GAP` seconds.

    Raises BadClipError where a joint is away for longer.
    """
    seen_TJ: Mask = np.asarray(np.isfinite(positions_TJ3).all(axis=-1))
    filled = positions_TJ3.copy()
    for joint in np.flatnonzero(~seen_TJ.all(axis=0)):
        values = _interpolated(positions_TJ3[:, joint], seen_TJ[:, joint], rate, f"joint {joint}")
        filled[:, joint] = values
    return filled


def fill_rotations(rotations_TJ3: Array, rate: float) -> Array:
    """Interpolate axis-angles on frames with NaN or infinite values, as `fill_positions` does."""
    seen_T: Mask = np.asarray(np.isfinite(rotations_TJ3).all(axis=(1, 2)))
    if seen_T.all():
        return rotations_TJ3
    known = np.where(seen_T[:, None, None], rotations_TJ3, 0.0)
    q_TJ4 = quaternions(known)
    q_TJ4[seen_T] = continuous(q_TJ4[seen_T])
    flat = _interpolated(q_TJ4.reshape(len(seen_T), -1), seen_T, rate, "the pose")
    return np.where(seen_T[:, None, None], rotations_TJ3, axis_angles(flat.reshape(q_TJ4.shape)))


def _interpolated(values_TK: Array, seen_T: Mask, rate: float, what: str) -> Array:
    if not seen_T.any():
        raise BadClipError(f"has no finite value of {what}")
    times = np.arange(len(seen_T))
    edges = np.flatnonzero(np.diff(np.r_[True, seen_T, True].astype(int)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        _check_gap(int(end - start), int(start), rate, f"no finite value of {what}")
    seen = times[seen_T]
    columns = [np.interp(times, seen, column[seen]) for column in values_TK.T]
    return np.stack(columns, axis=-1)


def _check_gap(frames: int, first: int, rate: float, what: str) -> None:
    if frames > LONGEST_GAP * rate:
        raise BadClipError(
            f"has {what} for {frames / rate:.2g} s from frame {first} on; gaps of up to "
            f"{LONGEST_GAP:g} s are interpolated"
        )
