"""Windows against closed forms. Shape letters: T samples or frames, W wrists, C channels."""

import numpy as np
import pytest

from cluster.errors import UserError
from finetune.targets.recording import UNLABELLED, Recording
from finetune.windows import WindowsConfig, cut_windows, resample
from tests.finetune import made_target


def wave(times: np.ndarray, frequency: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * times + 0.4)[:, None]


@pytest.mark.parametrize("rate", [30.0, 50.0, 60.0, 64.0, 100.0, 104.2])
def test_a_slow_wave_survives_resampling(rate: float) -> None:
    times_T = 5.0 + np.arange(int(10 * rate)) / rate
    resampled = resample(wave(times_T, 2.0), times_T)
    grid_T = times_T[0] + np.arange(len(resampled)) / 60
    inside = slice(60, 9 * 60)
    np.testing.assert_allclose(resampled[inside], wave(grid_T, 2.0)[inside], atol=0.02)


def test_a_wave_above_half_the_new_rate_is_filtered_out() -> None:
    times_T = np.arange(2000) / 200
    resampled = resample(wave(times_T, 47.0), times_T)
    assert np.abs(resampled[60:-60]).max() < 0.02


def test_a_constant_stays_constant_up_to_the_ends() -> None:
    times_T = np.arange(500) / 50
    np.testing.assert_allclose(resample(np.full((500, 1), 9.81), times_T), 9.81, rtol=1e-3)


def test_uneven_time_stamps_are_followed() -> None:
    rng = np.random.default_rng(0)
    times_T = np.cumsum(rng.uniform(0.005, 0.015, 1000))
    resampled = resample(wave(times_T, 1.5), times_T)
    grid_T = times_T[0] + np.arange(len(resampled)) / 60
    inside = slice(60, 8 * 60)
    np.testing.assert_allclose(resampled[inside], wave(grid_T, 1.5)[inside], atol=0.02)


def plain(seconds: float, rate: int = 60, **changes: object) -> Recording:
    times_T = np.arange(int(seconds * rate)) / rate
    signals_TWC = np.zeros((len(times_T), 2, 6))
    signals_TWC[:, 0] = np.arange(6) + 1.0
    return made_target.recording(signals_TWC, times_T, **changes)


def test_number_and_starts_of_overlapping_windows() -> None:
    target = made_target.target(plain(11))
    windows = cut_windows(target, WindowsConfig(seconds=4, overlap=0.5))
    np.testing.assert_allclose(windows.starts_N, [0, 2, 4, 6])
    assert windows.signals_NTWC.shape == (4, 240, 2, 6)
    assert len(cut_windows(target, WindowsConfig(seconds=4, overlap=0.0))) == 2
    assert len(cut_windows(target, WindowsConfig(seconds=11, overlap=0.0))) == 1


def test_no_window_reaches_over_a_gap() -> None:
    times_T = np.concatenate([np.arange(0, 5, 1 / 60), np.arange(5.5, 11, 1 / 60)])
    signals_TWC = np.zeros((len(times_T), 2, 6))
    signals_TWC[times_T > 5.25] = 100.0
    target = made_target.target(made_target.recording(signals_TWC, times_T))
    windows = cut_windows(target, WindowsConfig(seconds=2, overlap=0.5, max_gap=0.2))
    np.testing.assert_allclose(windows.starts_N, [0, 1, 2, 3, 5.5, 6.5, 7.5, 8.5], atol=1e-6)
    low, high = windows.signals_NTWC[:4, ..., 0, 0], windows.signals_NTWC[4:, ..., 0, 0]
    assert np.all(low == 0)
    assert np.all(high == 100)
    bridged = cut_windows(target, WindowsConfig(seconds=2, overlap=0.5, max_gap=1.0))
    assert len(bridged) > len(windows)


def test_the_label_is_that_of_most_samples_and_unlabelled_windows_are_left_out() -> None:
    labels_T = np.repeat([2, 1, UNLABELLED], [150, 210, 240])
    windows = cut_windows(
        made_target.target(plain(10, labels_T=labels_T)), WindowsConfig(seconds=2, overlap=0.0)
    )
    np.testing.assert_allclose(windows.starts_N, [0, 2, 4])
    assert windows.labels_N.tolist() == [2, 1, 1]


def test_labels_keep_their_time_when_the_rate_changes() -> None:
    labels_T = np.repeat([0, 1], [50 * 6, 50 * 6])
    windows = cut_windows(
        made_target.target(plain(12, rate=50, labels_T=labels_T)),
        WindowsConfig(seconds=1, overlap=0.0),
    )
    assert windows.labels_N.tolist() == [0] * 6 + [1] * 6


def test_a_right_recording_is_mirrored_onto_the_left_or_left_alone() -> None:
    signals_TWC = np.zeros((120, 2, 6))
    signals_TWC[:, 1] = [1, 2, 3, 4, 5, 6]
    right = made_target.recording(signals_TWC, np.arange(120) / 60, wrists=(False, True))
    mirrored = cut_windows(made_target.target(right), WindowsConfig(seconds=1, mirror="left"))
    assert np.all(mirrored.signals_NTWC[:, :, 0] == [-1, 2, 3, 4, -5, -6])
    assert np.all(mirrored.signals_NTWC[:, :, 1] == 0)
    assert mirrored.present_NWC[:, 0].all()
    assert not mirrored.present_NWC[:, 1].any()
    kept = cut_windows(made_target.target(right), WindowsConfig(seconds=1, mirror="none"))
    assert np.all(kept.signals_NTWC[:, :, 1] == [1, 2, 3, 4, 5, 6])
    assert not kept.present_NWC[:, 0].any()
    both = made_target.recording(signals_TWC, np.arange(120) / 60, wrists=(True, True))
    unchanged = cut_windows(made_target.target(both), WindowsConfig(seconds=1, mirror="left"))
    assert np.all(unchanged.signals_NTWC[:, :, 1] == [1, 2, 3, 4, 5, 6])


def test_a_recording_without_gyroscope_says_so() -> None:
    windows = cut_windows(
        made_target.target(plain(2, has_gyroscope=False)), WindowsConfig(seconds=1)
    )
    assert windows.present_NWC[0].tolist() == [[True] * 3 + [False] * 3, [False] * 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 0}, "windows.seconds"),
        ({"overlap": 1.0}, "windows.overlap"),
        ({"max_gap": 0.0}, "windows.max_gap"),
        ({"mirror": "up"}, "windows.mirror"),
        ({"seconds": 60}, "no labelled window of 60 s"),
    ],
)
def test_mistakes_in_the_configuration(change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        cut_windows(made_target.target(plain(10)), WindowsConfig(**change))


def test_a_recording_must_be_whole() -> None:
    times_T = np.arange(10) / 50
    good = np.zeros((10, 2, 6))
    with pytest.raises(ValueError, match="NaN"):
        made_target.recording(np.where(np.arange(6) == 2, np.nan, good), times_T)
    with pytest.raises(ValueError, match="do not rise"):
        made_target.recording(good, times_T[::-1])
    with pytest.raises(ValueError, match="shape"):
        made_target.recording(good[:, 0], times_T)
