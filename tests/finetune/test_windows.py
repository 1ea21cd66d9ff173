"""Windows against closed forms. Shape letters: T samples or frames, W wrists, C channels."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from finetune.targets.assemble import Stream, assemble
from finetune.targets.recording import UNLABELLED, Recording
from finetune.windows import RATE, WindowsConfig, cut_windows, resample
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


def amplitude_error(times_T: np.ndarray, frequency: float, wanted: float = 1.0) -> float:
    """Return the root mean square of what is not the wave, relative to a wave's of amplitude 1."""
    resampled = resample(wave(times_T, frequency), times_T)[60:-60]
    grid_T = times_T[0] + np.arange(60, 60 + len(resampled)) / 60
    return float(np.sqrt(2 * np.mean((resampled - wanted * wave(grid_T, frequency)) ** 2)))


@pytest.mark.parametrize("rate", [50.0, 60.0, 64.0, 100.0, 104.2, 200.0])
def test_sweep_through_what_passes_and_what_is_stopped(rate: float) -> None:
    times_T = np.arange(int(10 * rate)) / rate
    for frequency in (0.5, 2, 5, 10, 15, 20):
        assert amplitude_error(times_T, frequency) < 0.01
    for frequency in range(36, int(rate / 2), 8):
        assert amplitude_error(times_T, frequency, wanted=0) < 0.005
        grid_T = np.arange(0, 10, 1 / 60)
        naive = np.interp(grid_T, times_T, wave(times_T, frequency)[:, 0])
        assert np.sqrt(2 * np.mean(naive**2)) > 0.3


def test_sweep_at_uneven_times() -> None:
    """A watch's 104 Hz, each step 30 % longer or shorter."""
    rng = np.random.default_rng(0)
    times_T = np.cumsum(rng.uniform(0.7, 1.3, 1200)) / 104
    grid_T = times_T[0] + np.arange(60, 600) / 60
    for frequency, allowed in ((5, 0.002), (10, 0.005), (15, 0.015)):
        error = amplitude_error(times_T, frequency)
        truth_T = wave(grid_T, frequency)[:, 0]
        naive = np.interp(grid_T, times_T, wave(times_T, frequency)[:, 0])
        assert error < allowed
        assert error < np.sqrt(2 * np.mean((naive - truth_T) ** 2)) / 5
    assert amplitude_error(times_T, 47, wanted=0) < 0.25


def test_nothing_overshoots_between_samples_close_together_and_far_apart() -> None:
    times_T = np.delete(np.arange(200) / 100, slice(101, 119))
    times_T = np.insert(times_T, 100, times_T[100] - 0.0005)
    signal_T1 = np.zeros((len(times_T), 1))
    signal_T1[101] = 1.0
    assert np.abs(resample(signal_T1, times_T)).max() < 1.3


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


def test_of_equally_many_the_unlabelled_and_then_the_first_label_win() -> None:
    labels_T = np.repeat([2, 1, 1, UNLABELLED], 60)
    windows = cut_windows(
        made_target.target(plain(4, labels_T=labels_T)), WindowsConfig(seconds=2, overlap=0.0)
    )
    np.testing.assert_allclose(windows.starts_N, [0])
    assert windows.labels_N.tolist() == [1]


def test_a_stretch_without_values_is_a_gap() -> None:
    times_N = np.arange(600) / 60
    values_N6 = np.ones((600, 6))
    values_N6[200:230, 4] = np.nan
    recording = assemble("a", "a", [Stream(0, times_N, values_N6)], np.zeros(600, dtype=int))
    windows = cut_windows(made_target.target(recording), WindowsConfig(seconds=1, overlap=0.0))
    np.testing.assert_allclose(windows.starts_N[:3], [0, 1, 2], atol=1e-6)
    np.testing.assert_allclose(windows.starts_N[3:], np.arange(6) + 230 / 60, atol=1e-6)


def test_labels_keep_their_time_when_the_rate_changes() -> None:
    labels_T = np.repeat([0, 1], [50 * 6, 50 * 6])
    windows = cut_windows(
        made_target.target(plain(12, rate=50, labels_T=labels_T)),
        WindowsConfig(seconds=1, overlap=0.0),
    )
    assert windows.labels_N.tolist() == [0] * 6 + [1] * 6


