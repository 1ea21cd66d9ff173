"""Groups of people for cross-validation: nobody is ever in two parts of a fold.

Shape letters: N windows, P people, L classes, G groups.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from

DRAWS = 200
FEWEST_PEOPLE = 3
PARTS = ("train", "validation", "test")


@dataclass
class FoldsConfig:
    """How people are dealt.

    `kind` is `people` (`count` groups of them, each the test people of one fold) or
    `leave_one_out` (a fold for each person; `count` is ignored). `validation_share` of the
    remaining people (at least one) decide when training stops, with `training.early_stopping`;
    without it they are learned from, too. `split` names the people of train, validation and test
    instead, for a data set whose authors did: it is one fold, with `count` 1, and people that it
    does not name are left out.
    """

    kind: str = "people"
    count: int = 5
    validation_share: float = 0.25
    split: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fold:
    """The people of one fold's three parts."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def make_folds(
    subjects_N: np.ndarray, labels_N: np.ndarray, config: FoldsConfig, seed: int
) -> list[Fold]:
    """Split the people of the windows into folds, each person in exactly one test group.

    Of DRAWS random choices of test groups, and of validation people, the one is taken that shares
    the windows of every class most evenly. Raises UserError for fewer than two folds, or fewer
    people than folds or than the three parts need.
    """
    people = np.unique(subjects_N)
    if config.split:
        return [_fixed_fold(config, people)]
    if config.kind not in KINDS:
        raise UserError(f"folds.kind is {config.kind}; it is one of {', '.join(KINDS)}")
    if not 0 < config.validation_share < 1:
        raise UserError(f"folds.validation_share is {config.validation_share}; between 0 and 1")
    rng = np.random.default_rng(seed_from("folds", seed))
    share_PL = _class_shares(subjects_N, labels_N, people)
    folds = []
    for test_G in KINDS[config.kind](share_PL, config, rng):
        others = np.setdiff1d(np.arange(len(people)), test_G)
        held = _draw_validation(others, share_PL, config.validation_share, rng)
        parts = (np.setdiff1d(others, held), held, test_G)
        folds.append(Fold(*(tuple(map(str, people[np.sort(part)])) for part in parts)))
    check_folds(folds, people)
    return folds


def _fixed_fold(config: FoldsConfig, people: np.ndarray) -> Fold:
    """Return the fold that the configuration spells out; UserError for one that cannot be."""
    if config.count != 1 or set(config.split) != set(PARTS):
        raise UserError(
            f"folds.split names {', '.join(config.split)} and folds.count is {config.count}; "
            f"it needs {', '.join(PARTS)} and a count of 1"
        )
    named = [name for part in PARTS for name in config.split[part]]
    missing = sorted(set(named) - set(people))
    if missing:
        raise UserError(f"folds.split: {missing[0]} has no window; there are {', '.join(people)}")
    twice = sorted(name for name in set(named) if named.count(name) > 1)
    if twice:
        raise UserError(f"folds.split: {twice[0]} is named twice; nobody is in two parts")
    if not all(config.split[part] for part in PARTS):
        raise UserError("folds.split: a part has nobody in it; name at least one for each")
    return Fold(*(tuple(sorted(config.split[part])) for part in PARTS))


def check_folds(folds: Sequence[Fold], people: Sequence[str] | np.ndarray) -> None:
    """Raise ValueError when a person is in two parts, or not in exactly one test group."""
    for index, fold in enumerate(folds):
        parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
        seen: dict[str, str] = {}
        for part, names in parts.items():
            if not names:
                raise ValueError(f"fold {index}: no person in {part}")
            for name in names:
                if name in seen:
                    raise ValueError(f"fold {index}: person {name} is in {seen[name]} and {part}")
                seen[name] = part
        if set(seen) != set(people):
            raise ValueError(f"fold {index}: its people are not those of the data")
    tested = sorted(name for fold in folds for name in fold.test)
    if tested != sorted(people):
        raise ValueError("a person is tested in several folds or in none")


def windows_of(subjects_N: np.ndarray, people: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the indices of the windows of `people`."""
    return np.flatnonzero(np.isin(subjects_N, people))


def _groups_of_people(
    share_PL: np.ndarray, config: FoldsConfig, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return `count` groups that differ by at most one person."""
    people, count = len(share_PL), config.count
    if count < 2:
        raise UserError(f"folds.count is {count}; at least 2")
    if people < count or people - -(-people // count) < 2:
        raise UserError(
            f"folds.count is {count} but the target has {_people(people)}; every fold needs "
            "people of its own for test, for validation and for training: "
            + ("lower folds.count" if people > FEWEST_PEOPLE else "add people, three at least")
        )
    dealings = (rng.permutation(people) for _ in range(DRAWS))
    best = min(dealings, key=lambda order: _unevenness(order, share_PL, count))
    return [best[group::count] for group in range(count)]


def _everyone_alone(
    share_PL: np.ndarray, config: FoldsConfig, rng: np.random.Generator
) -> list[np.ndarray]:
    if len(share_PL) < FEWEST_PEOPLE:
        raise UserError(
            f"folds.kind is leave_one_out but the target has {_people(len(share_PL))}; it needs "
            "one to test, one for validation and one to train on: add people"
        )
    return [np.array([person]) for person in range(len(share_PL))]


# A way to deal people returns groups of their places, each the test people of one fold.
Dealing = Callable[[np.ndarray, FoldsConfig, np.random.Generator], list[np.ndarray]]
KINDS: dict[str, Dealing] = {"people": _groups_of_people, "leave_one_out": _everyone_alone}


def _draw_validation(
    others: np.ndarray, share_PL: np.ndarray, wanted: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the people held out of `others` whose classes are most like those of all of them."""
    count = min(max(1, round(wanted * len(others))), len(others) - 1)
    aim_L = share_PL[others].sum(0) * count / len(others)
    draws = (rng.choice(others, count, replace=False) for _ in range(DRAWS))
    return min(draws, key=lambda held: np.square(share_PL[held].sum(0) - aim_L).sum())


def _class_shares(subjects_N: np.ndarray, labels_N: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return each person's share of the windows of each class, so that rare classes count too."""
    windows_PL = np.zeros((len(people), int(labels_N.max()) + 1))
    np.add.at(windows_PL, (np.searchsorted(people, subjects_N), labels_N), 1)
    return windows_PL / windows_PL.sum(0).clip(min=1)


def _unevenness(order: np.ndarray, share_PL: np.ndarray, count: int) -> float:
    sums_GL = np.stack([share_PL[order[k::count]].sum(0) for k in range(count)])
    return float(sums_GL.var(0).sum())


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"
