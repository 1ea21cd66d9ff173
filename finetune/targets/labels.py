"""Names of activities to numbers, and labelled stretches to samples.

Shape letters: T samples, S segments.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from finetune.targets.recording import UNLABELLED

# Nobody tells more activities apart; a column of measurements has thousands of values.
MOST_LABELS = 1000


def label_indices(labels_T: np.ndarray, names: Sequence[str], where: str, mend: str) -> np.ndarray:
    """Return the index in `names` of each label, UNLABELLED for an empty one.

    Raises UserError for a label that is not in `names`; `mend` says what to do about it.
    """
    found, inverse_T = np.unique(labels_T.astype(str), return_inverse=True)
    if len(found) > MOST_LABELS:
        raise UserError(f"{where}: {len(found):,} different labels; name the column of labels")
    known = {"": UNLABELLED, **{name: index for index, name in enumerate(names)}}
    numbers = []
    for label in found.tolist():
        if label not in known:
            near = difflib.get_close_matches(label, names, n=1, cutoff=0.0)
            raise UserError(
                f"{where}: unknown label {label!r}, the nearest known is {near[0]!r}; {mend}"
            )
        numbers.append(known[label])
    return np.array(numbers, dtype=int)[inverse_T]


@dataclass(frozen=True)
class Segments:
    """Labelled stretches of a recording, [start, end) on its clock in seconds."""

    starts_S: np.ndarray
    ends_S: np.ndarray
    labels_S: np.ndarray

    def label(self, times_T: np.ndarray) -> np.ndarray:
        """Return the label of the segment around each time, UNLABELLED around none.

        Where segments overlap the one that starts later counts.
        """
        labels_T = np.full(len(times_T), UNLABELLED)
        for segment in np.argsort(self.starts_S, kind="stable"):
            start, end = self.starts_S[segment], self.ends_S[segment]
            labels_T[(times_T >= start) & (times_T < end)] = self.labels_S[segment]
        return labels_T

    def beyond(self, times_T: np.ndarray) -> int:
        """Return how many reach more than a second beyond the recording."""
        measured_T = times_T[np.isfinite(times_T)]
        if not len(measured_T):
            return 0
        before_S, behind_S = (
            self.starts_S < measured_T.min() - 1,
            self.ends_S > measured_T.max() + 1,
        )
        return int((before_S | behind_S).sum())

    def overlapping(self) -> int:
        """Return how many begin within another one of another label."""
        starts_S1 = self.starts_S[:, None]
        within_SS = (starts_S1 >= self.starts_S) & (starts_S1 < self.ends_S)
        return int((within_SS & (self.labels_S[:, None] != self.labels_S)).any(1).sum())


def check_segments(
    starts_S: np.ndarray, ends_S: np.ndarray, path: Path, first_row: int = 2
) -> None:
    """Raise UserError, naming the row, for a segment that lacks an end or ends before it starts."""
    sound_S = starts_S < ends_S
    if not sound_S.all():
        segment = int(np.flatnonzero(~sound_S)[0])
        raise UserError(
            f"{path}: row {segment + first_row}: a segment from {starts_S[segment]:.10g} to "
            f"{ends_S[segment]:.10g}; it needs a start and a later end"
        )