@pytest.mark.parametrize("rate", [50, 49.99, 49.999, 59.95, 100.05])
def test_labels_and_starts_keep_their_time_for_an_hour(rate: float) -> None:
    """The signal is the label's number, which changes every 6.4 s."""
    times_T = np.arange(int(3600 * rate)) / rate
    labels_T = (times_T // 6.4).astype(int) % 3
    signals_TWC = np.zeros((len(times_T), 2, 6))
    signals_TWC[:, 0, 0] = labels_T
    windows = cut_windows(
        made_target.target(made_target.recording(signals_TWC, times_T, labels_T)),
        WindowsConfig(seconds=2, overlap=0.0),
    )
    assert len(windows) == 1800
    # No change lies within 0.2 s of a window's middle.
    middles_N = windows.starts_N + 1
    np.testing.assert_array_equal(windows.labels_N, middles_N // 6.4 % 3)
    np.testing.assert_array_equal(windows.signals_NTWC[:, 60, 0, 0].round(), windows.labels_N)


def test_an_odd_rate_neither_weakens_nor_shifts_a_fast_wave_in_a_long_recording() -> None:
    times_T = np.arange(int(3600 * 49.99)) / 49.99
    resampled_T1 = resample(wave(times_T, 20.0), times_T)[60:-60]
    assert np.sqrt(2 * np.mean(resampled_T1**2)) == pytest.approx(1, abs=0.01)
    expected_T1 = wave(1 + np.arange(len(resampled_T1)) / RATE, 20.0)
    # A twentieth of a frame is a tenth of a radian of it.
    np.testing.assert_allclose(resampled_T1, expected_T1, atol=0.12)


def test_samples_that_share_an_instant_between_two_gaps_make_no_window() -> None:
    times_T = np.concatenate([np.arange(0, 4, 0.02), [10, 10 + 1e-5], np.arange(20, 24, 0.02)])
    signals_TWC = np.zeros((len(times_T), 2, 6))
    target = made_target.target(made_target.recording(signals_TWC, times_T))
    windows = cut_windows(target, WindowsConfig(seconds=2, overlap=0.0))
    np.testing.assert_allclose(windows.starts_N, [0, 2, 20, 22])


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


def worn_watch(mirrored: bool, rate: int = 6000) -> np.ndarray:
    """Return what a watch on a moving rigid arm reads (T, 6) at 60 Hz, by finite differences.

    `mirrored` reflects the whole motion in the world's plane x = 0. The watch on the other wrist
    is no mirror image, which would be left-handed: its x points to the elbow, not to the hand.
    """
    time_T = np.arange(-10, rate + 10) / rate
    angles_T3 = np.stack([np.sin((2 + k) * time_T + k) for k in range(3)], 1)
    axes_T33 = Rotation.from_euler("xyz", angles_T3).as_matrix()
    path_T3 = np.stack([np.cos((3 - k) * time_T + k) for k in range(3)], 1)
    place_T3 = path_T3 + axes_T33 @ np.array([0.25, 0.02, 0.03])
    if mirrored:
        world = np.diag([-1.0, 1.0, 1.0])
        place_T3 = place_T3 @ world
        axes_T33 = world @ axes_T33 @ np.diag([-1.0, 1.0, 1.0])
    speeding_T3 = np.gradient(np.gradient(place_T3, axis=0), axis=0) * rate**2
    force_T3 = np.einsum("tji,tj->ti", axes_T33, speeding_T3 + np.array([0, 9.81, 0]))
    turns = Rotation.from_matrix(np.swapaxes(axes_T33[:-2], 1, 2) @ axes_T33[2:])
    turning_T3 = np.zeros_like(force_T3)
    turning_T3[1:-1] = turns.as_rotvec() * rate / 2
    return np.concatenate([force_T3, turning_T3], 1)[10:-10][:: rate // 60]


@pytest.mark.parametrize("side", ["left", "right"])
def test_signs_of_the_mirror_are_those_of_a_mirrored_motion(side: str) -> None:
    signals_TWC = np.zeros((60, 2, 6))
    to, origin = (0, 1) if side == "left" else (1, 0)
    signals_TWC[:, origin] = worn_watch(mirrored=True)
    other = made_target.recording(
        signals_TWC, np.arange(60) / 60, wrists=(origin == 0, origin == 1)
    )
    windows = cut_windows(made_target.target(other), WindowsConfig(seconds=1, mirror=side))
    assert windows.present_NWC[0].all(1).tolist() == [to == 0, to == 1]
    np.testing.assert_allclose(
        windows.signals_NTWC[0, :, to], worn_watch(mirrored=False), atol=1e-3
    )
    assert not windows.signals_NTWC[0, :, origin].any()


def test_a_choice_of_wrists() -> None:
    signals_TWC = np.ones((60, 2, 6)) * np.array([1.0, 2.0])[:, None]
    times_T = np.arange(60) / 60
    left, right, both = (
        made_target.recording(
            signals_TWC * np.array(wrists)[:, None], times_T, subject=name, wrists=wrists
        )
        for name, wrists in (("l", (True, False)), ("r", (False, True)), ("b", (True, True)))
    )
    target = made_target.target(left, right, both)

    def cut(wrist: str, mirror: str) -> tuple[str, list[list[bool]]]:
        windows = cut_windows(target, WindowsConfig(seconds=1, wrist=wrist, mirror=mirror))
        assert np.array_equal(windows.signals_NTWC.any(1), windows.present_NWC)
        present_NW: list[list[bool]] = windows.present_NWC.all(2).tolist()
        return "".join(windows.subjects_N), present_NW

    assert cut("as_recorded", "none")[0] == "lrb"
    assert cut("left", "none") == ("lb", [[True, False]] * 2)
    assert cut("left", "left") == ("lrb", [[True, False]] * 3)
    assert cut("right", "none") == ("rb", [[False, True]] * 2)
    assert cut("right", "right") == ("lrb", [[False, True]] * 3)
    assert cut("both", "left") == ("b", [[True, True]])


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
        ({"wrist": "up"}, "windows.wrist is up; one of as_recorded, left, right, both"),
        ({"wrist": "both"}, "windows.wrist both"),
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


def test_a_missing_sample_costs_no_window_at_the_end() -> None:
    time_T = np.delete(np.arange(800) / 50, 100)
    signals_TWC = np.random.default_rng(0).normal(size=(799, 2, 6))
    signals_TWC[:, 1] = 0
    uneven = made_target.target(made_target.recording(signals_TWC, time_T))
    starts_N = cut_windows(uneven, WindowsConfig(seconds=2)).starts_N
    np.testing.assert_allclose(starts_N, np.arange(15))
