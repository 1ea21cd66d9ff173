"""Few labels: which windows of the training and validation people may be seen.

Both parts are limited alike: whoever has few labels has none to spare for deciding when to stop.
Shape letters: N windows, M windows of a part.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from
from finetune.folds import windows_of


def labelled(
    subjects_N: np.ndarray,
    labels_N: np.ndarray,
    people: Sequence[str],
    share: float,
    share_by: str,
    seed: int,
) -> np.ndarray:
    """Return indices of the windows of `people` whose labels may be seen.

    With the same seed a larger share contains every smaller one, and 1 is all windows.
    """
    own_M = windows_of(subjects_N, people)
    return own_M[SHARES[share_by](subjects_N[own_M], labels_N[own_M], share, seed)]


def check_share(share: float, share_by: str) -> None:
    """Raise UserError for a share out of range, or an unknown way to take it."""
    if not 0 < share <= 1:
        raise UserError(f"label_shares: {share:g} is not a share; above 0 up to 1")
    if share_by not in SHARES:
        raise UserError(f"share_by is {share_by}; it is one of {', '.join(SHARES)}")


def _by_windows(
    subjects_M: np.ndarray, labels_M: np.ndarray, share: float, seed: int
) -> np.ndarray:
    """Return indices of a share of every class, at least one window each."""
    rng = np.random.default_rng(seed_from("share", seed))
    taken = []
    for label in np.unique(labels_M):
        shuffled = rng.permutation(np.flatnonzero(labels_M == label))
        taken.append(shuffled[: max(1, round(share * len(shuffled)))])
    return np.sort(np.concatenate(taken))


def _by_people(subjects_M: np.ndarray, labels_M: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return indices of all windows of a share of the people, at least one person."""
    rng = np.random.default_rng(seed_from("share of people", seed))
    shuffled = rng.permutation(np.unique(subjects_M))
    return windows_of(subjects_M, shuffled[: max(1, round(share * len(shuffled)))])


Taking = Callable[[np.ndarray, np.ndarray, float, int], np.ndarray]
SHARES: dict[str, Taking] = {"windows": _by_windows, "people": _by_people}
