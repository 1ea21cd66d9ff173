"""Windows of a recording, the same whether all of it is at hand or it comes sample by sample.

A window is made of the raw samples around it alone: from CONTEXT seconds before its start to
CONTEXT seconds behind its end, as far as the stretch without a gap reaches. A step in time longer
than CONTEXT that `max_gap` still bridges is interpolated by what was measured on both sides of it;
where it holds one of these two moments, CONTEXT is counted from its other side. Where the filter of
the resampling reaches no farther, this is what resampling the whole recording gives. So a stream
has the numbers of a window CONTEXT seconds after it is over, and they are exactly those that
`windows_of` cuts out of the finished recording.

Shape letters: T samples, X channels, F frames of a window at RATE.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import takewhile

import numpy as np

from cluster.errors import UserError
from finetune.windows import EVEN_SHARE, RATE, WindowsConfig, resample

# The filter reaches ten samples of the slower rate to each side: half a second from 20 Hz on.
CONTEXT = 0.5


def hop_seconds(config: WindowsConfig) -> float:
    """Return the time from one window's start to the next one's."""
    return max(1, round(config.seconds * RATE * (1 - config.overlap))) / RATE


def windows_of(
    times_T: np.ndarray, signals_TX: np.ndarray, config: WindowsConfig
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield start and signals (F, X) of each window; none reaches over a gap."""
    gaps = np.flatnonzero(np.diff(times_T) > config.max_gap) + 1
    for part_T, part_TX in zip(np.split(times_T, gaps), np.split(signals_TX, gaps), strict=True):
        yield from _windows_from(part_T, part_TX, part_T[0], 0, config)


class SlidingWindows:
    """Samples in, one by one; windows out, as soon as they are complete."""

    def __init__(self, config: WindowsConfig) -> None:
        self.config = config
        self._times: list[float] = []
        self._values: list[Sequence[float]] = []
        self._begin()

    def push(self, time: float, values_X: Sequence[float]) -> list[tuple[float, np.ndarray]]:
        """Take one sample; return the windows that it completes, as `windows_of` yields them.

        `time` is in seconds. Raises UserError where it is not behind the last one.
        """
        step = time - self._times[-1] if self._times else np.inf
        if not step > 0:
            raise UserError(f"time stamps do not rise: {time} follows {self._times[-1]}")
        found = self.finish() if step > self.config.max_gap else []
        if not self._times:
            self._first = time
            self._due = time + self.config.seconds + CONTEXT
        if time >= self._due and step > CONTEXT:  # what is behind the step bridges it, too
            self._due = time + CONTEXT
        elif time >= self._due:
            found += self._cut(time)
        self._times.append(time)
        self._values.append(values_X)
        return found

    def finish(self) -> list[tuple[float, np.ndarray]]:
        """Return the windows that were waiting for what comes after them; begin anew."""
        found = []
        if self._times:
            arrays = np.array(self._times), np.array(self._values, dtype=np.float64)
            found = list(_windows_from(*arrays, self._first, self._number, self.config))
        self._begin()
        return found

    def _begin(self) -> None:
        self._times.clear()
        self._values.clear()
        self._first, self._number, self._due = 0.0, 0, np.inf

    def _cut(self, now: float) -> list[tuple[float, np.ndarray]]:
        """Return the windows for which all samples before `now` are enough; forget old samples."""
        arrays = np.array(self._times), np.array(self._values, dtype=np.float64)
        hop, behind = hop_seconds(self.config), self.config.seconds + CONTEXT
        complete = takewhile(
            lambda found: now >= found[0] + behind,
            _windows_from(*arrays, self._first, self._number, self.config),
        )
        found = list(complete)
        while now >= self._first + self._number * hop + behind:
            self._number += 1
        start = self._first + self._number * hop
        self._due = start + behind
        # The farthest that this window or a later one looks back.
        before = max(0, int(np.searchsorted(arrays[0], start - CONTEXT)) - 1)
        old = int(np.searchsorted(arrays[0], arrays[0][before] - CONTEXT))
        del self._times[:old], self._values[:old]
        return found


def _windows_from(
    times_T: np.ndarray, signals_TX: np.ndarray, first: float, number: int, config: WindowsConfig
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the windows from the `number`-th on of a stretch that began at `first`."""
    hop = hop_seconds(config)
    # The last frame of a window lies no more than one frame behind the last sample.
    while (start := first + number * hop) + config.seconds - 2 / RATE < times_T[-1]:
        window_FX = _window_at(times_T, signals_TX, start, config.seconds)
        if window_FX is not None:
            yield float(start), window_FX
        number += 1


def _window_at(
    times_T: np.ndarray, signals_TX: np.ndarray, start: float, seconds: int
) -> np.ndarray | None:
    """Return the window (F, X) that starts at `start`, None where samples do not reach its end."""
    around = _around(times_T, start, start + seconds)
    # Whole frames between the first sample and the window, which may begin between two samples.
    begin = max(0, math.floor((start - times_T[around][0]) * RATE + EVEN_SHARE))
    origin = max(times_T[around][0], start - begin / RATE)
    frames_FX = resample(signals_TX[around], times_T[around], origin)
    window_FX = frames_FX[begin : begin + seconds * RATE]
    return window_FX if len(window_FX) == seconds * RATE else None


def _around(times_T: np.ndarray, start: float, end: float) -> slice:
    """Return the samples that a window from `start` to `end` is made of."""
    first, last = np.searchsorted(times_T, [start - CONTEXT, end + CONTEXT])
    if 0 < first < len(times_T) and times_T[first] - times_T[first - 1] > CONTEXT:
        first = np.searchsorted(times_T, times_T[first - 1] - CONTEXT)
    if 0 < last < len(times_T) and times_T[last] - times_T[last - 1] > CONTEXT:
        last = np.searchsorted(times_T, times_T[last] + CONTEXT)
    return slice(first, last)
