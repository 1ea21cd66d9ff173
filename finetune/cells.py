"""A cell of the table: one row trained on one fold with one seed.

`run_cell` depends on its arguments alone and these can be pickled, so it runs in any process on
any machine. Shape letters: M windows of a part, K classes.
"""

import time
from dataclasses import asdict, dataclass, replace

import numpy as np

from cluster.runs import digest, seed_from
from finetune.calibration import reliability
from finetune.code_version import code_version
from finetune.config import FinetuneConfig
from finetune.fitting import Problem, fit_row, learned_windows, settings_of
from finetune.folds import make_folds, windows_of
from finetune.prepare import CellData
from finetune.rows import find_row
from finetune.scores import score, score_people
from finetune.shares import labelled
from finetune.synthetic import with_synthetic
from finetune.training import DivergedError


@dataclass(frozen=True)
class Cell:
    """What is trained: a row, on a fold, with a seed, experts and a share of the labels.

    `target` and `release` are names in the sweep; `release` is "" for a row that needs none.
    """

    row: str
    fold: int
    seed: int
    experts: int
    label_share: float = 1.0
    share_by: str = "windows"
    target: str = ""
    release: str = ""


@dataclass(frozen=True)
class Origin:
    """Digests of what a cell is computed from: windows, a release's weights, its architecture.

    `synthetic` is that of the row's synthetic windows, "" where it has none.
    """

    windows: str
    weights: str
    architecture: str
    synthetic: str = ""


@dataclass(frozen=True)
class Computed:
    """A cell's scores as JSON holds them, and its probabilities of the test windows."""

    result: dict
    test_M: np.ndarray
    probabilities_MK: np.ndarray


def cell_digest(cell: Cell, config: FinetuneConfig, origin: Origin) -> str:
    """Return the name of a cell's result: a digest of everything that decides it.

    The names of target and release do not: another sweep may call them otherwise.
    """
    row = find_row(cell.row)
    known = {
        "pretrained": [origin.weights, origin.architecture],
        "random": origin.architecture,
        "none": None,
    }
    what = {**asdict(cell), "target": None, "release": None}
    return digest(
        {
            "cell": what,
            "row": {**asdict(row), "title": None, "about": None},
            "folds": asdict(config.folds),
            "settings": settings_of(row, config),
            "windows": origin.windows,
            "synthetic": origin.synthetic,
            "weights": known[row.weights],
            "code": code_version(__name__),
        }
    )


def run_cell(cell: Cell, config: FinetuneConfig, data: CellData) -> Computed:
    """Train and test one cell.

    Test people are looked at once, after the weights are chosen. Raises
    `training.DivergedError` for probabilities that are not finite.
    """
    started = time.monotonic()
    windows = data.windows
    subjects_N, labels_N = windows.subjects_N, windows.labels_N
    fold = make_folds(subjects_N, labels_N, config.folds, cell.seed)[cell.fold]
    share = (cell.label_share, cell.share_by, cell.seed)
    train_M = labelled(subjects_N, labels_N, fold.train, *share)
    validation_M = labelled(subjects_N, labels_N, fold.validation, *share)
    test_M = windows_of(subjects_N, fold.test)
    row = find_row(cell.row)
    given, learnt_M = data, train_M
    if row.synthetic:
        joined, learnt_M = with_synthetic(windows, data.synthetic[row.synthetic], train_M)
        # The stored tokens are of real windows alone.
        given = replace(data, windows=joined, tokens_VNLD=data.tokens_VNLD[:, :0])
    seed = seed_from("cell", cell.row, cell.fold, cell.seed)
    problem = Problem(given, learnt_M, validation_M, cell.experts, seed, encoder_seed=cell.seed)
    fitted = fit_row(row, problem, config)
    probabilities_MK = fitted.predict(test_M).astype(np.float32)
    if not np.isfinite(probabilities_MK).all():
        raise DivergedError("the probabilities of the test windows are not finite")
    predicted_M, true_M = probabilities_MK.argmax(1), labels_N[test_M]
    classes = len(windows.label_names)
    learned_M = learned_windows(row, replace(problem, train_M=train_M), config.training)
    people = score_people(true_M, predicted_M, subjects_N[test_M], classes)
    result = {
        "cell": asdict(cell),
        "people": asdict(fold),
        "scores": asdict(score(true_M, predicted_M, classes)),
        "scores_by_person": {name: asdict(scores) for name, scores in people.items()},
        "reliability": asdict(reliability(true_M, probabilities_MK)),
        "history": fitted.history,
        "details": fitted.details,
        "windows": {
            "train": len(train_M),
            "synthetic": len(learnt_M) - len(train_M),
            "validation": len(validation_M),
            "test": len(test_M),
        },
        "unseen_classes": [
            windows.label_names[label] for label in np.setdiff1d(labels_N, labels_N[learned_M])
        ],
        "parameters": fitted.parameters,
        "seconds": time.monotonic() - started,
    }
    return Computed(result, test_M, probabilities_MK)
