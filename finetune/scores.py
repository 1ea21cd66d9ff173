"""Scores of predicted against true labels.

Shape letters: M windows, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix


@dataclass(frozen=True)
class Scores:
    """Macro F1, accuracy, F1 by class, counts of windows by true (row) and predicted class."""

    macro_f1: float
    accuracy: float
    class_f1: list[float]
    confusion: list[list[int]]


def score(true_M: np.ndarray, predicted_M: np.ndarray, classes: int) -> Scores:
    """Score predictions; macro F1 is the mean over the classes that are true or predicted."""
    return score_confusion(confusion_matrix(true_M, predicted_M, labels=np.arange(classes)))


def score_confusion(confusion_KK: np.ndarray) -> Scores:
    """Return the scores of predictions that are counted already."""
    class_f1 = f1_by_class(confusion_KK)
    occurs_K = confusion_KK.sum(0) + confusion_KK.sum(1) > 0
    return Scores(
        macro_f1=float(class_f1[occurs_K].mean()),
        accuracy=float(np.trace(confusion_KK) / max(confusion_KK.sum(), 1)),
        class_f1=class_f1.tolist(),
        confusion=confusion_KK.tolist(),
    )


def score_people(
    true_M: np.ndarray, predicted_M: np.ndarray, subjects_M: np.ndarray, classes: int
) -> dict[str, Scores]:
    """Score each person's windows by themselves."""
    return {
        str(person): score(true_M[own_M], predicted_M[own_M], classes)
        for person in np.unique(subjects_M)
        for own_M in [subjects_M == person]
    }


def f1_by_class(confusion_KK: np.ndarray) -> np.ndarray:
    """Return F1 = 2 hits / (true + predicted) of each class, 0 where there are neither."""
    hits_K = np.diagonal(confusion_KK)
    either_K = confusion_KK.sum(0) + confusion_KK.sum(1)
    return 2 * hits_K / either_K.clip(min=1)


def macro_f1_of_present(confusion_KK: np.ndarray) -> float:
    """Return the mean F1 over the classes that occur: the score of one person's windows."""
    return float(f1_by_class(confusion_KK)[confusion_KK.sum(1) > 0].mean())


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
