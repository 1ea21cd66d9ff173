"""Few labels, by windows and by people. Shape letters: N windows."""

import numpy as np
import pytest

from cluster.errors import UserError
from finetune.shares import check_share, labelled

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
PEOPLE = [f"p{number}" for number in range(8)]


def windows() -> tuple[np.ndarray, np.ndarray]:
    """Ten people with 200, 100 and 3 windows of three classes, in no order."""
    subjects_N = np.repeat([*PEOPLE, "q0", "q1"], 303)
    labels_N = np.tile(np.repeat([0, 1, 2], [200, 100, 3]), 10)
    order = np.random.default_rng(0).permutation(len(labels_N))
    return subjects_N[order], labels_N[order]


def test_by_windows_each_class_keeps_its_share_and_at_least_one() -> None:
    subjects_N, labels_N = windows()
    smaller: set[int] = set()
    for share in SHARES:
        taken = labelled(subjects_N, labels_N, PEOPLE, share, "windows", seed=1)
        assert set(subjects_N[taken]) <= set(PEOPLE)
        counts = np.bincount(labels_N[taken], minlength=3)
        assert counts.tolist() == [max(1, round(share * 8 * n)) for n in (200, 100, 3)]
        assert smaller <= set(taken)
        smaller = set(taken)
    assert len(smaller) == 8 * 303
    other = labelled(subjects_N, labels_N, PEOPLE, 0.1, "windows", seed=2)
    assert set(labelled(subjects_N, labels_N, PEOPLE, 0.1, "windows", 1)) != set(other)


def test_by_people_all_windows_of_some_are_kept() -> None:
    subjects_N, labels_N = windows()
    smaller: set[str] = set()
    for share in SHARES:
        taken = labelled(subjects_N, labels_N, PEOPLE, share, "people", seed=1)
        own = set(subjects_N[taken].tolist())
        assert len(own) == max(1, round(share * 8))
        assert len(taken) == 303 * len(own)
        assert smaller <= own <= set(PEOPLE)
        smaller = own


@pytest.mark.parametrize(
    ("share", "share_by", "message"),
    [
        (0, "windows", "label_shares: 0 is not a share"),
        (1.5, "windows", "label_shares: 1.5 is not a share"),
        (0.5, "hours", "share_by is hours; it is one of windows, people"),
    ],
)
def test_shares_that_are_none(share: float, share_by: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_share(share, share_by)
