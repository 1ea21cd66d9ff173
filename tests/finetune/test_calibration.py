"""The expected calibration error against its definition. Shape letters: M windows, K classes."""

import numpy as np
import pytest

from finetune.calibration import BINS, pooled, reliability


def naive_error(true_M: np.ndarray, probabilities_MK: np.ndarray) -> float:
    total = 0.0
    for number in range(BINS):
        confidences, hits = [], []
        for true, own in zip(true_M, probabilities_MK, strict=True):
            if number / BINS < max(own) <= (number + 1) / BINS:
                confidences.append(max(own))
                hits.append(float(list(own).index(max(own)) == true))
        if hits:
            gap = abs(sum(hits) / len(hits) - sum(confidences) / len(confidences))
            total += len(hits) / len(true_M) * gap
    return total


def drawn(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    probabilities_MK = rng.dirichlet(np.full(4, 0.5), count)
    return rng.integers(0, 4, count), probabilities_MK


def test_the_error_is_that_of_the_definition(rng: np.random.Generator) -> None:
    true_M, probabilities_MK = drawn(rng, 300)
    found = reliability(true_M, probabilities_MK)
    assert found.error == pytest.approx(naive_error(true_M, probabilities_MK))
    assert sum(found.windows) == 300


def test_parts_add_up_to_the_whole(rng: np.random.Generator) -> None:
    true_M, probabilities_MK = drawn(rng, 200)
    parts = [reliability(true_M[own], probabilities_MK[own]) for own in np.split(np.arange(200), 4)]
    whole = reliability(true_M, probabilities_MK)
    assert pooled(parts).hits == whole.hits
    assert pooled(parts).error == pytest.approx(whole.error)


def test_simple_cases_in_closed_form() -> None:
    sure_MK = np.array([[1.0, 0.0]] * 10)
    assert reliability(np.zeros(10, int), sure_MK).error == 0
    assert reliability(np.ones(10, int), sure_MK).error == 1
    doubtful_MK = np.array([[0.7, 0.3]] * 10)
    assert reliability(np.repeat([0, 1], [7, 3]), doubtful_MK).error == pytest.approx(0)
    assert reliability(np.repeat([0, 1], [5, 5]), doubtful_MK).error == pytest.approx(0.2)


def test_confident_probabilities_are_calibrated_where_they_are_true(
    rng: np.random.Generator,
) -> None:
    probabilities_MK = rng.dirichlet(np.ones(3), 20_000)
    true_M = (rng.random((20_000, 1)) > probabilities_MK.cumsum(1)).sum(1)
    assert reliability(true_M, probabilities_MK).error < 0.015
