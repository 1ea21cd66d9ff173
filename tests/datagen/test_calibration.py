"""Percentile calibration: what it must undo, what it must never do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from cluster.errors import UserError
from datagen.calibration import Calibration, Signals, fit_calibration, load_calibration

FINITE = st.floats(-1e3, 1e3, width=32)


def fitted(made: np.ndarray, recorded: np.ndarray) -> Calibration:
    return fit_calibration([Signals("", made)], [Signals("ann", recorded)], {"ann"})


def test_equal_distributions_are_left_as_they_are(rng: np.random.Generator) -> None:
    values = rng.standard_normal((5000, 6)) * [3, 3, 3, 1, 1, 1]
    calibration = fitted(values, rng.permutation(values))
    probe = 3 * rng.standard_normal((1000, 6))  # beyond the outermost percentiles too
    np.testing.assert_allclose(calibration.apply(probe), probe, atol=1e-12)


def test_affine_difference_is_undone_exactly_with_its_peaks(rng: np.random.Generator) -> None:
    made = rng.gamma(2.0, size=(3000, 2))
    scale, shift = np.array([2.5, 0.4]), np.array([-1.0, 7.0])
    calibration = fitted(made, made * scale + shift)
    np.testing.assert_allclose(calibration.apply(made), made * scale + shift, atol=1e-9)
    np.testing.assert_allclose(calibration.apply(20 * made), 20 * made * scale + shift, atol=1e-8)


def test_curved_difference_is_undone_as_ranks_do(rng: np.random.Generator) -> None:
    made = rng.standard_normal((4000, 1))
    recorded = np.sinh(rng.standard_normal((4000, 1)))
    calibrated = fitted(made, recorded).apply(made)
    # IMUTube's own way: the value of the same rank.
    ranks = np.argsort(np.argsort(made[:, 0]))
    by_rank = np.sort(recorded[:, 0])[ranks]
    inside = (ranks > 40) & (ranks < 3960)
    assert np.abs(calibrated[inside, 0] - by_rank[inside]).mean() < 0.03
    before = wasserstein_distance(made[:, 0], recorded[:, 0])
    assert wasserstein_distance(calibrated[:, 0], recorded[:, 0]) < before / 5


@given(
    made=arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=FINITE),
    recorded=arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=FINITE),
    probe=arrays(np.float64, (20, 2), elements=FINITE),
)
@settings(max_examples=150, deadline=None)
def test_order_is_kept_and_percentiles_are_met(made, recorded, probe) -> None:
    calibration = fitted(made, recorded)
    probe = np.sort(probe, axis=0)
    mapped = calibration.apply(probe)
    assert np.isfinite(mapped).all()
    assert (np.diff(mapped, axis=0) >= -1e-6).all()
    met = calibration.apply(calibration.synthetic_CQ.T).T
    for channel, synthetic_Q in enumerate(calibration.synthetic_CQ):
        if (np.diff(synthetic_Q) > 0).all():
            np.testing.assert_allclose(met[channel], calibration.real_CQ[channel], atol=1e-9)


def test_channel_without_spread_is_shifted() -> None:
    calibration = fitted(np.full((10, 1), 2.0), np.full((10, 1), 5.0))
    assert calibration.apply(np.array([[2.0], [3.0]])).ravel().tolist() == [5.0, 6.0]


def test_people_outside_the_training_are_refused(rng: np.random.Generator) -> None:
    values = rng.standard_normal((50, 6))
    real = [Signals("ann", values), Signals("bob", values)]
    made = [Signals("", values)]
    fit_calibration(made, real, ["ann", "bob"])
    with pytest.raises(UserError, match="signals of bob, who is no training person"):
        fit_calibration(made, real, ["ann"])
    # Motion of a test person gives away what that person does, even where it is synthetic.
    with pytest.raises(UserError, match="signals of bob"):
        fit_calibration([Signals("bob", values)], real[:1], ["ann"])
    with pytest.raises(UserError, match="nobody"):
        fit_calibration(made, [Signals("", values)], ["ann"])


@pytest.mark.parametrize(
    ("made", "recorded", "part"),
    [
        (np.zeros((0, 6)), np.zeros((9, 6)), "no synthetic signals"),
        (np.zeros((9, 6)), np.full((9, 6), np.nan), "real signals hold NaN"),
        (np.zeros((9, 6)), np.zeros((9, 3)), "6 synthetic and 3 real channels"),
    ],
)
def test_signals_that_cannot_be_fitted_are_refused(made, recorded, part) -> None:
    with pytest.raises(UserError, match=part):
        fitted(made, recorded)


def test_saved_and_loaded_it_is_the_same(tmp_path, rng: np.random.Generator) -> None:
    calibration = fitted(rng.standard_normal((500, 6)), 2 * rng.standard_normal((500, 6)))
    path = tmp_path / "calibration.json"
    calibration.save(path)
    again, probe = load_calibration(path), rng.standard_normal((40, 6))
    np.testing.assert_array_equal(again.apply(probe), calibration.apply(probe))
    assert again.people == ("ann",)
    with pytest.raises(ValueError, match="3 channels; 6"):
        again.apply(probe[:, :3])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"synthetic_CQ": [[1, 0]], "real_CQ": [[0, 1]], "people": []}',
        '{"synthetic_CQ": [[0, 1]], "real_CQ": [[0, 1, 2]], "people": []}',
        '{"synthetic_CQ": [[0, NaN]], "real_CQ": [[0, 1]], "people": []}',
    ],
)
def test_damaged_file_is_one_line(tmp_path, text) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"calibration\.json: .*fit it again"):
        load_calibration(path)
    with pytest.raises(UserError, match="cannot be read"):
        load_calibration(tmp_path / "absent.json")
