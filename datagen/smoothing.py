"""The smoothing spline that turns sampled motion into positions and derivatives at 60 Hz.

It is the f that minimises  sum_i (x_i - f(t_i))^2 + lambda * integral f'''(t)^2 dt,  a natural
quintic spline (Reinsch 1967; Woltring 1986 for human motion). Away from the ends it is a
zero-phase low-pass with the transfer function  1 / (1 + (frequency / cutoff)^6); at the ends it
extrapolates nothing and has no spikes. The map from samples to derivatives is linear, which
keeps the closed form of `datagen.imu` exact.

Shape letters: S source frames, T target frames, F features.
"""

from functools import cached_property

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.sparse import csr_array, diags_array, eye_array

from datagen.motion import Array, BadClipError

DEGREE = 5
PENALISED_DERIVATIVE = 3
FEWEST_FRAMES = 8


class SmoothingSpline:
    """The linear map from `frames` samples at `rate` to values and derivatives at `target_rate`.

    Args:
        frames: number of source samples.
        rate: source rate, Hz.
        target_rate: rate at which the spline is evaluated, Hz, from the first sample on.
        cutoff: frequency at which the amplitude is halved, Hz.

    Raises BadClipError for a clip too short to have derivatives.
    """

    def __init__(self, frames: int, rate: float, target_rate: float, cutoff: float) -> None:
        if frames < FEWEST_FRAMES:
            raise BadClipError(f"has {frames} frames; at least {FEWEST_FRAMES} are needed")
        self.rate, self.target_rate = rate, target_rate
        # In units of source frames, so that the numbers stay near one at every rate.
        self._smoothness = (rate / (2 * np.pi * cutoff)) ** (2 * PENALISED_DERIVATIVE)
        self._knots = np.concatenate(
            [np.zeros(DEGREE), np.arange(frames, dtype=float), np.full(DEGREE, frames - 1.0)]
        )
        self._sample_times = np.arange(frames, dtype=float)

    @cached_property
    def times(self) -> Array:
        """Target times in seconds, (T,)."""
        seconds = self._sample_times[-1] / self.rate
        count = int(np.floor(seconds * self.target_rate + 1e-6)) + 1
        return np.arange(count) / self.target_rate

    def coefficients(self, samples_SF: Array) -> Array:
        """Fit the spline: (S, F) samples to B-spline coefficients (S + 4, F)."""
        return cho_solve_banded((self._factor, True), self._design.T @ samples_SF)

    def evaluate(self, coefficients: Array, derivative: int = 0) -> Array:
        """Return the given derivative per second at the target times, (T, F)."""
        return self._evaluators[derivative] @ coefficients

    @cached_property
    def _design(self) -> csr_array:
        return csr_array(BSpline.design_matrix(self._sample_times, self._knots, DEGREE))

    @cached_property
    def _factor(self) -> Array:
        normal = self._design.T @ self._design + self._smoothness * self._penalty()
        size = normal.shape[0]
        banded = np.zeros((DEGREE + 1, size))
        for below in range(DEGREE + 1):
            banded[below, : size - below] = normal.diagonal(-below)
        return cholesky_banded(banded, lower=True)

    def _penalty(self) -> csr_array:
        # The third derivative is piecewise quadratic: three Gauss points integrate its square.
        nodes, weights = np.polynomial.legendre.leggauss(3)
        times = (self._sample_times[:-1, None] + (nodes + 1) / 2).ravel()
        third = self._basis(times, PENALISED_DERIVATIVE)
        return csr_array(third.T @ third.multiply(np.tile(weights / 2, len(times) // 3)[:, None]))

    @cached_property
    def _evaluators(self) -> tuple[csr_array, csr_array, csr_array]:
        times = np.minimum(self.times * self.rate, self._sample_times[-1])
        value, first, second = (
            self._basis(times, derivative) * self.rate**derivative for derivative in range(3)
        )
        return value, first, second

    def _basis(self, times: Array, derivative: int) -> csr_array:
        """Derivative of every B-spline at `times` (in source frames), (len(times), S + 4)."""
        degree, knots = DEGREE, self._knots
        chain = eye_array(len(knots) - degree - 1, format="csr")
        for _ in range(derivative):
            # c'_i = degree (c_{i+1} - c_i) / (t_{i+degree+1} - t_{i+1})  (de Boor 1978, ch. X)
            size = len(knots) - degree - 1
            gaps = degree / (knots[degree + 1 : degree + size] - knots[1:size])
            step = diags_array([-gaps, gaps], offsets=[0, 1], shape=(size - 1, size))
            chain = csr_array(step @ chain)
            degree, knots = degree - 1, knots[1:-1]
        return csr_array(BSpline.design_matrix(times, knots, degree) @ chain)
