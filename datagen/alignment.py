"""The clock of a watch against the clock of a motion, found by correlating magnitudes.

    time on the watch = nominal + offset + (1 + drift) * time of the motion

One offset, and one drift where asked for, for a whole recording: never for one activity, which
would flatter. Synthetic and real magnitudes are correlated (Pearson, mean of accelerometer and
gyroscope) at every offset within the search, on the 60 Hz grid, then the best is refined between
frames. The highest of many correlations is high by chance alone, the more so for rhythmic
motion; so the same search is done against the recording played backwards, which has the same
rhythm and belongs to nothing. A match has to be better than that by two standard errors of
Fisher's z = atanh(correlation), which are large for a recording of a few seconds.

Shape letters: T frames of the grid, K kinds of sensor, L lags.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.signal import correlate

from cluster.errors import UserError
from datagen.imu import RATE
from datagen.motion import Array
from datagen.recordings import Watch

LEAST_SECONDS = 2.0
# Below this two signals have little in common.
LEAST_CORRELATION = 0.3
# Magnitudes of arm movements live below 2 Hz, so they have four independent samples a second.
SAMPLES_A_SECOND = 4.0
# Less deviation than this, in m/s2 or rad/s, is none.
STILL = 1e-4
MOST_SEARCH, MOST_DRIFT = 3600.0, 1000.0


@dataclass
class AlignmentConfig:
    """How far the clocks may be apart.

    Attributes:
        search: most seconds by which the nominal offset may be wrong, either way.
        drift: most parts in a million by which one clock may go faster; 0 looks for none.
    """

    search: float = 10.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        for key, most in (("search", MOST_SEARCH), ("drift", MOST_DRIFT)):
            if not 0 <= getattr(self, key) <= most:
                raise UserError(
                    f"alignment.{key}={getattr(self, key):g}: give a value from 0 to {most:g}"
                )


@dataclass(frozen=True)
class Curve:
    """Synthetic magnitudes of one clip.

    Attributes:
        times_T: seconds on the motion's clock.
        magnitudes_KT: accelerometer in m/s2, gyroscope in rad/s.
    """

    times_T: Array
    magnitudes_KT: Array


@dataclass(frozen=True)
class Alignment:
    """How the clocks lie.

    Attributes:
        offset: seconds between the nominal and the found place of the motion's time 0.
        drift: parts in a million.
        correlation: at this offset, mean of accelerometer and gyroscope.
        chance: the best of the same search against the recording played backwards, 0 at least.
        seconds: how much of the motion was recorded.
        at_edge: whether the best offset lies at the end of the search.
    """

    offset: float
    drift: float
    correlation: float
    chance: float
    seconds: float
    at_edge: bool

    @property
    def verdict(self) -> str:
        """Say in a few words whether motion and recording belong to each other."""
        if self.correlation < LEAST_CORRELATION:
            return "does not match: hardly any correlation at any offset"
        above = np.arctanh(min(self.correlation, 0.9999)) - np.arctanh(self.chance)
        if above < 2 / np.sqrt(max(SAMPLES_A_SECOND * self.seconds - 3, 1)):
            return "not shown to match: played backwards it fits about as well"
        return "at the edge of the search: widen alignment.search" if self.at_edge else "matches"

    @property
    def matches(self) -> bool:
        """Whether motion and recording belong to each other."""
        return self.verdict == "matches"

    def watch_times(self, times_T: Array, nominal: float) -> Array:
        """Return times on the watch's clock."""
        return nominal + self.offset + (1 + 1e-6 * self.drift) * times_T


def align(
    curves: Sequence[Curve], watch: Watch, nominal: float, config: AlignmentConfig
) -> Alignment:
    """Find the watch's clock.

    Args:
        curves: the synthetic magnitudes of one motion.
        watch: the recording.
        nominal: time on the watch's clock of the motion's time 0, as far as it is known, seconds.
        config: how far to look.

    Raises UserError where motion and recording have no two seconds in common.
    """
    first = min(curve.times_T[0] for curve in curves)
    last = max(curve.times_T[-1] for curve in curves)
    margin = int(np.ceil(config.search * RATE))
    grid_T = first + np.arange(int(np.ceil((last - first) * RATE)) + 1) / RATE
    made_KT = _on_grid(curves, first, len(grid_T))
    longer_T = first + np.arange(-margin, len(grid_T) + margin) / RATE
    middle = (first + last) / 2
    best, chance = (-np.inf, 0, 0.0), 0.0
    for drift in _drifts(config.drift, last - first):
        # Turned about the middle, so that the offset does not depend on the drift.
        times_T = nominal + longer_T + 1e-6 * drift * (longer_T - middle)
        real_KT = watch.magnitudes_at(times_T)
        scores_L = correlations(made_KT, real_KT)
        if np.isfinite(scores_L).any():
            lag = int(np.nanargmax(scores_L))
            best = max(best, (float(scores_L[lag]), lag - margin, drift))
            reversed_L = correlations(made_KT, real_KT[:, ::-1])
            chance = max(chance, float(np.nanmax(reversed_L, initial=0.0)))
    if not np.isfinite(best[0]):
        raise UserError(_no_overlap(watch, nominal, first, last, config))
    offset, drift, score, seconds = _refined(curves, watch, nominal, middle, best, config)
    return Alignment(
        offset=offset - 1e-6 * drift * middle,
        drift=drift,
        correlation=score,
        chance=min(chance, 0.9999),
        seconds=seconds,
        at_edge=abs(best[1]) >= margin > 0,
    )


