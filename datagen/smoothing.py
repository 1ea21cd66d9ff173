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
    PENALISED_DERIVATIVE,
    Whole,
    evaluate,
    factors,
    fit,
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
        room_SF = room(frames, features)
        room_SF[AHEAD : AHEAD + frames] = samples_FS.T
        return self.evaluate(self.fit(room_SF), frames, derivative).T

    def fit(self, room_SF: Array) -> Array:
        """Turn the samples in a `room` into the coefficients of their spline, (C, F), in place.

        Raises BadClipError for a clip too short to have derivatives.
        """
        frames = len(room_SF) - 2 * AHEAD
        if frames < FEWEST_FRAMES:
            raise BadClipError(f"has {frames} frames; at least {FEWEST_FRAMES} are needed")
        smoothness = (self.rate / (2 * np.pi * self.cutoff)) ** (2 * PENALISED_DERIVATIVE)
        fit(factors(frames, 120 * smoothness * penalty()), room_SF)
        return room_SF[: frames + AHEAD]

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


def room(frames: int, features: int) -> Array:
    """Return zeros for samples (frames, features) from row AHEAD on, with a margin for `fit`."""
    # On the boundaries of cache lines, across which processors read and write slowly.
    shape = (frames + 2 * AHEAD, features)
    room_SF: Array = np.zeros(shape[0] * shape[1] + 8)
    start = -room_SF.ctypes.data // room_SF.itemsize % 8
    return room_SF[start : start + shape[0] * shape[1]].reshape(shape)
