"""How far a method's confidence can be trusted.

The expected calibration error of Guo et al. 2017 (arXiv 1706.04599): windows are put into BINS
equal intervals of confidence, the probability of the predicted class; the error is the mean over
windows of the gap between a bin's share of hits and its mean confidence.

Shape letters: M windows, K classes, B bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Sums by interval of confidence (lower edge out, upper edge in); those of parts add up."""

    windows: list[int]
    hits: list[int]
    confidence: list[float]

    @property
    def error(self) -> float:
        """Expected calibration error, from 0 to 1."""
        gaps_B = np.abs(np.array(self.hits) - np.array(self.confidence))
        return float(gaps_B.sum() / max(sum(self.windows), 1))


def reliability(true_M: np.ndarray, probabilities_MK: np.ndarray) -> Reliability:
    """Return the sums for predicted probabilities."""
    confidence_M = probabilities_MK.max(1).astype(np.float64)
    bins_M = np.clip(np.ceil(confidence_M * BINS).astype(int) - 1, 0, BINS - 1)
    hit_M = probabilities_MK.argmax(1) == true_M
    return Reliability(
        windows=np.bincount(bins_M, minlength=BINS).tolist(),
        hits=np.bincount(bins_M[hit_M], minlength=BINS).tolist(),
        confidence=np.bincount(bins_M, confidence_M, minlength=BINS).tolist(),
    )


def pooled(parts: Sequence[Reliability]) -> Reliability:
    """Return the sums over all parts."""
    return Reliability(
        windows=np.sum([part.windows for part in parts], axis=0).tolist(),
        hits=np.sum([part.hits for part in parts], axis=0).tolist(),
        confidence=np.sum([part.confidence for part in parts], axis=0).tolist(),
    )
