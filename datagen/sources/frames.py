"""Frames of a recording: a clip's range of them, and short gaps between them.

Shape letters: S frames that are there, T all frames, J joints.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster.storage import Location, location
from datagen.kinematics import axis_angles, continuous, quaternions
from datagen.motion import Array, BadClipError

Mask = NDArray[np.bool_]

LONGEST_GAP = 0.2
RANGE = re.compile(r"(.*)#(\d+):(\d+)", re.DOTALL)
# What stands behind a file of which a clip is a part, in whichever source: frames, or seconds.
PART = re.compile(r"#[\d.]+:[\d.]+f?\Z")


def locator(path: Location, first: int, last: int) -> str:
    """Return the locator of a clip that is a part of a file, from its first to its last frame."""
    return f"{path}#{first}:{last}"


def located(text: str) -> tuple[Location, tuple[int, int] | None]:
    """Return a locator's file, and its range of frames where it is a part."""
    found = RANGE.fullmatch(text)
    return (location(found[1]), (int(found[2]), int(found[3]))) if found else (location(text), None)


def file_of(locator: str) -> Location:
    """Return the file or folder that holds a clip, whole or as a part."""
    return location(PART.sub("", locator))


def cut(numbers_S: Array, span: tuple[int, int] | None) -> slice:
    """Return which rows belong to a range of frame numbers.

    Raises BadClipError for none, and for numbers that do not rise one by one.
    """
    if not np.isfinite(numbers_S).all() or (numbers_S != np.round(numbers_S)).any():
        raise BadClipError("has frame numbers that are not whole numbers")
    disordered = np.flatnonzero(np.diff(numbers_S) <= 0)
    if len(disordered):
        raise BadClipError(f"has frame number {numbers_S[disordered[0] + 1]:g} out of order")
    first, last = span or (-np.inf, np.inf)
    start, end = np.searchsorted(numbers_S, [first, last + 1])
    if end <= start:
        raise BadClipError(f"has no frames from {first} to {last}" if span else "has no frames")
    return slice(int(start), int(end))


def on_every_frame(numbers_S: Array, values_SJ3: Array, rate: float) -> Array:
    """Return values on every frame from the first number to the last, NaN where none is.

    Args:
        numbers_S: frame numbers as `cut` leaves them.
        values_SJ3: values on these frames.
        rate: frames per second.

    Raises BadClipError where too many frames are left out.
    """
    steps = np.diff(numbers_S)
    if len(steps):
        before = int(np.argmax(steps))
        _check_gap(int(steps[before]) - 1, int(numbers_S[before]) + 1, rate, "no frame")
    values = np.full((int(numbers_S[-1] - numbers_S[0]) + 1, *values_SJ3.shape[1:]), np.nan)
    values[(numbers_S - numbers_S[0]).astype(int)] = values_SJ3
    return values


def fill_positions(positions_TJ3: Array, rate: float, names: Sequence[str]) -> Array:
    """Interpolate positions that are NaN or infinite for at most `LONGEST_GAP` seconds.

    Raises BadClipError, naming the joint, where one is away for longer.
    """
    seen_TJ: Mask = np.asarray(np.isfinite(positions_TJ3).all(axis=-1))
    filled = positions_TJ3.copy()
    for joint in np.flatnonzero(~seen_TJ.all(axis=0)).tolist():
        values = _interpolated(positions_TJ3[:, joint], seen_TJ[:, joint], rate, names[joint])
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
