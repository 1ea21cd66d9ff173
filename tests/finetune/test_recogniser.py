"""A classifier used from a program: what it takes, and what it refuses in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import UserError
from finetune.classifier_release import load_classifier
from finetune.recogniser import Classifier
from tests.finetune import made_target
from tests.finetune.made_classifier import fitted, moving, times_of, worn_on


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return load_classifier(folder)


def test_signals_of_another_shape_are_refused(classifier: Classifier) -> None:
    times_T = times_of("50 Hz")
    signals_TC = moving(times_T)
    for signals, times in (
        (signals_TC.T, times_T),
        (signals_TC, times_T[:-1]),
        (signals_TC[:, :3], times_T[: len(times_T) // 2]),
        (signals_TC.ravel(), times_T),
        (np.empty((0, 6)), np.empty(0)),
    ):
        with pytest.raises(UserError, match=r"signals of shape .* give \(samples, 6 or 3\) with a"):
            classifier.predict(signals, times)


def test_a_sample_without_a_time_counts_as_missing(classifier: Classifier) -> None:
    times_T = times_of("50 Hz")
    signals_TC, lost_T = moving(times_T), times_T.copy()
    lost_T[100] = np.nan
    without = classifier.predict(np.delete(signals_TC, 100, axis=0), np.delete(times_T, 100))
    found = classifier.predict(signals_TC, lost_T)
    np.testing.assert_array_equal(found.probabilities_NK, without.probabilities_NK)


def test_values_that_no_sensor_reads_give_no_label(classifier: Classifier) -> None:
    times_T = times_of("50 Hz")
    signals_TC = moving(times_T)
    signals_TC[7, 0] = np.finfo(np.float32).max
    with pytest.raises(UserError, match=r"values of up to .*e\+38 give no probabilities"):
        classifier.predict(signals_TC, times_T)


def test_too_few_samples_a_second_are_not_told_to_go_on_for_longer(classifier: Classifier) -> None:
    times_T = np.arange(60) / 4
    with pytest.raises(UserError, match=r"there are 4 samples a second; record more often"):
        classifier.predict(moving(times_T), times_T)


def test_a_stream_whose_sensors_change_ends_with_one_line(
    tiny_release: Path, tmp_path: Path
) -> None:
    waves, turnless = made_target.waves(people=2), made_target.waves(people=2)
    parts = [*worn_on(waves, (True, False)).recordings]
    parts += worn_on(turnless, (True, False), gyroscope=False).recordings
    named = [replace(each, subject=f"p{place}") for place, each in enumerate(parts)]
    stream = fitted(tmp_path / "model", tiny_release, made_target.target(*named)).stream()
    assert stream.feed(0.0, [0.0] * 6) == []
    with pytest.raises(UserError, match=r"a sample of 3 values at 0.020 s in a stream of 6; begin"):
        stream.feed(0.02, [0.0] * 3)


def test_a_gyroscope_too_many_can_be_left_out(tiny_release: Path, tmp_path: Path) -> None:
    target = worn_on(made_target.waves(people=4), (True, False), gyroscope=False)
    classifier = fitted(tmp_path / "model", tiny_release, target)
    times_T = times_of("50 Hz")
    with pytest.raises(UserError, match=r"without gyroscope, not on .*; leave the gyroscope out"):
        classifier.predict(moving(times_T), times_T)
    assert len(classifier.predict(moving(times_T)[:, :3], times_T))
