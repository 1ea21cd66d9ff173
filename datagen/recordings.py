"""What a real watch recorded: samples on its own clock, in the project's units, checked.

Shape letters: S samples, T times of evaluation, K kinds of sensor (accelerometer, gyroscope).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cluster.errors import UserError
from datagen.motion import Array

KINDS = ("accelerometer", "gyroscope")
UNITS = {
    "accelerometer": {"m/s2": 1.0, "g": 9.81, "mg": 9.81e-3},
    "gyroscope": {"rad/s": 1.0, "dps": np.pi / 180},
}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
GRAVITY = 9.81
# Between samples further apart nothing is interpolated, seconds.
LONGEST_GAP = 0.2
SLOWEST, FASTEST = 5.0, 5000.0
# Gyroscopes in watches end at 2000 degrees per second.
MOST_TURNING = np.radians(2000.0)
REST_SECONDS = 1.0
# A second with less spread than this is rest; at rest gravity is read to a few per cent.
REST_SPREAD, REST_TOLERANCE = 0.3, 0.15


@dataclass(frozen=True)
class Stream:
    """The samples of one triad.

    Attributes:
        times_S: seconds on the watch's clock, rising.
        values_S3: m/s2 or rad/s, finite.
        left_out: samples that were NaN or infinite.
    """

    times_S: Array
    values_S3: Array
    left_out: int = 0

    def magnitude_at(self, times_T: Array) -> Array:
        """Return the magnitude at times of the watch's clock, NaN where nothing was recorded."""
        after = np.clip(np.searchsorted(self.times_S, times_T), 1, len(self.times_S) - 1)
        gaps = self.times_S[after] - self.times_S[after - 1]
        known = (times_T >= self.times_S[0]) & (times_T <= self.times_S[-1])
        magnitude_S = np.linalg.norm(self.values_S3, axis=1)
        found = np.interp(times_T, self.times_S, magnitude_S)
        near = (gaps <= LONGEST_GAP) | (self.times_S[after] == times_T)
        return np.where(known & near, found, np.nan)


@dataclass(frozen=True)
class Watch:
    """One watch on one wrist during one recording, a stream of each kind."""

    streams: Mapping[str, Stream]

    def magnitudes_at(self, times_T: Array) -> Array:
        """Return the magnitudes (K, T) at times of the watch's clock."""
        return np.stack([self.streams[kind].magnitude_at(times_T) for kind in KINDS])

    @property
    def span(self) -> tuple[float, float]:
        """Return the first and last time that any stream has."""
        ends = [stream.times_S[[0, -1]] for stream in self.streams.values()]
        return float(min(end[0] for end in ends)), float(max(end[1] for end in ends))


def make_stream(
    place: str, kind: str, times_S: Array, values_S3: Array, unit: str, time_unit: str
) -> Stream:
    """Return a checked stream in seconds and the project's unit.

    Args:
        place: the file, and what else tells the user where it comes from.
        kind: one of KINDS.
        times_S: in `time_unit`.
        values_S3: in `unit`; samples with NaN or infinite values are left out.
        unit, time_unit: keys of UNITS and SECONDS.

    Raises UserError for times that go back, for hardly any samples, and for values that cannot
    be in this unit.
    """
    seconds_S = times_S * SECONDS[time_unit]
    seen_S = np.isfinite(values_S3).all(axis=1) & np.isfinite(seconds_S)
    if seen_S.sum() < max(10, len(seen_S) / 2):
        raise UserError(
            f"{place}: only {seen_S.sum()} of {len(seen_S)} samples of the {kind} are numbers"
        )
    seconds_S, values_S3 = seconds_S[seen_S], values_S3[seen_S] * UNITS[kind][unit]
    back = np.flatnonzero(np.diff(seconds_S) < 0)
    if len(back):
        row = int(np.flatnonzero(seen_S)[back[0] + 1]) + 1
        raise UserError(
            f"{place}: time goes back by {-np.diff(seconds_S)[back[0]]:.3g} s at sample {row} of "
            f"the {kind}; cut the file there or sort it"
        )
    # Two samples with one time stamp: the first is kept.
    first_S = np.r_[True, np.diff(seconds_S) > 0]
    seconds_S, values_S3 = seconds_S[first_S], values_S3[first_S]
    _check_rate(place, kind, seconds_S, time_unit)
    check_unit(place, kind, seconds_S, values_S3, unit)
    return Stream(seconds_S, values_S3, int((~seen_S).sum()))


def _check_rate(place: str, kind: str, seconds_S: Array, time_unit: str) -> None:
    step = float(np.median(np.diff(seconds_S))) if len(seconds_S) > 1 else 0.0
    if not SLOWEST <= 1 / max(step, 1e-12) <= FASTEST:
        raise UserError(
            f"{place}: {1 / step if step else 0:.3g} samples a second of the {kind} are not "
            f"believable; is time in {time_unit}? ({', '.join(SECONDS)})"
        )


def check_unit(place: str, kind: str, seconds_S: Array, values_S3: Array, unit: str) -> None:
    """Raise UserError where values cannot be what `unit` made of them.

    An accelerometer reads 9.81 m/s2 while it rests; where it never rests, its quietest second
    still has a mean near that. A gyroscope of a watch ends at 2000 degrees per second.
    """
    # Nothing that a sensor reads is squared beyond what a float holds.
    magnitude_S = np.linalg.norm(np.clip(values_S3, -1e9, 1e9), axis=1)
    if kind == "gyroscope":
        if magnitude_S.max() > np.sqrt(3) * MOST_TURNING:
            raise UserError(
                f"{place}: the gyroscope reads up to {magnitude_S.max():.4g} rad/s with unit "
                f"{unit}; no watch measures more than {MOST_TURNING:.0f}: is it in dps?"
            )
        return
    # Numbered as they come: a damaged time stamp may lie thousands of years away.
    stretch_S = np.floor((seconds_S - seconds_S[0]) / REST_SECONDS)
    seconds = np.unique(stretch_S, return_inverse=True)[1]
    counts = np.bincount(seconds)
    means = np.bincount(seconds, weights=magnitude_S) / counts
    squares = np.bincount(seconds, weights=(magnitude_S - means[seconds]) ** 2) / counts
    spreads = np.sqrt(squares)
    full = counts >= np.median(counts) / 2
    means, spreads = means[full], spreads[full]
    resting = spreads < REST_SPREAD
    if resting.any():
        level, tolerance = float(np.median(means[resting])), REST_TOLERANCE
    else:
        level, tolerance = float(means[np.argmin(spreads)]), 1.0
    if not 1 / (1 + tolerance) <= level / GRAVITY <= 1 + tolerance:
        raise UserError(
            f"{place}: the quiet accelerometer reads {level:.3g} m/s2 with unit {unit}, not 9.81; "
            f"{_guess(level, unit)}"
        )


def _guess(level: float, unit: str) -> str:
    for other, factor in UNITS["accelerometer"].items():
        if 0.85 < level / UNITS["accelerometer"][unit] * factor / GRAVITY < 1.15:
            return f"it looks like {other}"
    return "is it without gravity, or in another unit?"
