"""Nobody is in two parts of a fold. Shape letters: N windows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import UserError
from finetune.folds import Fold, FoldsConfig, check_folds, make_folds, windows_of


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
    config = FoldsConfig("people", min(folds, len(counts)), share)
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


def test_rare_classes_are_shared_evenly_too() -> None:
    """Four of twenty people alone do a class with few windows: one for each of four groups."""
    subjects_N = np.repeat([f"{person:02d}" for person in range(20)], 50)
    labels_N = np.zeros(1000, int)
    for person in (2, 3, 11, 17):
        labels_N[50 * person : 50 * person + 2] = 1
    for seed in range(5):
        folds = make_folds(subjects_N, labels_N, FoldsConfig(count=4), seed)
        for fold in folds:
            assert labels_N[windows_of(subjects_N, fold.test)].sum() == 2
            assert labels_N[windows_of(subjects_N, fold.validation)].sum() == 2
            assert labels_N[windows_of(subjects_N, fold.train)].sum() == 4


def test_everyone_can_be_left_out_alone() -> None:
    subjects_N, labels_N = windows([10] * 7)
    folds = make_folds(subjects_N, labels_N, FoldsConfig("leave_one_out"), 0)
    assert sorted(fold.test for fold in folds) == [(f"{person:02d}",) for person in range(7)]
    assert all(len(fold.validation) == 2 and len(fold.train) == 4 for fold in folds)


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
        (4, FoldsConfig(count=5), "folds.count is 5 but the target has 4 people"),
        (3, FoldsConfig(count=2), "folds.count is 2 but the target has 3 people"),
        (8, FoldsConfig(count=1), "folds.count is 1"),
        (8, FoldsConfig("people", 4, 0.0), "folds.validation_share"),
        (8, FoldsConfig("people", 4, 1.0), "folds.validation_share"),
        (1, FoldsConfig(), "folds.count is 5 but the target has one person"),
        (2, FoldsConfig("leave_one_out"), "leave_one_out but the target has 2 people"),
        (8, FoldsConfig("alphabet"), "folds.kind is alphabet; it is one of people, leave_one_out"),
    ],
)
def test_too_few_people(people: int, config: FoldsConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_folds(*windows([10] * people), config, 0)
