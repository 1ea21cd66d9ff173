"""What all cells of a run share, made once: windows, pre-trained encoders, their tokens.

Shape letters: N windows, L tokens, D width.
"""

import hashlib
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from cluster.runs import digest, replace_when_whole
from finetune.cells import Cell, CellData, frozen_tokens, wrists_in_use
from finetune.config import FinetuneConfig, SweepConfig
from finetune.folds import make_folds
from finetune.rows import find_row
from finetune.targets.choose import read_target
from finetune.targets.recording import Target
from finetune.windows import RATE, Windows, cut_windows
from pretrain.encoders import ImuEncoder
from pretrain.release import Pretrained, load_pretrained

WEIGHTS = "model.safetensors"


def plan_cells(config: FinetuneConfig) -> list[Cell]:
    """Return every cell of a run or sweep, those of slow rows first so that none comes last."""
    for name, values in (("rows", config.rows), ("seeds", config.seeds)):
        if not values:
            raise UserError(f"{name} is empty; name at least one")
    experts, shares = [config.classifier.experts], [1.0]
    if isinstance(config, SweepConfig):
        experts, shares = config.experts, config.label_shares
    if not experts or min(experts) < 1:
        raise UserError(f"experts is {experts}; every number must be at least 1")
    if not shares or not all(0 < share <= 1 for share in shares):
        raise UserError(f"label_shares is {shares}; every share is above 0 and at most 1")
    cells = []
    for name in reversed(config.rows):
        mixed = find_row(name).weights != "none"
        for seed in config.seeds:
            for share in shares:
                for number in experts if mixed else [0]:
                    for fold in range(config.folds.count):
                        cells.append(Cell(name, fold, seed, number, share))
    return list(dict.fromkeys(cells))


def prepare(config: FinetuneConfig) -> tuple[Target, CellData]:
    """Read the release and the target, cut windows, encode them; UserError for what is amiss."""
    folder = Path(config.release)
    pretrained = load_pretrained(folder)
    _check_release(folder, pretrained, config)
    target = read_target(config.target)
    windows = cut_windows(target, config.windows)
    make_folds(windows.subjects_N, windows.labels_N, config.folds, config.seeds[0])
    encoders = {name: getattr(pretrained, f"imu_{name}") for name in wrists_in_use(windows)}
    release = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16]
    tokens_NLD = _stored_tokens(Path(config.output), windows, encoders, release)
    return target, CellData(windows, encoders, tokens_NLD, pretrained.model_config, release)


def _check_release(folder: Path, pretrained: Pretrained, config: FinetuneConfig) -> None:
    window = pretrained.model_config.window
    if pretrained.config.rate != RATE:
        raise UserError(f"{folder}: its encoders expect {pretrained.config.rate} Hz, not {RATE}")
    if config.windows.seconds * RATE % window:
        raise UserError(
            f"windows.seconds is {config.windows.seconds} but the encoders of {folder} read "
            f"{window / RATE:g} s at a time; give a multiple"
        )
    if config.classifier.width % config.classifier.heads:
        raise UserError(
            f"classifier.width is {config.classifier.width}; it must be a multiple of "
            f"classifier.heads, {config.classifier.heads}"
        )


def _stored_tokens(
    output: Path, windows: Windows, encoders: dict[str, ImuEncoder], release: str
) -> np.ndarray:
    """Encode all windows once for each release and data set, and keep the tokens on disk."""
    name = digest([windows.digest, release, sorted(encoders)])
    path = output / "tokens" / f"{name}.npy"
    if not path.exists():
        with replace_when_whole(path, "wb") as file:
            np.save(file, frozen_tokens(windows, encoders))
    return np.load(path, allow_pickle=False)
