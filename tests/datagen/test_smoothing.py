import numpy as np
import pytest
from scipy.interpolate import BSpline, UnivariateSpline, make_interp_spline

from datagen.motion import BadClipError
from datagen.smoothing import Smoother


def smoothed(smoother: Smoother, samples: np.ndarray, derivative: int) -> np.ndarray:
    return smoother.apply(samples[None], derivative)[0]


def target_times(smoother: Smoother, frames: int) -> np.ndarray:
    return np.arange(smoother.target_frames(frames)) / smoother.target_rate


@pytest.mark.parametrize("frames", [90, 1203])
@pytest.mark.parametrize("rate", [24.0, 29.97, 30.0, 60.0, 100.0, 120.0])
def test_quadratics_are_reproduced_with_their_derivatives_up_to_the_ends(rate, frames):
    smoother = Smoother(rate, target_rate=60.0, cutoff=8.0)
    times = np.arange(frames) / rate
    t = target_times(smoother, frames)
    samples = 3.0 - 2.0 * times + 4.0 * times**2
    np.testing.assert_allclose(smoothed(smoother, samples, 0), 3 - 2 * t + 4 * t**2, rtol=1e-7)
    np.testing.assert_allclose(smoothed(smoother, samples, 1), -2 + 8 * t, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(smoothed(smoother, samples, 2), np.full_like(t, 8.0), rtol=1e-4)


@pytest.mark.parametrize("frequency", [1.0, 4.0, 8.0, 12.0])
def test_the_transfer_function_is_the_documented_one(frequency):
    rate, cutoff = 120.0, 8.0
    smoother = Smoother(rate, target_rate=60.0, cutoff=cutoff)
    phase = 2 * np.pi * frequency
    samples = np.sin(phase * np.arange(1200) / rate)
    middle = slice(100, 500)
    gain = 1 / (1 + (frequency / cutoff) ** 6)
    expected = -(phase**2) * gain * np.sin(phase * target_times(smoother, 1200))
    error = np.abs(smoothed(smoother, samples, 2) - expected)[middle].max()
    assert error < 0.01 * phase**2 * gain


def test_it_is_the_minimiser_of_its_definition():
    rng = np.random.default_rng(0)
    frames, rate, cutoff = 14, 30.0, 4.0
    samples = rng.normal(size=frames)
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
    smoother = Smoother(rate, target_rate=30.0, cutoff=cutoff)
    np.testing.assert_allclose(smoothed(smoother, samples, 0), values, atol=1e-6)


@pytest.mark.parametrize(("rate", "cutoff"), [(120.0, 12.0), (100.0, 6.0), (30.0, 12.0)])
def test_a_long_clip_equals_least_squares_over_all_of_it(rate, cutoff):
    frames = 400
    samples = 5 + np.cumsum(np.random.default_rng(2).normal(size=frames))
    # Samples and the penalty's quadrature as the rows of one system, without normal equations.
    knots = np.r_[np.zeros(5), np.arange(frames), np.full(5, frames - 1)].astype(float)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    times = (np.arange(frames - 1)[:, None] + (nodes + 1) / 2).ravel()
    basis = BSpline(knots, np.eye(frames + 4), 5)
    smoothness = (rate / (2 * np.pi * cutoff)) ** 6
    third = basis(times, 3) * np.sqrt(smoothness * np.tile(weights / 2, frames - 1))[:, None]
    rows = np.vstack([basis(np.arange(frames)), third])
    sides = np.concatenate([samples, np.zeros(len(third))])
    spline = BSpline(knots, np.linalg.lstsq(rows, sides, rcond=None)[0], 5)
    smoother = Smoother(rate, target_rate=60.0, cutoff=cutoff)
    t = np.minimum(target_times(smoother, frames) * rate, frames - 1)
    for derivative in range(3):
        expected = spline(t, derivative) * rate**derivative
        np.testing.assert_allclose(
            smoothed(smoother, samples, derivative), expected, atol=1e-7 * np.abs(expected).max()
        )


def test_derivatives_agree_with_finite_differences_of_the_values():
    samples = np.cumsum(np.random.default_rng(1).normal(size=60))
    smoother = Smoother(60.0, target_rate=6000.0, cutoff=6.0)
    value, first, second = (smoothed(smoother, samples, derivative) for derivative in range(3))
    inner = slice(1, -1)
    slope, curvature = np.gradient(value, 1 / 6000.0), np.gradient(first, 1 / 6000.0)
    np.testing.assert_allclose(slope[inner], first[inner], rtol=1e-3, atol=0.05)
    np.testing.assert_allclose(curvature[inner], second[inner], rtol=1e-3, atol=5)


def test_the_target_times_stay_within_the_clip():
    assert Smoother(30.0, 60.0, 8.0).target_frames(31) == 61
    assert Smoother(120.0, 60.0, 8.0).target_frames(120) == 60


def test_too_few_frames_are_a_bad_clip():
    with pytest.raises(BadClipError, match="7 frames"):
        Smoother(30.0, 60.0, 8.0).apply(np.zeros((1, 7)), 0)


def test_it_is_as_exact_as_scipys_quintic_spline_at_its_best():
    """Reaching to and fro, half a millimetre of noise; each with the best of its parameters."""
    rng = np.random.default_rng(0)
    times = np.arange(481) / 60
    stroke = np.clip((times % 0.8) / 0.5, 0, 1)
    back = times // 0.8 % 2 == 1
    way = 0.4 * (10 * stroke**3 - 15 * stroke**4 + 6 * stroke**5)
    truth = 0.4 * (60 * stroke - 180 * stroke**2 + 120 * stroke**3) / 0.5**2
    seen = np.where(back, 0.4 - way, way) + rng.normal(scale=5e-4, size=len(times))
    truth = np.where(back, -truth, truth)

    def error(acceleration):
        return np.sqrt(np.mean((acceleration - truth) ** 2))

    ours = min(error(smoothed(Smoother(60.0, 60.0, c), seen, 2)) for c in (6.0, 8.0, 10.0, 12.0))
    theirs = min(
        error(UnivariateSpline(times, seen, k=5, s=s * 481 * 5e-4**2).derivative(2)(times))
        for s in np.geomspace(0.7, 3.0, 30)
    )
    assert ours <= theirs
