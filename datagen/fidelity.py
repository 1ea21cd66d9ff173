"""How near synthetic signals are to what a watch recorded of the same motion.

All measures compare magnitudes, so that they do not depend on how the watch is turned on the
wrist (Ray et al. 2025, section 4.3):

- mse: mean (|x_sim| - |x_real|)^2, accelerometer and gyroscope apart;
- relative: mse over the variance of the real magnitude: 1 is what a constant would reach;
- correlation: Pearson;
- spectral: log-spectral distance in dB, the root mean square over 0.5 to 10 Hz of
  10 log10 (P_sim / P_real). P is Welch's mean over windows of 2 s, half overlapping, each without
  its mean and under a Hann window, plus the noise of a watch's sensor, so that stillness is not
  an infinite distance.

Shape letters: T frames at 60 Hz, K kinds of sensor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from datagen.alignment import pearson
from datagen.imu import RATE
from datagen.motion import Array
from datagen.recordings import KINDS

WELCH_FRAMES = 120
BAND = (0.5, 10.0)
# Noise of a watch-grade part as a power density: 200 ug and 10 mdps per sqrt(Hz).
FLOOR = {"accelerometer": (200e-6 * 9.81) ** 2, "gyroscope": float(np.radians(10e-3) ** 2)}


@dataclass(frozen=True)
class Compared:
    """Synthetic and real magnitudes of one stretch at the same times.

    Attributes:
        times_T: seconds on the motion's clock.
        synthetic_KT, real_KT: m/s2 and rad/s; the real ones are NaN where nothing was recorded.
    """

    times_T: Array
    synthetic_KT: Array
    real_KT: Array


@dataclass(frozen=True)
class Measures:
    """The measures of one kind of sensor; see the module.

    Attributes:
        seconds: how much was compared.
        relative: None where the real magnitude does not vary.
        spectral: None where no two seconds are whole.
    """

    seconds: float
    mse: float
    relative: float | None
    correlation: float
    spectral: float | None


def measure(stretches: Sequence[Compared]) -> dict[str, Measures]:
    """Return the measures of each kind, all stretches together.

    Raises ValueError where nothing was recorded at any time of a kind.
    """
    measures = {}
    for row, kind in enumerate(KINDS):
        made = [each.synthetic_KT[row] for each in stretches]
        real = [each.real_KT[row] for each in stretches]
        made_T, real_T = np.concatenate(made), np.concatenate(real)
        known = np.isfinite(real_T)
        if not known.any():
            raise ValueError(f"no {kind} was recorded during these stretches")
        mse = float(np.mean((made_T[known] - real_T[known]) ** 2))
        variance = float(np.var(real_T[known]))
        measures[kind] = Measures(
            seconds=float(known.sum() / RATE),
            mse=mse,
            relative=mse / variance if variance > 0 else None,
            correlation=pearson(made_T, real_T),
            spectral=_spectral_distance(made, real, FLOOR[kind]),
        )
    return measures


def _spectral_distance(made: list[Array], real: list[Array], floor: float) -> float | None:
    pieces = [
        piece
        for made_T, real_T in zip(made, real, strict=True)
        for piece in _known(made_T, real_T)
        if len(piece[0]) >= WELCH_FRAMES
    ]
    if not pieces:
        return None
    made_F = power_spectrum([piece[0] for piece in pieces])
    real_F = power_spectrum([piece[1] for piece in pieces])
    return log_spectral_distance(made_F, real_F, floor)


def power_spectrum(pieces: Iterable[Array]) -> Array:
    """Return the one-sided power density of signals at 60 Hz, of each Hz; every piece >= 2 s."""
    windows = np.concatenate(
        [
            np.lib.stride_tricks.sliding_window_view(piece, WELCH_FRAMES)[:: WELCH_FRAMES // 2]
            for piece in pieces
        ]
    )
    # Periodic, as spectra want it.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WELCH_FRAMES) / WELCH_FRAMES)
    spectra = np.fft.rfft((windows - windows.mean(axis=1, keepdims=True)) * hann)
    power_F = np.mean(np.abs(spectra) ** 2, axis=0) / (RATE * np.sum(hann**2))
    power_F[1:-1] *= 2
    return power_F


def frequencies() -> Array:
    """Return the frequencies of `power_spectrum`, Hz."""
    return np.linspace(0, RATE / 2, WELCH_FRAMES // 2 + 1)


def log_spectral_distance(made_F: Array, real_F: Array, floor: float) -> float:
    """Return the root mean square of the levels' difference within BAND, dB."""
    within = (frequencies() >= BAND[0]) & (frequencies() <= BAND[1])
    levels = 10 * np.log10((made_F[within] + floor) / (real_F[within] + floor))
    return float(np.sqrt(np.mean(levels**2)))


def _known(made_T: Array, real_T: Array) -> list[tuple[Array, Array]]:
    """Return the stretches in which the real signal is known throughout."""
    known = np.isfinite(real_T)
    edges = np.flatnonzero(np.diff(np.r_[False, known, False].astype(int)))
    return [
        (made_T[a:b], real_T[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a
    ]
