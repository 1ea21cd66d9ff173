"""The measures against closed forms and scipy, the alignment against clocks that were put in."""

import numpy as np
import pytest
from scipy.signal import welch

from cluster.errors import UserError
from datagen.alignment import AlignmentConfig, Curve, align, correlations, pearson
from datagen.fidelity import (
    BAND,
    FLOOR,
    Compared,
    frequencies,
    log_spectral_distance,
    measure,
    power_spectrum,
)
from datagen.recordings import KINDS, Stream, Watch

RATE = 60.0


def wandering(seconds: float, seed: int) -> np.ndarray:
    """Magnitudes (2, T) of no rhythm, sampled at 600 Hz so that others can be cut out of them."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(600 * seconds)) / 600
    shares = rng.normal(size=(2, 40)) / np.sqrt(40)
    phases = rng.uniform(0, 2 * np.pi, (2, 40))
    waves = np.sin(2 * np.pi * rng.uniform(0.2, 3, (2, 40, 1)) * time + phases[..., None])
    return np.array([[10.0], [4.0]]) + np.einsum("kf,kft->kt", shares, waves) * [[3.0], [2.0]]


def watch_of(magnitudes_KT: np.ndarray, times_T: np.ndarray, rng: np.random.Generator) -> Watch:
    """A watch that reads these magnitudes in directions that change at every sample."""
    directions = rng.standard_normal((2, len(times_T), 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return Watch(
        {
            kind: Stream(times_T, magnitudes_KT[row, :, None] * directions[row])
            for row, kind in enumerate(KINDS)
        }
    )


def recorded(fine_KT: np.ndarray, offset: float, drift: float, rng: np.random.Generator) -> Watch:
    """A watch at 100 Hz whose clock shows offset + (1 + drift) t."""
    times = np.arange(fine_KT.shape[1])[::6] / 600
    return watch_of(fine_KT[:, ::6], offset + (1 + 1e-6 * drift) * times, rng)


def test_correlations_are_those_of_numpy_at_every_lag(rng: np.random.Generator) -> None:
    made, real = rng.standard_normal((2, 400)), rng.standard_normal((2, 460))
    made[:, 100:130], real[1, 200:260] = np.nan, np.nan
    found = correlations(made, real)
    assert len(found) == 61
    for lag in range(61):
        naive = []
        for row in range(2):
            a, b = made[row], real[row, lag : lag + 400]
            known = np.isfinite(a) & np.isfinite(b)
            naive.append(np.corrcoef(a[known], b[known])[0, 1])
        assert found[lag] == pytest.approx(np.mean(naive), abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 3.4567, -8.01])
def test_offset_that_was_put_in_is_found_between_frames(offset: float, rng) -> None:
    fine = wandering(60, seed=1)
    curve = Curve(np.arange(2400) / RATE, fine[:, 6000:30000:10])  # 40 s from second 10 on
    watch = recorded(fine, 1_700_000_000.0 + offset, 0, rng)
    found = align([curve], watch, 1_700_000_010.0, AlignmentConfig(search=10))
    assert found.offset == pytest.approx(offset, abs=2e-3)
    assert found.correlation > 0.999
    assert (found.drift, found.matches) == (0, True)


def test_drift_is_found_where_it_is_looked_for_and_costs_where_it_is_not(rng) -> None:
    fine = wandering(300, seed=2)
    # Two stretches far apart, as sets of a workout; the first does not begin at zero.
    curves = [
        Curve(start + np.arange(1200) / RATE, fine[:, int(600 * start) :][:, : 1200 * 10 : 10])
        for start in (30.0, 250.0)
    ]
    watch = recorded(fine, 5.5, 400.0, rng)
    found = align(curves, watch, 4.0, AlignmentConfig(search=5, drift=500))
    assert found.drift == pytest.approx(400, abs=20)
    assert found.offset == pytest.approx(1.5, abs=5e-3)
    assert found.correlation > 0.999
    times = found.watch_times(curves[1].times_T, 4.0)
    np.testing.assert_allclose(times, 5.5 + 1.0004 * curves[1].times_T, atol=3e-3)
    assert align(curves, watch, 4.0, AlignmentConfig(search=5)).correlation < 0.97


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_recording_does_not_match(seed: int, rng) -> None:
    curve = Curve(np.arange(2400) / RATE, wandering(40, seed=50 + seed)[:, ::10])
    watch = recorded(wandering(60, seed=seed), -10.0, 0, rng)
    found = align([curve], watch, 0.0, AlignmentConfig(search=10))
    assert not found.matches
    assert "match" in found.verdict


def test_recording_of_nothing_but_rest_does_not_match(rng) -> None:
    curve = Curve(np.arange(600) / RATE, wandering(10, seed=3)[:, ::10])
    still = np.full((2, 3000), [[9.81], [0.0]])
    found = align([curve], watch_of(still, np.arange(3000) / 100, rng), 5.0, AlignmentConfig())
    assert (found.correlation, found.matches) == (0, False)


def test_no_time_in_common_is_one_line(rng) -> None:
    curve = Curve(np.arange(600) / RATE, wandering(10, seed=3)[:, ::10])
    watch = recorded(wandering(20, seed=3), 1000.0, 0, rng)
    with pytest.raises(UserError, match=r"0.0 to 10.0 s .* recording at 1000.0 to 1020.0 s"):
        align([curve], watch, 0.0, AlignmentConfig(search=60))


def test_best_offset_at_the_end_of_the_search_is_said(rng) -> None:
    fine = wandering(60, seed=1)
    curve = Curve(np.arange(1200) / RATE, fine[:, 6000:18000:10])
    found = align([curve], recorded(fine, 1.05, 0, rng), 10.0, AlignmentConfig(search=1.0))
    assert found.at_edge
    assert "widen alignment.search" in found.verdict


def test_measures_of_a_gain_and_a_shift_are_known_in_closed_form(rng: np.random.Generator) -> None:
    made = np.abs(rng.standard_normal((2, 3000))) + 5
    real = np.stack([1.1 * made[0], made[1] + 0.5])
    acc, gyro = measure([Compared(np.arange(3000) / RATE, made, real)]).values()
    assert acc.mse == pytest.approx(np.mean((0.1 * made[0]) ** 2))
    assert acc.relative == pytest.approx(acc.mse / np.var(real[0]))
    assert (acc.correlation, acc.seconds) == (pytest.approx(1), 50)
    assert acc.spectral == pytest.approx(20 * np.log10(1.1), rel=1e-3)
    assert gyro.mse == pytest.approx(0.25)
    assert gyro.spectral == pytest.approx(0, abs=1e-9)


def test_noise_adds_its_variance(rng: np.random.Generator) -> None:
    made = 10 + np.sin(np.arange(200_000) / 20)[None].repeat(2, axis=0)
    real = made + 0.2 * rng.standard_normal(made.shape)
    acc = measure([Compared(np.arange(200_000) / RATE, made, real)])["accelerometer"]
    assert acc.mse == pytest.approx(0.04, rel=0.02)
    assert acc.correlation == pytest.approx(1 / np.sqrt(1 + 0.04 / 0.5), rel=0.01)


def test_what_was_not_recorded_counts_nowhere(rng: np.random.Generator) -> None:
    made = rng.standard_normal((2, 1000)) + 5
    real = made.copy()
    real[:, 400:600] = np.nan
    acc = measure([Compared(np.arange(1000) / RATE, made, real)])["accelerometer"]
    assert acc.seconds == pytest.approx(800 / 60)
    assert (acc.mse, acc.correlation) == (0, pytest.approx(1))
    short = [Compared(np.arange(100) / RATE, made[:, :100], made[:, :100])]
    assert measure(short)["gyroscope"].spectral is None
    with pytest.raises(ValueError, match="no accelerometer was recorded"):
        measure([Compared(np.arange(200) / RATE, made[:, 400:600], real[:, 400:600])])


def test_spectrum_is_scipys(rng: np.random.Generator) -> None:
    signal = np.cumsum(rng.standard_normal(1200))
    theirs = welch(signal, RATE, "hann", nperseg=120, noverlap=60, detrend="constant")
    np.testing.assert_allclose(frequencies(), theirs[0])
    np.testing.assert_allclose(power_spectrum([signal]), theirs[1], atol=1e-12)


def test_spectral_distance_is_that_of_its_definition() -> None:
    flat, floor = np.ones(61), FLOOR["accelerometer"]
    assert log_spectral_distance(100 * flat, flat, floor) == pytest.approx(20, rel=1e-4)
    bumpy = flat.copy()
    bumpy[frequencies() > BAND[1]] = 1e6  # outside the band nothing counts
    assert log_spectral_distance(bumpy, flat, floor) == 0
    assert np.isfinite(log_spectral_distance(0 * flat, flat, floor))


def test_pearson_of_something_still_is_zero() -> None:
    assert pearson(np.ones(50), np.arange(50.0)) == 0