def correlations(made_KT: Array, real_KU: Array) -> Array:
    """Return the mean Pearson correlation over the kinds at every lag, (U - T + 1,).

    At lag l, made[t] lies beside real[t + l]. NaN is what is not known: it counts nowhere. NaN
    stands at a lag with less in common than two seconds and half of the most at any lag. A signal
    that does not vary correlates with nothing.
    """
    total_L: Array = np.zeros(real_KU.shape[1] - made_KT.shape[1] + 1)
    for made_T, real_U in zip(made_KT, real_KU, strict=True):
        known_T, known_U = np.isfinite(made_T), np.isfinite(real_U)
        f = np.where(known_T, made_T - np.nanmean(made_T), 0.0)
        g = np.where(known_U, real_U - (np.nanmean(real_U) if known_U.any() else 0.0), 0.0)
        mf, mg = known_T.astype(float), known_U.astype(float)
        pairs = ((mf, mg), (f, mg), (mf, g), (f * f, mg), (mf, g * g), (f, g))
        n, sf, sg, sff, sgg, sfg = (correlate(b, a, "valid", "fft") for a, b in pairs)
        n = np.round(n)
        enough = n >= max(LEAST_SECONDS * RATE, n.max() / 2)
        n = np.maximum(n, 1)
        covariance = sfg / n - sf * sg / n**2
        spread_f, spread_g = sff / n - (sf / n) ** 2, sgg / n - (sg / n) ** 2
        flat = np.minimum(spread_f, spread_g) < STILL**2
        product = np.where(flat, 1.0, spread_f * spread_g)
        total_L += np.where(enough, np.where(flat, 0.0, covariance / np.sqrt(product)), np.nan)
    return total_L / len(made_KT)


def pearson(a: Array, b: Array) -> float:
    """Return the correlation of two signals where both are known; 0 where one does not vary."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 2 or min(a[known].std(), b[known].std()) < STILL:
        return 0.0
    return float(np.corrcoef(a[known], b[known])[0, 1])


def _on_grid(curves: Sequence[Curve], first: float, frames: int) -> Array:
    made_KT = np.full((len(curves[0].magnitudes_KT), frames), np.nan)
    for curve in curves:
        place = round((curve.times_T[0] - first) * RATE)
        end = min(place + len(curve.times_T), frames)
        made_KT[:, place:end] = curve.magnitudes_KT[:, : end - place]
    return made_KT


def _drifts(most: float, seconds: float) -> Array:
    """Return drifts to try, so close that between two of them no frame goes astray."""
    step = 1e6 * 2 / RATE / max(seconds, 1.0)
    return np.linspace(-most, most, 2 * int(np.ceil(most / step)) + 1)


def _refined(
    curves: Sequence[Curve],
    watch: Watch,
    nominal: float,
    middle: float,
    best: tuple[float, int, float],
    config: AlignmentConfig,
) -> tuple[float, float, float, float]:
    """Return offset, drift and correlation, the best between frames, and the common seconds."""
    times_T = np.concatenate([curve.times_T for curve in curves])
    made_KT = np.concatenate([curve.magnitudes_KT for curve in curves], axis=1)
    # In frames: of the offset, and of the drift at the motion's ends.
    a_frame = 1e6 / RATE / max(times_T[-1] - middle, 1.0)
    start = np.array([best[1], best[2] / a_frame][: 2 if config.drift else 1], dtype=float)

    def placed(x: Array) -> tuple[float, float]:
        return float(x[0]) / RATE, float(x[1]) * a_frame if len(x) > 1 else 0.0

    def real_KT(x: Array) -> Array:
        offset, drift = placed(x)
        return watch.magnitudes_at(nominal + offset + times_T + 1e-6 * drift * (times_T - middle))

    def score(x: Array) -> float:
        return float(np.mean([pearson(*each) for each in zip(made_KT, real_KT(x), strict=True)]))

    simplex = np.vstack([start, start + np.eye(len(start))])
    found = minimize(
        lambda x: -score(x),
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-9},
    )
    x = found.x if -found.fun >= score(start) else start
    seconds = float(np.isfinite(real_KT(x)).all(axis=0).sum() / RATE)
    return *placed(x), score(x), seconds


def _no_overlap(
    watch: Watch, nominal: float, first: float, last: float, config: AlignmentConfig
) -> str:
    begin, end = watch.span
    return (
        f"motion and watch have no {LEAST_SECONDS:g} s in common within {config.search:g} s: the "
        f"motion lies at {nominal + first:.1f} to {nominal + last:.1f} s of the watch's clock, the "
        f"recording at {begin:.1f} to {end:.1f} s; mend its start or widen alignment.search"
    )
