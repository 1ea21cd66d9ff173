"""The smoothing spline that turns sampled motion into positions and derivatives at 60 Hz.

It is the f that minimises  sum_i (x_i - f(t_i))^2 + lambda * integral f'''(t)^2 dt,  a natural
quintic spline (Reinsch 1967; Woltring 1986 for human motion). Away from the ends it is a
zero-phase low-pass with the transfer function  1 / (1 + (frequency / cutoff)^6); at the ends it
extrapolates nothing and has no spikes. The map from samples to derivatives is linear, which
keeps the closed form of `datagen.imu` exact.

Shape letters: S source frames, C coefficients, T target frames, F features.
"""

from dataclasses import dataclass

import numpy as np

from datagen.motion import Array, BadClipError
from datagen.spline import (
    AHEAD,
    DEGREE,
    PENALISED_DERIVATIVE,
    Whole,
    backwards,
    evaluate,
    factors,
    forwards,
    penalty,
    places,
    taps,
)

FEWEST_FRAMES = 8


@dataclass(frozen=True)
class Smoother:
    """Fit samples at one rate by the smoothing spline, evaluate it at another.

    Attributes:
        rate: source rate, Hz.
        target_rate: rate of evaluation, Hz, from the first sample on.
        cutoff: frequency at which the amplitude is halved, Hz.
    """

    rate: float
    target_rate: float
    cutoff: float

    def target_frames(self, frames: int) -> int:
        """Return T, the number of target times that lie within `frames` samples."""
        return int(np.floor((frames - 1) * self.target_rate / self.rate + 1e-6)) + 1

    def apply(self, samples_FS: Array, derivative: int) -> Array:
        """Return the derivative (0, 1 or 2) per second^derivative at the target times, (F, T).

        Raises BadClipError for a clip too short to have derivatives.
        """
        features, frames = samples_FS.shape
        fitting = self.fitting(frames, features)
        fitting.samples_SF[:] = samples_FS.T
        fitting.forwards(frames)
        return self.evaluate(fitting.backwards(0), frames, derivative).T

    def fitting(self, frames: int, features: int) -> "Fitting":
        """Return the room to fit splines in; raises BadClipError for too few frames."""
        if frames < FEWEST_FRAMES:
            raise BadClipError(f"has {frames} frames; at least {FEWEST_FRAMES} are needed")
        smoothness = (self.rate / (2 * np.pi * self.cutoff)) ** (2 * PENALISED_DERIVATIVE)
        return Fitting(frames, features, factors(frames, 120 * smoothness * penalty()))

    def evaluate(self, coefficients_CF: Array, frames: int, derivative: int) -> Array:
        """Return a derivative of fitted splines per second^derivative, (T, F)."""
        first_T, phase_T, taps_3P6 = self.taps(frames)
        out_TF = np.empty((len(first_T), coefficients_CF.shape[1]))
        evaluate(coefficients_CF, first_T, phase_T, taps_3P6[derivative], out_TF)
        return out_TF

    def taps(self, frames: int) -> tuple[Whole, Whole, Array]:
        """Return how coefficients make values and derivatives at the target times.

        These are the first of six coefficients (T,) and the phase (T,) of each time, and the
        coefficients' weights by derivative, 0 to 2, and by phase (3, P, 6).
        """
        step = self.rate / self.target_rate
        first_T, phase_T, phases_P = places(step, self.target_frames(frames), frames)
        weights = [self.rate**derivative * taps(phases_P, derivative) for derivative in range(3)]
        return first_T, phase_T, np.stack(weights)


class Fitting:
    """A spline through many features that is fitted piece by piece, in the room of its samples.

    Forwards as samples come in, then backwards as coefficients come out, so that whoever makes
    the ones and uses the others finds them in the processor's cache.

    Attributes:
        samples_SF: to be filled; a piece may be overwritten once `forwards` has passed it.
    """

    def __init__(self, frames: int, features: int, factors_C6: Array) -> None:
        self._factors_C6 = factors_C6
        self._count = frames + AHEAD
        # Rows begin on the boundaries of cache lines, across which processors are slow.
        rows = self._count + DEGREE
        room = np.empty(rows * features + 8)
        first = -room.ctypes.data // room.itemsize % 8
        self._room_SF = room[first : first + rows * features].reshape(rows, features)
        self._room_SF[:AHEAD] = self._room_SF[AHEAD + frames :] = 0.0
        self.samples_SF = self._room_SF[AHEAD : AHEAD + frames]
        self._done, self._left = 0, self._count

    def forwards(self, stop: int) -> None:
        """Go on to where samples are filled in up to now; to the end with the last of them."""
        end = self._count if stop == len(self.samples_SF) else stop
        forwards(self._factors_C6, self._room_SF, self._done, end)
        self._done = end

    def backwards(self, start: int) -> Array:
        """Go back to coefficient `start`; returns all coefficients (C, F), true from there on."""
        backwards(self._factors_C6, self._room_SF, start, self._left)
        self._left = start
        return self._room_SF[: self._count]
