"""Whole recordings and single samples give the same answers.

Shape letters: T samples, W wrists, C channels, X channels of a recording, K classes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.errors import UserError
from finetune import export
from finetune.classifier_release import load_classifier
from finetune.recogniser import Classifier, Prediction, described
from finetune.streaming import SlidingWindows, windows_of
from finetune.windows import MIRROR_SIGNS_C, RATE, WindowsConfig, cut_windows
from tests.finetune import made_target
from tests.finetune.made_classifier import KINDS, fitted, moving, times_of, worn_on


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return load_classifier(folder)


def streamed(classifier: Classifier, times_T: np.ndarray, signals_TX: np.ndarray) -> list:
    stream = classifier.stream()
    found: list[Prediction] = []
    for time, values_X in zip(times_T.tolist(), signals_TX.tolist(), strict=True):
        found += stream.feed(time, values_X)
    return found + stream.finish()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_a_stream_gives_what_the_whole_recording_gives(
    classifier: Classifier, kind: str, overlap: float
) -> None:
    windows = replace(classifier.windows, overlap=overlap)
    classifier = replace(classifier, windows=windows)
    times_T = times_of(kind)
    signals_TX = moving(times_T)
    signals_TX[40:42] = np.nan  # counts as missing, in both
    whole = classifier.predict(signals_TX, times_T)
    parts = streamed(classifier, times_T, signals_TX)
    assert len(parts) == len(whole) > 2
    np.testing.assert_array_equal([each.start for each in parts], whole.starts_N)
    np.testing.assert_allclose([each.end for each in parts], whole.ends_N)
    found_NK = np.array([each.probabilities_K for each in parts])
    np.testing.assert_allclose(found_NK, whole.probabilities_NK, atol=1e-5)
    assert [each.label for each in parts] == whole.labels


def test_a_sample_without_a_time_counts_for_neither(classifier: Classifier) -> None:
    times_T = times_of("50 Hz")
    signals_TX = moving(times_T)
    times_T[[0, 70]] = np.nan
    whole = classifier.predict(signals_TX, times_T)
    parts = streamed(classifier, times_T, signals_TX)
    np.testing.assert_array_equal([each.start for each in parts], whole.starts_N)
    assert [each.label for each in parts] == whole.labels


@pytest.mark.parametrize("kind", KINDS)
def test_windows_are_those_of_training(kind: str) -> None:
    """Away from the ends of a window's surroundings the filter sees what it sees in training."""
    times_T = times_of(kind)
    signals_TX = moving(times_T)
    config = WindowsConfig(seconds=2)
    signals_TWC = np.stack([signals_TX, np.zeros_like(signals_TX)], axis=1)
    target = made_target.target(made_target.recording(signals_TWC, times_T))
    trained = cut_windows(target, config)
    found = list(windows_of(times_T, signals_TX, config))
    np.testing.assert_allclose([start for start, _ in found], trained.starts_N, atol=1e-9)
    differences = np.array([each for _, each in found]) - trained.signals_NTWC[:, :, 0]
    assert np.abs(differences).max() < 0.03


@pytest.mark.parametrize("kind", ["25 Hz", "50 Hz", "60.1 Hz", "99.6 Hz", "uneven"])
def test_a_window_is_what_was_measured_then(kind: str) -> None:
    times_T = times_of(kind)
    for start, window_FX in windows_of(times_T, moving(times_T), WindowsConfig(seconds=2)):
        expected = moving(start + np.arange(2 * RATE) / RATE)
        np.testing.assert_allclose(window_FX[5:-5], expected[5:-5], atol=0.05)


def with_steps(seed: int) -> np.ndarray:
    """Times of 50 Hz with a few steps of up to 1.4 s; every second seed's are uneven as well."""
    rng = np.random.default_rng(seed)
    steps_T = rng.uniform(0.012, 0.028, 900) if seed % 2 else np.full(900, 0.02)
    steps_T[rng.choice(900, 12, replace=False)] = rng.uniform(0.3, 1.4, 12)
    return np.cumsum(steps_T)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.95])
def test_a_step_in_time_that_is_bridged_shifts_nothing(seed: int, overlap: float) -> None:
    """Straight lines stay straight over it, so the window of a clock tells its own times."""
    times_T = with_steps(seed)
    config = WindowsConfig(seconds=2, overlap=overlap, max_gap=1.5)
    found = list(windows_of(times_T, times_T[:, None], config))
    for start, window_F1 in found:
        np.testing.assert_allclose(window_F1[:, 0], start + np.arange(120) / RATE, atol=0.02)
    clocks_TWC = np.zeros((len(times_T), 2, 6)) + times_T[:, None, None]
    trained = cut_windows(made_target.target(made_target.recording(clocks_TWC, times_T)), config)
    np.testing.assert_allclose([start for start, _ in found], trained.starts_N, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("max_gap", [0.4, 0.8, 1.5])
def test_a_stream_bridges_steps_as_the_whole_recording_does(
    seed: int, overlap: float, max_gap: float
) -> None:
    times_T = with_steps(seed)
    signals_TX = moving(times_T)
    config = WindowsConfig(seconds=1, overlap=overlap, max_gap=max_gap)
    sliding = SlidingWindows(config)
    parts = []
    for time, values_X in zip(times_T.tolist(), signals_TX.tolist(), strict=True):
        parts += sliding.push(time, values_X)
    parts += sliding.finish()
    whole = list(windows_of(times_T, signals_TX, config))
    assert [start for start, _ in parts] == [start for start, _ in whole]
    for (_, part_FX), (_, whole_FX) in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part_FX, whole_FX)


