"""Nobody is in two parts of a fold. Shape letters: N windows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import UserError
from finetune.folds import Fold, FoldsConfig, check_folds, make_folds, take_share, windows_of


def windows(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    subjects_N = np.repeat([f"{person:02d}" for person in range(len(counts))], counts)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(subjects_N))
    return subjects_N[order], rng.integers(0, 4, len(subjects_N))


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=4, max_size=24),
    folds=st.integers(2, 6),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_every_person_is_tested_once_and_is_in_one_part_of_a_fold(
    counts: list[int], folds: int, share: float, seed: int
) -> None:
    subjects_N, labels_N = windows(counts, seed)
    config = FoldsConfig(min(folds, len(counts)), share)
    made = make_folds(subjects_N, labels_N, config, seed)
    people = set(subjects_N.tolist())
    sizes = [len(fold.test) for fold in made]
    assert len(made) == config.count
    assert sorted(name for fold in made for name in fold.test) == sorted(people)
    assert max(sizes) - min(sizes) <= 1
    for fold in made:
        parts = [set(fold.train), set(fold.validation), set(fold.test)]
        assert all(parts)
        assert sum(map(len, parts)) == len(people)
        assert set.union(*parts) == people
        indices = [
            windows_of(subjects_N, part) for part in (fold.train, fold.validation, fold.test)
        ]
        assert sorted(np.concatenate(indices)) == list(range(len(subjects_N)))


def test_folds_depend_on_the_seed_alone() -> None:
    subjects_N, labels_N = windows([10] * 12)
    first = make_folds(subjects_N, labels_N, FoldsConfig(), 3)
    assert first == make_folds(subjects_N, labels_N, FoldsConfig(), 3)
    assert first != make_folds(subjects_N, labels_N, FoldsConfig(), 4)


def test_groups_share_the_windows_evenly() -> None:
    counts = [100, 100, 100, 100, 100, 10, 10, 10, 10, 10]
    subjects_N, labels_N = windows(counts)
    for fold in make_folds(subjects_N, labels_N, FoldsConfig(), 0):
        assert len(windows_of(subjects_N, fold.test)) == 110


FOLDS = [Fold(("a", "b"), ("c",), ("d",)), Fold(("c",), ("d",), ("a", "b")),
         Fold(("a", "b"), ("d",), ("c",))]  # fmt: skip


def test_sound_folds_pass_the_check() -> None:
    check_folds(FOLDS, list("abcd"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": ("a", "b", "d")}, "person d is in train and test"),
        ({"validation": ("c", "d")}, "person d is in validation and test"),
        ({"validation": ("c", "a")}, "person a is in train and validation"),
        ({"train": ("a", "b", "a")}, "person a is in train and train"),
        ({"train": ("a",)}, "not those of the data"),
        ({"train": ("a", "b", "e")}, "not those of the data"),
        ({"validation": ()}, "no person in validation"),
    ],
)
def test_a_person_in_two_parts_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_folds([replace(FOLDS[0], **change), *FOLDS[1:]], list("abcd"))


def test_a_person_must_be_tested_exactly_once() -> None:
    with pytest.raises(ValueError, match="tested in several folds or in none"):
        check_folds(FOLDS[:2], list("abcd"))
    with pytest.raises(ValueError, match="tested in several folds or in none"):
        check_folds([*FOLDS, FOLDS[0]], list("abcd"))


@pytest.mark.parametrize(
    ("people", "config", "message"),
    [
        (4, FoldsConfig(5), "folds.count is 5 but the target has 4 people"),
        (3, FoldsConfig(2), "folds.count is 2 but the target has 3 people"),
        (8, FoldsConfig(1), "folds.count is 1"),
        (8, FoldsConfig(4, 0.0), "folds.validation_share"),
        (8, FoldsConfig(4, 1.0), "folds.validation_share"),
    ],
)
def test_too_few_people(people: int, config: FoldsConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_folds(*windows([10] * people), config, 0)


def test_shares_of_labels_are_nested_and_keep_every_class() -> None:
    labels_M = np.repeat([0, 1, 2], [200, 100, 3])
    smaller: set[int] = set()
    for share in (0.01, 0.1, 0.5, 1.0):
        taken = take_share(labels_M, share, seed=1)
        counts = np.bincount(labels_M[taken], minlength=3)
        assert counts.tolist() == [max(1, round(share * n)) for n in (200, 100, 3)]
        assert smaller <= set(taken)
        smaller = set(taken)
    assert set(take_share(labels_M, 0.1, 1)) != set(take_share(labels_M, 0.1, 2))
