"""Sensors with clocks of their own to one recording.

Shape letters: T samples of the recording, N samples of one sensor, W wrists, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cluster.errors import UserError
from finetune.targets.labels import Segments
from finetune.targets.recording import CHANNELS, WRISTS, Recording

# Samples of one sensor farther apart than this are not interpolated for another, in seconds.
LONGEST_BRIDGE = 0.2
# A recording whose time goes back more often than this is not one recording.
LARGEST_SHARE_NOT_RISING = 0.1


@dataclass(frozen=True)
class Stream:
    """What one sensor of a wrist measured: accelerations (N, 3), or these and turning (N, 6).

    Values are those of `Recording`; a sensor of angular velocity alone says `turning_only`.
    Times are in seconds. NaN marks what was not measured.
    """

    wrist: int
    times_N: np.ndarray
    values_NX: np.ndarray
    turning_only: bool = False

    @property
    def channels(self) -> slice:
        """Where the values belong among the channels."""
        return slice(3, 6) if self.turning_only else slice(0, self.values_NX.shape[1])


def assemble(name: str, subject: str, streams: Sequence[Stream], labels_N: np.ndarray) -> Recording:
    """Return a recording at the times of the first stream, to whose samples the labels belong.

    Samples with NaN are dropped, and those whose time does not lie behind all before them; the
    other streams are interpolated onto the times at which all were measured. Raises UserError
    when fewer than two samples are left or time goes back too often.
    """
    (first, kept_N), *others = [_clean(stream, name) for stream in streams]
    without_value = sum(int((~_measured(stream)).sum()) for stream in streams)
    not_rising = sum(len(stream.times_N) for stream in streams) - without_value
    not_rising -= len(first.times_N) + sum(len(stream.times_N) for stream, _ in others)
    common_T = np.ones(len(first.times_N), dtype=bool)
    for stream, _ in others:
        common_T &= _reaches(stream.times_N, first.times_N)
    if not common_T.any():
        raise UserError(f"{name}: its sensors were never on at the same time; check their clocks")
    times_T = first.times_N[common_T]
    if len(times_T) < 2:
        raise UserError(f"{name}: only one of its samples can be used; mend it, or remove it")
    signals_TWC = np.zeros((len(times_T), len(WRISTS), len(CHANNELS)))
    signals_TWC[:, first.wrist, first.channels] = first.values_NX[common_T]
    for stream, _ in others:
        for channel, values_N in enumerate(stream.values_NX.T, stream.channels.start):
            signals_TWC[:, stream.wrist, channel] = np.interp(times_T, stream.times_N, values_N)
    worn = {stream.wrist for stream in streams}
    return Recording(
        name=name,
        subject=subject,
        signals_TWC=signals_TWC,
        timestamps_T=times_T - times_T[0],
        labels_T=labels_N[kept_N][common_T],
        wrists=(0 in worn, 1 in worn),
        has_gyroscope=any(stream.channels.stop == 6 for stream in streams),
        without_value=without_value,
        not_rising=not_rising,
    )


def assemble_with_segments(
    name: str, subject: str, streams: Sequence[Stream], segments: Segments
) -> Recording:
    """Return a recording as `assemble` does, labelled by segments on the first stream's clock."""
    times_N = streams[0].times_N
    return replace(
        assemble(name, subject, streams, segments.label(times_N)),
        segments_beyond=segments.beyond(times_N),
        segments_overlapping=segments.overlapping(),
    )


def _measured(stream: Stream) -> np.ndarray:
    return np.isfinite(stream.times_N) & np.isfinite(stream.values_NX).all(1)


def _clean(stream: Stream, name: str) -> tuple[Stream, np.ndarray]:
    """Return the stream without unusable samples, and the indices of those kept."""
    measured_N = np.flatnonzero(_measured(stream))
    if not len(measured_N):
        raise UserError(f"{name}: not one sample has all its values; check columns, or remove it")
    times_N = stream.times_N[measured_N]
    behind_N = np.ones(len(times_N), dtype=bool)
    behind_N[1:] = times_N[1:] > np.maximum.accumulate(times_N)[:-1]
    if (~behind_N).mean() > LARGEST_SHARE_NOT_RISING:
        said = f"{name}: the time stamps of {100 * (~behind_N).mean():.0f} % of the samples"
        if (np.diff(times_N) >= 0).all() and times_N[-1] > times_N[0]:
            raise UserError(
                f"{said} are those of the sample before; where the clock is too coarse to tell "
                "them apart, give the rate in place of a time column"
            )
        raise UserError(
            f"{said} do not rise; is this several recordings in one, or the wrong column?"
        )
    kept_N = measured_N[behind_N]
    clean = Stream(
        stream.wrist, stream.times_N[kept_N], stream.values_NX[kept_N], stream.turning_only
    )
    return clean, kept_N


def _reaches(times_N: np.ndarray, wanted_T: np.ndarray) -> np.ndarray:
    """Whether each wanted time lies between two samples that are not far apart."""
    after_T = np.searchsorted(times_N, wanted_T)
    inside_T = (wanted_T >= times_N[0]) & (wanted_T <= times_N[-1])
    after_T = after_T.clip(0, len(times_N) - 1)
    step_T = times_N[after_T] - times_N[(after_T - 1).clip(0)]
    return inside_T & ((step_T <= LONGEST_BRIDGE) | (times_N[after_T] == wanted_T))
