"""The smoothing spline that turns sampled motion into positions and derivatives at 60 Hz.

It is the f that minimises  sum_i (x_i - f(t_i))^2 + lambda * integral f'''(t)^2 dt,  a natural
quintic spline (Reinsch 1967; Woltring 1986 for human motion). Away from the ends it is a
zero-phase low-pass with the transfer function  1 / (1 + (frequency / cutoff)^6); at the ends it
extrapolates nothing and has no spikes. The map from samples to derivatives is linear, which
keeps the closed form of `datagen.imu` exact.

Shape letters: S source frames, T target frames, F features.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import solveh_banded
from scipy.sparse import csr_array, diags_array, eye_array

from datagen.motion import Array, BadClipError

DEGREE = 5
PENALISED_DERIVATIVE = 3
FEWEST_FRAMES = 8
# The end of a window is felt inside it like exp(-pi * cutoff * time); this many cutoff periods
# away nothing is left of it but 1e-9.
MARGIN_PERIODS = 6.6


@dataclass(frozen=True)
class Smoother:
    """Fit samples at one rate by the smoothing spline, evaluate it at another.

    A clip is cut into windows that overlap by twice the distance at which a window's end is no
    longer felt. Windows of equal length and phase share one matrix, so that the work is done by
    a few matrix products.

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
        out_FT = np.empty((features, self.target_frames(frames)))
        for window in self._windows(frames):
            matrix_TS = self._matrix(window, derivative)
            samples = samples_FS[:, window.source : window.source + window.length]
            np.matmul(samples, matrix_TS.T, out=out_FT[:, window.first : window.last])
        return out_FT

    def _windows(self, frames: int) -> Iterator["_Window"]:
        if frames < FEWEST_FRAMES:
            raise BadClipError(f"has {frames} frames; at least {FEWEST_FRAMES} are needed")
        margin = int(np.ceil(MARGIN_PERIODS * self.rate / self.cutoff))
        hop = max(round(self.rate), margin)
        length = 2 * margin + hop
        first, source = 0, 0
        while source + length < frames:
            last = self.target_frames(source + margin + hop + 1)
            yield _Window(source, length, first, last)
            first, source = last, source + hop
        source = max(frames - length, 0)
        yield _Window(source, frames - source, first, self.target_frames(frames))

    def _matrix(self, window: "_Window", derivative: int) -> Array:
        step = self.rate / self.target_rate
        start = round(window.first * step - window.source, 6)
        smoothness = (self.rate / (2 * np.pi * self.cutoff)) ** (2 * PENALISED_DERIVATIVE)
        count = window.last - window.first
        return _spline_matrix(window.length, smoothness, start, step, count, derivative) * (
            self.rate**derivative
        )


@dataclass(frozen=True)
class _Window:
    source: int
    length: int
    first: int
    last: int


@lru_cache(maxsize=256)
def _spline_matrix(
    frames: int, smoothness: float, start: float, step: float, count: int, derivative: int
) -> Array:
    """Return the matrix (count, frames) from samples to a derivative of their spline.

    Time is in source frames: sample i lies at i, target j at start + j * step.
    """
    targets = np.clip(start + step * np.arange(count), 0.0, frames - 1.0)
    basis = _basis(targets, _knots(frames), derivative)
    return np.ascontiguousarray(basis @ _fit(frames, smoothness))


@lru_cache(maxsize=16)
def _fit(frames: int, smoothness: float) -> Array:
    """Return the matrix (coefficients, frames) from samples to the B-spline that fits them."""
    knots = _knots(frames)
    design = _basis(np.arange(frames, dtype=float), knots, 0)
    # The third derivative is piecewise quadratic: three Gauss points integrate its square.
    nodes, weights = np.polynomial.legendre.leggauss(3)
    times = (np.arange(frames - 1)[:, None] + (nodes + 1) / 2).ravel()
    third = _basis(times, knots, PENALISED_DERIVATIVE)
    penalty = third.T @ third.multiply(np.tile(weights / 2, frames - 1)[:, None])
    normal = csr_array(design.T @ design + smoothness * penalty)
    size = normal.shape[0]
    banded = np.zeros((DEGREE + 1, size))
    for below in range(DEGREE + 1):
        banded[below, : size - below] = normal.diagonal(-below)
    return solveh_banded(banded, design.T.toarray(), lower=True)


def _knots(frames: int) -> Array:
    ends = np.full(DEGREE, frames - 1.0)
    return np.concatenate([np.zeros(DEGREE), np.arange(frames, dtype=float), ends])


def _basis(times: Array, knots: Array, derivative: int) -> csr_array:
    """Return a derivative of every quintic B-spline at `times`, (len(times), coefficients)."""
    degree = DEGREE
    chain = eye_array(len(knots) - degree - 1, format="csr")
    for _ in range(derivative):
        # c'_i = degree (c_{i+1} - c_i) / (t_{i+degree+1} - t_{i+1})  (de Boor 1978, ch. X)
        size = len(knots) - degree - 1
        gaps = degree / (knots[degree + 1 : degree + size] - knots[1:size])
        difference = diags_array([-gaps, gaps], offsets=[0, 1], shape=(size - 1, size))
        chain = csr_array(difference @ chain)
        degree, knots = degree - 1, knots[1:-1]
    return csr_array(BSpline.design_matrix(times, knots, degree) @ chain)
