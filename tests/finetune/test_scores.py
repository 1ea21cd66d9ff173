"""Scores against their definitions. Shape letters: N windows."""

import numpy as np
import pytest

from finetune.scores import macro_f1_of_present, mean_and_spread, score, score_people


def naive_f1(true_N: np.ndarray, predicted_N: np.ndarray, label: int) -> float:
    hits = sum((t == label) and (p == label) for t, p in zip(true_N, predicted_N, strict=True))
    wrong = sum((t == label) != (p == label) for t, p in zip(true_N, predicted_N, strict=True))
    return 2 * hits / (2 * hits + wrong) if hits else 0.0


def test_scores_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    true_N = rng.integers(0, 4, 200)
    predicted_N = np.where(rng.random(200) < 0.6, true_N, rng.integers(0, 5, 200))
    scores = score(true_N, predicted_N, classes=6)
    expected = [naive_f1(true_N, predicted_N, label) for label in range(6)]
    np.testing.assert_allclose(scores.class_f1, expected)
    # Class 5 is neither true nor predicted: a fold whose people never did it is not the worse.
    assert scores.macro_f1 == pytest.approx(np.mean(expected[:5]))
    assert scores.accuracy == pytest.approx(np.mean(true_N == predicted_N))
    for true, predicted in np.ndindex(6, 6):
        count = np.sum((true_N == true) & (predicted_N == predicted))
        assert scores.confusion[true][predicted] == count


def test_people_are_scored_by_themselves() -> None:
    true_N, predicted_N = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])
    people = score_people(true_N, predicted_N, np.array(["a", "a", "b", "b"]), classes=2)
    assert people["a"].macro_f1 == 1.0
    assert people["b"].macro_f1 == 0.0


def test_a_persons_score_is_over_the_classes_that_the_person_did() -> None:
    true_N, predicted_N = np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])
    confusion_KK = np.array(score(true_N, predicted_N, classes=4).confusion)
    expected = np.mean([naive_f1(true_N, predicted_N, label) for label in (0, 1)])
    assert macro_f1_of_present(confusion_KK) == pytest.approx(expected)


def test_mean_and_sample_deviation() -> None:
    assert mean_and_spread([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_spread([0.7]) == (0.7, 0.0)
