"""Recordings to windows at the encoders' rate.

Shape letters: N windows, T frames, W wrists (left, right), C channels (ax ay az gx gy gz).
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy.interpolate import Akima1DInterpolator
from scipy.signal import firwin, resample_poly

from cluster.errors import UserError
from finetune.targets.recording import UNLABELLED, Recording, Target

RATE = 60
# Recordings of which wrists are mirrored, so that they become those of the named one.
MIRRORS = {"left": (False, True), "right": (True, False), "none": None}
CHOICES = {
    "as_recorded": None,
    "left": (True, False),
    "right": (False, True),
    "both": (True, True),
}
# Reflecting x turns a recording of one wrist into one of the other. Acceleration is a vector: its
# x component changes sign. Angular velocity is an axial vector: the components along the mirror
# change sign.
MIRROR_SIGNS_C = np.array([-1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
# Time stamps that stray from an even grid by less than this share of a step count as even.
EVEN_SHARE = 0.02
# Frames that a filter gives for each frame where these lie between the ones that are wanted.
BETWEEN = 16
# Ratios of rates have denominators up to this where that is exact enough, to so much of a frame.
DENOMINATORS = 500
SHIFT = 0.05


@dataclass
class WindowsConfig:
    """How recordings are cut.

    A gap in time longer than `max_gap` seconds ends a stretch; no window reaches over it.
    `mirror` is `left` (a recording of the right wrist alone is reflected onto the left side, so
    that one encoder and one classifier serve both), `right` (the other way round) or `none`.
    `wrist` is what windows hold after that: `as_recorded`, or `left`, `right` or `both` of every
    recording that has it; other recordings are left out.
    """

    seconds: int = 4
    overlap: float = 0.5
    max_gap: float = 0.2
    mirror: str = "left"
    wrist: str = "as_recorded"


@dataclass(frozen=True)
class Windows:
    """Windows of all recordings: float32 signals in SI, channel presence, labels, people."""

    signals_NTWC: np.ndarray
    present_NWC: np.ndarray
    labels_N: np.ndarray
    subjects_N: np.ndarray
    recordings_N: np.ndarray
    starts_N: np.ndarray
    label_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels_N)

    @cached_property
    def digest(self) -> str:
        """A digest of everything that a score can depend on."""
        state = hashlib.sha256()
        for array in (self.signals_NTWC, self.present_NWC, self.labels_N):
            state.update(np.ascontiguousarray(array).tobytes())
        state.update("\x1f".join([*self.subjects_N, *self.label_names]).encode())
        return state.hexdigest()[:16]


def cut_windows(target: Target, config: WindowsConfig) -> Windows:
    """Cut every recording of `target`; UserError when not a single labelled window results."""
    check_windows(config)
    columns: list[list] = [[], [], [], [], [], []]
    for index, recording in enumerate(target.recordings):
        worn = _choose(_mirror(recording, MIRRORS[config.mirror]), CHOICES[config.wrist])
        if worn is None:
            continue
        for signals_TWC, label, start in _windows_of(worn, config):
            values = (signals_TWC, worn.present_WC, label, recording.subject, index, start)
            for column, value in zip(columns, values, strict=True):
                column.append(value)
    if not columns[0]:
        raise UserError(_why_none(target, config))
    signals, present, labels, subjects, recordings, starts = columns
    return Windows(
        signals_NTWC=np.stack(signals).astype(np.float32),
        present_NWC=np.stack(present),
        labels_N=np.array(labels),
        subjects_N=np.array(subjects),
        recordings_N=np.array(recordings),
        starts_N=np.array(starts),
        label_names=target.label_names,
    )


def _why_none(target: Target, config: WindowsConfig) -> str:
    labels_T = np.concatenate([part.labels_T for part in target.recordings])
    return (
        f"target {target.name}: no labelled window of {config.seconds} s in "
        f"{len(target.recordings)} recordings, {100 * (labels_T != UNLABELLED).mean():.1f} % of "
        f"whose samples have a label, with windows.wrist {config.wrist} and windows.mirror "
        f"{config.mirror}; lower windows.seconds, raise windows.max_gap, choose another wrist or, "
        "where few samples have one, mend the unit or zero of the segments"
    )


def resample(
    signals_TX: np.ndarray, timestamps_T: np.ndarray, origin: float | None = None
) -> np.ndarray:
    """Return signals sampled at RATE from `origin` on, low-passed when the rate falls.

    `origin` is the first time stamp if not given, else less than a frame behind it. Even time
    stamps are resampled by a polyphase filter. Uneven ones are first interpolated onto
    an even grid at least twice as dense, by Akima's pieces of cubics (1970): where samples lie
    close together or far apart they do not overshoot as a spline does, and they weaken a wave of
    10 Hz less than straight lines do.
    """
    count = len(timestamps_T)
    origin = timestamps_T[0] if origin is None else origin
    step = (timestamps_T[-1] - timestamps_T[0]) / (count - 1)
    even_T = timestamps_T[0] + step * np.arange(count)
    if np.abs(timestamps_T - even_T).max() <= EVEN_SHARE * step:
        ratio = _ratio(RATE * step, count)
        late = (origin - timestamps_T[0]) * RATE
        if late > EVEN_SHARE:
            return _resample_late(signals_TX, ratio, late)
    else:
        median_step = float(np.median(np.diff(timestamps_T)))
        ratio = Fraction(1, max(1, math.ceil(2 / (RATE * median_step))))
        # The last sample has a period of its own, as it has among even ones.
        end = timestamps_T[-1] + median_step - 1e-9
        even_T = np.arange(origin, end, float(ratio) / RATE)
        signals_TX = Akima1DInterpolator(timestamps_T, signals_TX)(
            even_T.clip(max=timestamps_T[-1])
        )
    if ratio == 1:
        return signals_TX
    return resample_poly(signals_TX, ratio.numerator, ratio.denominator, padtype="line")


def _resample_late(signals_TX: np.ndarray, ratio: Fraction, late: float) -> np.ndarray:
    """Return what a polyphase filter gives `late` frames behind the first sample, and so on.

    The same filter as scipy's own gives frames between frames; straight lines join these.
    """
    dense = ratio * BETWEEN
    slowest = max(dense.numerator, BETWEEN * dense.denominator)
    filter_X = firwin(20 * slowest + 1, 1 / slowest, window=("kaiser", 5.0))
    between_FX = resample_poly(
        signals_TX, dense.numerator, dense.denominator, window=filter_X, padtype="line"
    )
    place, weight = int(late * BETWEEN), late * BETWEEN % 1
    before_FX, after_FX = between_FX[place:-1:BETWEEN], between_FX[place + 1 :: BETWEEN]
    return (1 - weight) * before_FX + weight * after_FX


def _ratio(frames_per_sample: float, count: int) -> Fraction:
    """Return a fraction that strays from the truth by less than SHIFT frames in `count` samples.

    Frames are taken to be 1 / RATE apart when labels are looked up, so what rounding shifts must
    not add up over hours.
    """
    limit = DENOMINATORS
    ratio = Fraction(frames_per_sample).limit_denominator(limit)
    while abs(ratio - frames_per_sample) * count >= SHIFT:
        limit *= 2
        ratio = Fraction(frames_per_sample).limit_denominator(limit)
    return ratio


def check_windows(config: WindowsConfig) -> None:
    """Raise UserError, naming the key, for windows that cannot be cut."""
    if config.seconds < 1:
        raise UserError(f"windows.seconds is {config.seconds}; at least 1")
    if not 0 <= config.overlap < 1:
        raise UserError(f"windows.overlap is {config.overlap}; from 0 up to but not 1")
    if not config.max_gap > 0:
        raise UserError(f"windows.max_gap is {config.max_gap}; above 0 seconds")
    if config.mirror not in MIRRORS:
        raise UserError(f"windows.mirror is {config.mirror}; one of {', '.join(MIRRORS)}")
    if config.wrist not in CHOICES:
        raise UserError(f"windows.wrist is {config.wrist}; one of {', '.join(CHOICES)}")


def _mirror(recording: Recording, wrists: tuple[bool, bool] | None) -> Recording:
    """Return a recording of just `wrists` as one of the other wrist, and any other as it is."""
    if recording.wrists != wrists:
        return recording
    mirrored_TWC = recording.signals_TWC[:, ::-1] * MIRROR_SIGNS_C
    return replace(recording, signals_TWC=mirrored_TWC, wrists=recording.wrists[::-1])


def _choose(recording: Recording, wrists: tuple[bool, bool] | None) -> Recording | None:
    """Return a recording of `wrists` alone, or None where it lacks one of them."""
    if wrists is None or recording.wrists == wrists:
        return recording
    if recording.wrists != (True, True):
        return None
    chosen_TWC = recording.signals_TWC * np.array(wrists)[:, None]
    return replace(recording, signals_TWC=chosen_TWC, wrists=wrists)


def _windows_of(
    recording: Recording, config: WindowsConfig
) -> Iterator[tuple[np.ndarray, int, float]]:
    """Yield signals (T, W, C), majority label and start time of each labelled window."""
    frames = config.seconds * RATE
    hop = max(1, round(frames * (1 - config.overlap)))
    gaps = np.flatnonzero(np.diff(recording.timestamps_T) > config.max_gap) + 1
    for stretch in np.split(np.arange(len(recording.timestamps_T)), gaps):
        times_T = recording.timestamps_T[stretch]
        if times_T[-1] - times_T[0] <= (frames - 2) / RATE:
            continue
        measured_TX = resample(recording.signals_TWC[stretch][:, recording.present_WC], times_T)
        signals_TX = np.zeros((len(measured_TX), recording.present_WC.size))
        signals_TX[:, recording.present_WC.ravel()] = measured_TX
        grid_T = times_T[0] + np.arange(len(signals_TX)) / RATE
        # The filter may hand back frames behind the last measured sample; they are not used.
        length = int(np.searchsorted(grid_T, times_T[-1] + 1 / RATE))
        labels_T = recording.labels_T[stretch][_nearest(times_T, grid_T[:length])]
        for start in range(0, length - frames + 1, hop):
            label = _majority(labels_T[start : start + frames])
            if label != UNLABELLED:
                window_TWC = signals_TX[start : start + frames].reshape(frames, 2, 6)
                yield window_TWC, label, float(grid_T[start])


def _nearest(times_T: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    middles = (times_T[1:] + times_T[:-1]) / 2
    return np.searchsorted(middles, wanted)


def _majority(labels_T: np.ndarray) -> int:
    """Return the label of most samples; of several with equally many, the smallest.

    UNLABELLED is the smallest of all: a window of which half is unlabelled is left out.
    """
    values, counts = np.unique(labels_T, return_counts=True)
    return int(values[counts.argmax()])
