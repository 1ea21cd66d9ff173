"""Accelerations from noisy samples of analytic motion: this project's spline against scipy's.

Motions whose second derivative is known are sampled at 30, 60 and 120 Hz with measurement noise
of 0.5 mm. `datagen.smoothing` differentiates them to 60 Hz at several cutoffs. The rival is
scipy's fifth-order smoothing spline, one for each axis (FITPACK, `UnivariateSpline(k=5)`), with
the smoothing that turns out best in hindsight, for each movement and rate another.

Shape letters: T frames, A axes.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import UnivariateSpline

from cluster.progress import Progress
from datagen.imu import RATE
from datagen.motion import Array
from datagen.smoothing import Smoother

SECONDS = 8
NOISE = 5e-4
AXES = 6
RATES = (30, 60, 120)
CUTOFFS = (4, 6, 8, 10, 12, 14, 16, 20)
# Of the rival: residuals relative to those that the noise alone would leave.
RESIDUALS = np.geomspace(0.6, 4.0, 40)
# A clip without what lies so near to its ends, seconds.
END = 0.25
PARTS = {"the whole clip": slice(None), "inside": slice(round(END * RATE), -round(END * RATE))}
METHODS = (*map(str, CUTOFFS), "scipy")


@dataclass(frozen=True)
class Movement:
    """A movement along one axis: position in metres and its second derivative, of seconds."""

    name: str
    position: Callable[[Array], Array]
    acceleration: Callable[[Array], Array]


def swing(name: str, frequency: float, sizes: tuple[float, ...]) -> Movement:
    """Return a sum of sines: a frequency and its multiples, with these amplitudes in metres."""
    speeds = [2 * np.pi * frequency * (k + 1) for k in range(len(sizes))]

    def position(t: Array) -> Array:
        return sum(
            a * np.sin(w * t + k) for k, (a, w) in enumerate(zip(sizes, speeds, strict=True))
        )

    def acceleration(t: Array) -> Array:
        return sum(
            -a * w * w * np.sin(w * t + k)
            for k, (a, w) in enumerate(zip(sizes, speeds, strict=True))
        )

    return Movement(name, position, acceleration)


def reach(size: float, duration: float, period: float) -> Movement:
    """Return strokes of minimum jerk to and fro, with rests between (Flash and Hogan 1985)."""

    def phase(t: Array) -> tuple[Array, Array]:
        number = np.floor(t / period)
        return np.clip((t - number * period) / duration, 0, 1), np.where(number % 2, -1.0, 1.0)

    def position(t: Array) -> Array:
        u, sign = phase(t)
        way = size * (10 * u**3 - 15 * u**4 + 6 * u**5)
        return np.where(sign > 0, way, size - way)

    def acceleration(t: Array) -> Array:
        u, sign = phase(t)
        return sign * size * (60 * u - 180 * u**2 + 120 * u**3) / duration**2

    return Movement("reaching", position, acceleration)


def knock(size: float, width: float, period: float) -> Movement:
    """Return short pulses shaped as a Gaussian of this width in seconds."""

    def since(t: Array) -> Array:
        return (t - period * np.floor(t / period) - period / 2) / width

    return Movement(
        "knocking",
        lambda t: size * np.exp(-(since(t) ** 2) / 2),
        lambda t: size * (since(t) ** 2 - 1) * np.exp(-(since(t) ** 2) / 2) / width**2,
    )


MOVEMENTS = (
    swing("walking", 0.9, (0.25, 0.05, 0.012, 0.004)),
    swing("waving", 2.5, (0.12, 0.02)),
    reach(0.4, 0.5, 0.8),
    knock(0.03, 0.03, 0.5),
)


def errors(movement: Movement, rate: float, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return the root mean square errors in m/s2, by part of the clip and in order of METHODS."""
    times, targets = (np.arange(SECONDS * each + 1) / each for each in (rate, RATE))
    begin_A = rng.uniform(0, 10, size=(AXES, 1))  # another beginning for each axis
    truth_AT = movement.acceleration(begin_A + targets)
    seen_AT = movement.position(begin_A + times) + rng.normal(scale=NOISE, size=(AXES, len(times)))
    ours = [
        Smoother(rate, RATE, cutoff).apply(seen_AT, derivative=2) - truth_AT for cutoff in CUTOFFS
    ]
    theirs = [
        np.stack([_scipy(times, seen_T, residuals, targets) for seen_T in seen_AT]) - truth_AT
        for residuals in RESIDUALS
    ]
    return {
        part: [_size(each[:, span]) for each in ours]
        + [min(_size(each[:, span]) for each in theirs)]
        for part, span in PARTS.items()
    }


def _scipy(times: Array, seen_T: Array, residuals: float, targets: Array) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says where it stops adding knots
        spline = UnivariateSpline(times, seen_T, k=5, s=residuals * len(times) * NOISE**2)
    return spline.derivative(2)(targets)


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def main() -> None:
    """Measure, print a table for each part of the clip and, last, one line of JSON."""
    rng = np.random.default_rng(0)
    names = [(movement, rate) for movement in MOVEMENTS for rate in RATES]
    with Progress("differentiation", len(names), "rows") as progress:
        rows = []
        for movement, rate in names:
            rows.append(errors(movement, rate, rng))
            progress.advance()
    figures = {}
    for part in PARTS:
        errors_RM = np.array([row[part] for row in rows])
        _print_table(part, names, errors_RM)
        to_scipy = errors_RM[:, :-1].min(axis=1) / errors_RM[:, -1]
        figures[part] = {
            "mean": dict(zip(METHODS, _mean(errors_RM).round(3).tolist(), strict=True)),
            "best_to_scipy": {
                f"{movement.name} {rate} Hz": round(float(ratio), 3)
                for (movement, rate), ratio in zip(names, to_scipy, strict=True)
            },
            "mean_of_best_to_scipy": round(float(_mean(to_scipy)), 3),
        }
    print(json.dumps(figures))


def _mean(errors_RM: Array) -> Array:
    """Return the geometric mean over the rows, to which small and large movements count alike."""
    return np.exp(np.log(errors_RM).mean(axis=0))


def _print_table(part: str, names: list[tuple[Movement, int]], errors_RM: Array) -> None:
    print(f"root mean square error of the acceleration, m/s2, {part}; noise of {1000 * NOISE:g} mm")
    print(f"{'cutoff, Hz':28s}" + "".join(f"{method:>7s}" for method in METHODS))
    targets = np.arange(SECONDS * RATE) / RATE
    for (movement, rate), row in zip(names, errors_RM, strict=True):
        name = f"{movement.name} ({_size(movement.acceleration(targets)):.1f} m/s2)"
        print(f"{name:21s}{rate:4d} Hz" + "".join(f"{error:7.2f}" for error in row))
    for name, row in (
        ("geometric mean", _mean(errors_RM)),
        ("root mean square", np.sqrt(np.mean(errors_RM**2, axis=0))),
    ):
        print(f"{name:28s}" + "".join(f"{error:7.2f}" for error in row))
    print()


if __name__ == "__main__":
    main()
