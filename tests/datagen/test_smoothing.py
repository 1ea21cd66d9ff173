import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from datagen.motion import BadClipError
from datagen.smoothing import SmoothingSpline


def fitted(spline: SmoothingSpline, samples: np.ndarray, derivative: int) -> np.ndarray:
    return spline.evaluate(spline.coefficients(samples[:, None]), derivative)[:, 0]


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.0, 24.0, 100.0])
def test_quadratics_are_reproduced_with_their_derivatives_up_to_the_ends(rate):
    spline = SmoothingSpline(frames=90, rate=rate, target_rate=60.0, cutoff=8.0)
    times = np.arange(90) / rate
    samples = 3.0 - 2.0 * times + 4.0 * times**2
    t = spline.times
    np.testing.assert_allclose(fitted(spline, samples, 0), 3 - 2 * t + 4 * t**2, atol=1e-8)
    np.testing.assert_allclose(fitted(spline, samples, 1), -2 + 8 * t, atol=1e-7)
    np.testing.assert_allclose(fitted(spline, samples, 2), np.full_like(t, 8.0), atol=1e-5)


@pytest.mark.parametrize("frequency", [1.0, 4.0, 8.0, 12.0])
def test_the_transfer_function_is_the_documented_one(frequency):
    rate, cutoff = 120.0, 8.0
    spline = SmoothingSpline(frames=600, rate=rate, target_rate=60.0, cutoff=cutoff)
    phase = 2 * np.pi * frequency
    samples = np.sin(phase * np.arange(600) / rate)
    middle = slice(100, 200)
    gain = 1 / (1 + (frequency / cutoff) ** 6)
    expected = -(phase**2) * gain * np.sin(phase * spline.times)
    error = np.abs(fitted(spline, samples, 2) - expected)[middle].max()
    assert error < 0.01 * phase**2 * gain


def test_it_is_the_minimiser_of_its_definition():
    rng = np.random.default_rng(0)
    frames, rate, cutoff = 14, 30.0, 4.0
    samples = rng.normal(size=frames)
    spline = SmoothingSpline(frames, rate, target_rate=30.0, cutoff=cutoff)
    # A natural quintic spline is fixed by its knot values; penalise them by brute force.
    times = np.arange(frames) / rate
    natural = [(3, np.zeros(frames)), (4, np.zeros(frames))]
    basis = make_interp_spline(times, np.eye(frames), k=5, bc_type=(natural, natural))
    fine = np.linspace(0, times[-1], 20_001)
    third = basis(fine, 3)
    weights = np.full(len(fine), fine[1])
    weights[[0, -1]] /= 2
    smoothness = rate / (2 * np.pi * cutoff) ** 6
    penalty = third.T @ (weights[:, None] * third)
    values = np.linalg.solve(np.eye(frames) + smoothness * penalty, samples)
    np.testing.assert_allclose(fitted(spline, samples, 0), values, atol=1e-6)


def test_derivatives_agree_with_finite_differences_of_the_values():
    rng = np.random.default_rng(1)
    samples = np.cumsum(rng.normal(size=60))
    spline = SmoothingSpline(60, 60.0, target_rate=6000.0, cutoff=6.0)
    value, first, second = (fitted(spline, samples, derivative) for derivative in range(3))
    np.testing.assert_allclose(
        np.gradient(value, 1 / 6000.0)[1:-1], first[1:-1], rtol=1e-3, atol=0.05
    )
    np.testing.assert_allclose(
        np.gradient(first, 1 / 6000.0)[1:-1], second[1:-1], rtol=1e-3, atol=5
    )


def test_the_target_times_stay_within_the_clip():
    spline = SmoothingSpline(frames=31, rate=30.0, target_rate=60.0, cutoff=8.0)
    assert len(spline.times) == 61
    assert spline.times[-1] == pytest.approx(1.0)


def test_too_few_frames_are_a_bad_clip():
    with pytest.raises(BadClipError, match="7 frames"):
        SmoothingSpline(7, 30.0, 60.0, 8.0)
