"""Scores of predicted against true labels.

Shape letters: N windows, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score


@dataclass(frozen=True)
class Scores:
    """Macro F1 (unweighted mean over all classes), accuracy, F1 by class, counts by true class."""

    macro_f1: float
    accuracy: float
    class_f1: list[float]
    confusion: list[list[int]]


def score(true_N: np.ndarray, predicted_N: np.ndarray, classes: int) -> Scores:
    """Score predictions; a class that is never predicted and never true has an F1 of 0."""
    labels = np.arange(classes)
    class_f1 = f1_score(true_N, predicted_N, labels=labels, average=None, zero_division=0.0)
    return Scores(
        macro_f1=float(class_f1.mean()),
        accuracy=float(accuracy_score(true_N, predicted_N)),
        class_f1=class_f1.tolist(),
        confusion=confusion_matrix(true_N, predicted_N, labels=labels).tolist(),
    )


def score_people(
    true_N: np.ndarray, predicted_N: np.ndarray, subjects_N: np.ndarray, classes: int
) -> dict[str, Scores]:
    """Score each person's windows by themselves."""
    return {
        str(person): score(true_N[own_N], predicted_N[own_N], classes)
        for person in np.unique(subjects_N)
        for own_N in [subjects_N == person]
    }


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