def test_a_window_comes_as_soon_as_what_follows_is_known_and_old_samples_are_forgotten() -> None:
    sliding = SlidingWindows(WindowsConfig(seconds=2, overlap=0.5))
    came = []
    for number in range(60 * 50):
        found = sliding.push(number / 50, [float(number)])
        came += [(number / 50, start) for start, _ in found]
        assert len(sliding._times) <= 50 * (2 + 2 * 0.5 + 1)
    assert came == [(pytest.approx(start + 2.5), start) for start in range(58)]
    with pytest.raises(UserError, match="do not rise"):
        sliding.push(1.0, [0.0])


def test_a_right_wrist_is_mirrored_onto_the_left(classifier: Classifier) -> None:
    times_T = times_of("50 Hz")
    signals_TC = moving(times_T)
    left = classifier.predict(signals_TC, times_T)
    right = classifier.predict(signals_TC * MIRROR_SIGNS_C, times_T, wrist="right")
    np.testing.assert_allclose(left.probabilities_NK, right.probabilities_NK, atol=1e-5)
    assert np.abs(left.probabilities_NK.sum(1) - 1).max() < 1e-5


def test_a_left_wrist_is_mirrored_onto_the_right(classifier: Classifier) -> None:
    """The same weights read a right wrist where windows were mirrored onto that one."""
    other = replace(
        classifier,
        windows=replace(classifier.windows, mirror="right"),
        inputs=("right wrist with gyroscope",),
    )
    windows_NTX = np.random.default_rng(0).normal(size=(2, 120, 6))
    placed_NTWC = other._placed(windows_NTX, "left")
    assert not placed_NTWC[:, :, 0].any()
    np.testing.assert_allclose(placed_NTWC[:, :, 1], windows_NTX * MIRROR_SIGNS_C, rtol=1e-6)
    np.testing.assert_allclose(other._placed(windows_NTX, "right")[:, :, 1], windows_NTX, rtol=1e-6)
    assert other.present_WC("left", 6).tolist() == [[False] * 6, [True] * 6]


@pytest.mark.parametrize("mirror", ["left", "right", "none"])
@pytest.mark.parametrize("wrist", ["as_recorded", "left", "right", "both"])
@pytest.mark.parametrize("worn", ["left", "right", "both"])
def test_wrists_stand_where_they_stood_in_training(
    classifier: Classifier, mirror: str, wrist: str, worn: str
) -> None:
    """What a classifier makes of a recording is what `cut_windows` makes of it, or it refuses."""
    wrists = (worn != "right", worn != "left")
    times_T = np.arange(120) / 60
    signals_TWC = np.random.default_rng(0).normal(size=(120, 2, 6)) * np.array(wrists)[:, None]
    config = WindowsConfig(2, mirror=mirror, wrist=wrist)
    target = made_target.target(made_target.recording(signals_TWC, times_T, wrists=wrists))
    own_NTX = signals_TWC[:, list(wrists)].reshape(1, 120, -1)
    try:
        trained = cut_windows(target, config)
    except UserError:
        other = {"left": (True, False), "right": (False, True), "both": (True, True)}[wrist]
        trained_WC = made_target.recording(signals_TWC, times_T, wrists=other).present_WC
        refusing = replace(classifier, windows=config, inputs=(described(trained_WC),))
        with pytest.raises(UserError, match="the classifier was trained on"):
            refusing.present_WC(worn, own_NTX.shape[2])
        return
    fitting = replace(classifier, windows=config, inputs=(described(trained.present_NWC[0]),))
    present_WC = fitting.present_WC(worn, own_NTX.shape[2])
    np.testing.assert_array_equal(present_WC, trained.present_NWC[0])
    np.testing.assert_allclose(fitting._placed(own_NTX, worn), trained.signals_NTWC, atol=1e-6)


def test_both_wrists_and_missing_sensors(tiny_release: Path, tmp_path: Path) -> None:
    """A classifier of two wrists takes what it was trained on, and nothing else."""
    target = worn_on(made_target.waves(people=3), (True, True))
    classifier = fitted(
        tmp_path / "model", tiny_release, target, windows=WindowsConfig(2, mirror="none")
    )
    times_T = times_of("50 Hz")
    signals_TX = moving(times_T, 12)
    signals_TWC = signals_TX.reshape(-1, 2, 6)
    found = classifier.predict(signals_TWC, times_T, wrist="both")
    _, window_FX = next(windows_of(times_T, signals_TX, classifier.windows))
    with torch.inference_mode():
        window_BTWC = torch.from_numpy(window_FX.reshape(1, 120, 2, 6)).float()
        logits = classifier.network(window_BTWC, torch.ones(1, 2, 6, dtype=torch.bool))
    np.testing.assert_allclose(found.probabilities_NK[0], logits.softmax(1)[0], atol=1e-5)
    with pytest.raises(UserError, match="was trained on left wrist with gyroscope, right wrist"):
        classifier.predict(signals_TWC[:, 0], times_T, wrist="left")
    path = tmp_path / export.NAME
    export.write_onnx(classifier, path)
    windows_NTX = np.stack(
        [each for _, each in windows_of(times_T, signals_TX, classifier.windows)]
    )
    onnx_NK = export.session(path)(windows_NTX.astype(np.float32))
    np.testing.assert_allclose(onnx_NK, found.probabilities_NK, atol=1e-4)
