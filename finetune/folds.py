"""Groups of people for cross-validation: nobody is ever in two parts of a fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from

DEALINGS = 200
PARTS = ("train", "validation", "test")


@dataclass
class FoldsConfig:
    """`count` groups of people, each the test people of one fold.

    `validation_share` of the remaining people (at least one) decide when training stops. `split`
    names the people of train, validation and test instead, for a data set whose authors did: it is
    one fold, with `count` 1, and people that it does not name are left out.
    """

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

    Groups differ by at most one person; of DEALINGS random dealings the one with the most even
    windows per class is taken. Raises UserError for fewer than two folds, or fewer people than
    folds or than the three parts need.
    """
    people = np.unique(subjects_N)
    if config.split:
        return [_fixed_fold(config, people)]
    _check_config(config, len(people))
    rng = np.random.default_rng(seed_from("folds", seed))
    windows_PL = _count(subjects_N, labels_N, people)
    dealings = (rng.permutation(len(people)) for _ in range(DEALINGS))
    best = min(dealings, key=lambda order: _unevenness(order, windows_PL, config.count))
    groups = [people[best[k :: config.count]] for k in range(config.count)]
    folds = []
    for group in groups:
        others = rng.permutation(np.setdiff1d(people, group))
        held = min(max(1, round(config.validation_share * len(others))), len(others) - 1)
        folds.append(Fold(_names(others[held:]), _names(others[:held]), _names(group)))
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
    return Fold(*(_names(np.array(config.split[part])) for part in PARTS))


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


def windows_of(subjects_N: np.ndarray, people: Sequence[str]) -> np.ndarray:
    """Return the indices of the windows of `people`."""
    return np.flatnonzero(np.isin(subjects_N, people))


def take_share(labels_M: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return indices of a share of every class, at least one window each.

    With the same seed a larger share contains every smaller one.
    """
    rng = np.random.default_rng(seed_from("share", seed))
    taken = []
    for label in np.unique(labels_M):
        shuffled = rng.permutation(np.flatnonzero(labels_M == label))
        taken.append(shuffled[: max(1, round(share * len(shuffled)))])
    return np.sort(np.concatenate(taken))


def _check_config(config: FoldsConfig, people: int) -> None:
    if config.count < 2:
        raise UserError(f"folds.count is {config.count}; at least 2")
    if not 0 < config.validation_share < 1:
        raise UserError(f"folds.validation_share is {config.validation_share}; between 0 and 1")
    largest_group = -(-people // config.count)
    if people < config.count or people - largest_group < 2:
        raise UserError(
            f"folds.count is {config.count} but the target has {people} people; every fold needs "
            "people of its own for test, for validation and for training"
        )


def _count(subjects_N: np.ndarray, labels_N: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the number of windows by person and label."""
    windows_PL = np.zeros((len(people), int(labels_N.max()) + 1))
    np.add.at(windows_PL, (np.searchsorted(people, subjects_N), labels_N), 1)
    return windows_PL


def _unevenness(order: np.ndarray, windows_PL: np.ndarray, count: int) -> float:
    sums_GL = np.stack([windows_PL[order[k::count]].sum(0) for k in range(count)])
    return float(sums_GL.var(0).sum())


def _names(people: np.ndarray) -> tuple[str, ...]:
    return tuple(sorted(str(name) for name in people))
