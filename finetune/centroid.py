"""The nearest class mean: few-shot classification by embeddings alone, nothing is trained.

Shape letters: N windows, F values of an embedding, K classes that have labelled windows.
"""

import numpy as np


class NearestClassMean:
    """Classes by the cosine to the mean of their windows' embeddings (Snell et al. 2017).

    Probabilities are the softmax of cosine / temperature: ordered, but not calibrated.
    """

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def fit(self, embeddings_NF: np.ndarray, labels_N: np.ndarray) -> "NearestClassMean":
        """Take the mean of each class that occurs; `classes_` names them."""
        self.classes_ = np.unique(labels_N)
        means = [unit_rows(embeddings_NF)[labels_N == label].mean(0) for label in self.classes_]
        self.means_KF = unit_rows(np.stack(means))
        return self

    def predict_proba(self, embeddings_NF: np.ndarray) -> np.ndarray:
        """Return class probabilities (N, K)."""
        return cosine_probabilities(unit_rows(embeddings_NF) @ self.means_KF.T, self.temperature)


def unit_rows(rows_NF: np.ndarray) -> np.ndarray:
    """Return rows of length one; rows of zeros stay."""
    lengths_N1 = np.linalg.norm(rows_NF, axis=1, keepdims=True)
    return rows_NF / np.where(lengths_N1 > 0, lengths_N1, 1.0)


def cosine_probabilities(cosine_NK: np.ndarray, temperature: float) -> np.ndarray:
    """Return the softmax over classes of cosine / temperature."""
    scores_NK = np.exp((cosine_NK - cosine_NK.max(1, keepdims=True)) / temperature)
    return scores_NK / scores_NK.sum(1, keepdims=True)
