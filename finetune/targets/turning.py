"""Does the gyroscope tell how gravity turns in the accelerometer? A check of units and signs.

Between two moments at which the wrist hardly accelerates, the accelerometer reads gravity alone,
u1 and u2 in the sensor's axes; the gyroscope w in between says that u2 = R^T u1 with
R = exp([w dt]x) exp([w dt]x) ... Only with the right unit and the right signs of its axes does it.
Whatever frame both sensors share makes no difference, and neither does the sign of gravity.

Shape letters: T samples, M pairs of moments, S steps between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from finetune.targets.recording import GRAVITY, Recording

RATE = 50.0
SECONDS = 0.8
SMOOTHED = 5
# A length this close to gravity's, in m/s2, is taken for gravity alone.
TOLERANCE = 0.35
SMALLEST_TURN = np.cos(np.deg2rad(25))
EVERY = 10
FEWEST_MOMENTS = 40
MOST_MOMENTS = 1000
# Signals are not made up between samples farther apart than this, in seconds.
LONGEST_STEP = 0.2
SCALES = {1.0: "", np.pi / 180: "degrees declared as radians", 180 / np.pi: "radians as degrees"}


@dataclass(frozen=True)
class Agreement:
    """How far gravity's prediction by the gyroscope misses, relative to predicting no turn.

    `as_declared` is the median over `moments` for the signals as they are; `best` the smallest
    over units and signs of the axes, `reading` the words for how the signals would have to be read.
    """

    moments: int
    as_declared: float
    best: float
    reading: str


def gyroscope_agreement(recordings: Sequence[Recording], wrist: int) -> Agreement | None:
    """Compare both sensors of a wrist; None where fewer than FEWEST_MOMENTS can be compared."""
    pairs = [
        _moments(times_T, signals_TC)
        for recording in recordings
        if recording.has_gyroscope
        for times_T, signals_TC in _stretches(recording, wrist)
    ]
    if not pairs:
        return None
    before_M3, after_M3, turning_MS3 = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    if len(before_M3) < FEWEST_MOMENTS:
        return None
    taken = np.linspace(0, len(before_M3) - 1, min(len(before_M3), MOST_MOMENTS)).astype(int)
    before_M3, after_M3, turning_MS3 = before_M3[taken], after_M3[taken], turning_MS3[taken]
    still = np.median(np.linalg.norm(after_M3 - before_M3, axis=1))
    misses = {}
    for scale, signs in product(SCALES, product((1, -1), repeat=3)):
        predicted_M3 = _turned(before_M3, scale * turning_MS3 * np.array(signs))
        miss = np.median(np.linalg.norm(after_M3 - predicted_M3, axis=1))
        misses[scale, signs] = float(miss / still)
    scale, signs = min(misses, key=lambda key: misses[key])
    turned = [axis for axis, sign in zip("xyz", signs, strict=True) if sign < 0]
    said = [SCALES[scale], f"{' and '.join(turned)} with the other sign" if turned else ""]
    reading = ", ".join(part for part in said if part)
    return Agreement(len(taken), misses[1.0, (1, 1, 1)], misses[scale, signs], reading)


def _stretches(recording: Recording, wrist: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the times (T,) and signals (T, 6) between gaps."""
    gaps = np.flatnonzero(np.diff(recording.timestamps_T) > LONGEST_STEP) + 1
    times = np.split(recording.timestamps_T, gaps)
    yield from zip(times, np.split(recording.signals_TWC[:, wrist], gaps), strict=True)


def _moments(
    times_T: np.ndarray, signals_TC: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gravity's direction before and after (M, 3) and the turning in between (M, S, 3)."""
    grid_T = np.arange(times_T[0], times_T[-1], 1 / RATE)
    steps = round(SECONDS * RATE)
    if len(grid_T) < steps + 2 * SMOOTHED:
        return np.empty((0, 3)), np.empty((0, 3)), np.empty((0, steps, 3))
    signals_TC = np.stack([np.interp(grid_T, times_T, x_T) for x_T in signals_TC.T], 1)
    window = np.ones(SMOOTHED) / SMOOTHED
    force_T3 = np.stack([np.convolve(x_T, window, "same") for x_T in signals_TC[:, :3].T], 1)
    length_T = np.linalg.norm(force_T3, axis=1)
    calm_T = np.abs(length_T - GRAVITY) < TOLERANCE
    calm_T[:SMOOTHED] = calm_T[-SMOOTHED:] = False
    up_T3 = force_T3 / np.maximum(length_T, 1e-9)[:, None]
    turns_T = (up_T3[:-steps] * up_T3[steps:]).sum(1) < SMALLEST_TURN
    first_M = np.flatnonzero(calm_T[:-steps] & calm_T[steps:] & turns_T)[::EVERY]
    turning_MS3 = signals_TC[first_M[:, None] + np.arange(steps), 3:]
    return up_T3[first_M], up_T3[first_M + steps], turning_MS3


def _turned(direction_M3: np.ndarray, turning_MS3: np.ndarray) -> np.ndarray:
    """Return a direction fixed in the world as the turning sensor sees it at the end."""
    for turning_M3 in np.moveaxis(turning_MS3, 1, 0):
        angle_M1 = np.linalg.norm(turning_M3, axis=1, keepdims=True) / RATE
        axis_M3 = turning_M3 / RATE / np.maximum(angle_M1, 1e-12)
        along_M1 = (axis_M3 * direction_M3).sum(1, keepdims=True)
        # Rodrigues' formula for the inverse rotation.
        direction_M3 = (
            np.cos(angle_M1) * direction_M3
            - np.sin(angle_M1) * np.cross(axis_M3, direction_M3)
            + (1 - np.cos(angle_M1)) * along_M1 * axis_M3
        )
    return direction_M3
