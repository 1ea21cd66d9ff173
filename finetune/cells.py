"""A cell of the table: one row trained on one fold with one seed.

`run_cell` depends on its arguments alone and these can be pickled, so it runs in any process on
any machine. Shape letters: M windows of a part.
"""

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from cluster.runs import digest, seed_from
from finetune import (
    centroid,
    classifiers,
    deepconvlstm,
    embeddings,
    experts,
    fitting,
    forest,
    linear,
    residual,
    scaling,
    svm,
    training,
    zero_shot,
)
from finetune.config import FinetuneConfig
from finetune.fitting import Problem, fit_row, settings_of
from finetune.folds import make_folds, take_share, windows_of
from finetune.prepare import CellData
from finetune.rows import find_row
from finetune.scores import score, score_people
from pretrain import encoders as pretrained_encoders

# A change in one of these makes stored results stale; the windows have a digest of their own.
DECIDING_MODULES = (
    centroid,
    classifiers,
    deepconvlstm,
    embeddings,
    experts,
    fitting,
    forest,
    linear,
    residual,
    scaling,
    svm,
    training,
    zero_shot,
    pretrained_encoders,
)


@dataclass(frozen=True)
class Cell:
    """What is trained: a row, on a fold, with a seed, experts and a share of the labels."""

    row: str
    fold: int
    seed: int
    experts: int
    label_share: float = 1.0


def cell_digest(cell: Cell, config: FinetuneConfig, data: CellData) -> str:
    """Return the name of a cell's result: a digest of everything that decides it."""
    row = find_row(cell.row)
    weights = {"pretrained": data.release, "random": asdict(data.model_config), "none": None}
    return digest(
        {
            "cell": asdict(cell),
            "folds": asdict(config.folds),
            "settings": settings_of(row, config),
            "windows": data.windows.digest,
            "weights": weights[row.weights],
            "code": [_source_digest(module) for module in DECIDING_MODULES],
        }
    )


def run_cell(cell: Cell, config: FinetuneConfig, data: CellData) -> dict:
    """Train and test one cell; return scores, history and predictions as JSON holds them.

    Test people are looked at once, after the weights are chosen.
    """
    started = time.monotonic()
    windows = data.windows
    folds = make_folds(windows.subjects_N, windows.labels_N, config.folds, cell.seed)
    fold = folds[cell.fold]
    train_M = windows_of(windows.subjects_N, fold.train)
    if cell.label_share < 1:
        train_M = train_M[take_share(windows.labels_N[train_M], cell.label_share, cell.seed)]
    validation_M = windows_of(windows.subjects_N, fold.validation)
    test_M = windows_of(windows.subjects_N, fold.test)
    seed = seed_from("cell", cell.row, cell.fold, cell.seed)
    problem = Problem(data, train_M, validation_M, cell.experts, seed, encoder_seed=cell.seed)
    fitted = fit_row(find_row(cell.row), problem, config)
    predicted_M = fitted.predict(test_M).argmax(1)
    true_M, classes = windows.labels_N[test_M], len(windows.label_names)
    people = score_people(true_M, predicted_M, windows.subjects_N[test_M], classes)
    return {
        "cell": asdict(cell),
        "people": asdict(fold),
        "scores": asdict(score(true_M, predicted_M, classes)),
        "scores_by_person": {name: asdict(scores) for name, scores in people.items()},
        "history": fitted.history,
        "details": fitted.details,
        "windows": {"train": len(train_M), "validation": len(validation_M), "test": len(test_M)},
        "predicted": predicted_M.tolist(),
        "parameters": fitted.parameters,
        "seconds": time.monotonic() - started,
    }


def _source_digest(module: ModuleType) -> str:
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()[:16]
