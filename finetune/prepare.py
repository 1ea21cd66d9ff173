"""What all cells of a target and a release share: windows, pre-trained encoders, their tokens.

Shape letters: V views, N windows, L tokens, D width, K classes, E embedding.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from cluster.errors import UserError
from cluster.runs import digest, replace_when_whole
from cluster.storage import local_folder, local_path
from finetune.code_version import code_version
from finetune.config import FinetuneConfig
from finetune.folds import make_folds
from finetune.placement import check_placement
from finetune.rows import find_row
from finetune.targets.recording import WRISTS
from finetune.variation import encoded_views
from finetune.windows import RATE, Windows
from finetune.zero_shot import class_embeddings
from pretrain.augment import AugmentConfig
from pretrain.encoders import ImuEncoder
from pretrain.model import ModelConfig
from pretrain.release import Pretrained, load_pretrained

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class CellData:
    """What all cells share.

    `encoders` are the pre-trained ones of the wrists in use, `tokens_VNLD` what they make of the
    windows and then of their variations, `release` a digest of their weights, `classes_KE` the
    embeddings of the classes' sentences where row `zero_shot` is wanted, `synthetic` the windows
    that rows with synthetic windows call by these names.
    """

    windows: Windows
    encoders: dict[str, ImuEncoder]
    tokens_VNLD: np.ndarray
    model_config: ModelConfig
    release: str
    classes_KE: np.ndarray | None = None
    synthetic: dict[str, Windows] = field(default_factory=dict)


def load_fitting(config: FinetuneConfig) -> Pretrained:
    """Load the release; raises as `check_fitting` does."""
    pretrained = load_pretrained(local_path(config.release))
    check_fitting(pretrained, config)
    return pretrained


def check_fitting(pretrained: Pretrained, config: FinetuneConfig) -> None:
    """Raise UserError where a release's rate, windows or placement do not fit the target."""
    folder, window = config.release, pretrained.imu_left.window
    if pretrained.config.rate != RATE:
        raise UserError(
            f"{folder}: its encoders expect {pretrained.config.rate} Hz, not {RATE}; give a "
            "release that was pre-trained on signals of this rate"
        )
    if window and config.windows.seconds * RATE % window:
        raise UserError(
            f"windows.seconds is {config.windows.seconds} but the encoders of {folder} read "
            f"{window / RATE:g} s at a time; give a multiple"
        )
    _check_placement(folder, pretrained.config.placement)


def check_people(windows: Windows, config: FinetuneConfig) -> None:
    """Raise UserError where there are too few classes or people to learn and to test."""
    present = np.unique(windows.labels_N)
    if len(present) < 2:
        raise UserError(
            f"all {len(windows)} windows are of the class {windows.label_names[present[0]]}; "
            "at least two classes are needed"
        )
    for seed in config.seeds:
        make_folds(windows.subjects_N, windows.labels_N, config.folds, seed)


def encode(config: FinetuneConfig, pretrained: Pretrained, windows: Windows) -> CellData:
    """Return what cells share; tokens are computed once for each release and data set."""
    release = weights_digest(local_path(config.release))
    shared = replace(
        without_encoders(windows),
        encoders=_encoders_in_use(pretrained, windows),
        model_config=pretrained.model_config,
        release=release,
    )
    if any(find_row(row).reads_tokens for row in config.rows):
        tokens_VNLD = _stored_tokens(config, windows, pretrained, release)
        shared = replace(shared, tokens_VNLD=tokens_VNLD)
    if "zero_shot" in config.rows:
        classes_KE = class_embeddings(pretrained, windows.label_names, config.zero_shot)
        shared = replace(shared, classes_KE=classes_KE)
    return shared


def without_encoders(windows: Windows) -> CellData:
    """Return what cells share whose rows have no encoder."""
    tokens_VNLD = np.empty((0, len(windows), 0, 0), np.float32)
    return CellData(windows, {}, tokens_VNLD, ModelConfig(), "")


def _encoders_in_use(pretrained: Pretrained, windows: Windows) -> dict[str, ImuEncoder]:
    return {name: getattr(pretrained, f"imu_{name}") for name in wrists_in_use(windows)}


def weights_digest(release: Path) -> str:
    """Return a digest of a release's weights."""
    return hashlib.sha256((release / WEIGHTS).read_bytes()).hexdigest()[:16]


def wrists_in_use(windows: Windows) -> list[str]:
    """Return the wrists that any window has."""
    return [name for wrist, name in enumerate(WRISTS) if windows.present_NWC[:, wrist].any()]


def frozen_tokens(
    windows: Windows, encoders: dict[str, ImuEncoder], variation: AugmentConfig, views: int
) -> np.ndarray:
    """Return tokens (1 + V, N, L, D) of all windows and of their variations."""
    return encoded_views(
        encoders,
        torch.from_numpy(windows.signals_NTWC),
        torch.from_numpy(windows.present_NWC),
        variation,
        views,
    ).numpy()


def _check_placement(folder: str, placement: str) -> None:
    """Refuse encoders of sensors that are no watches.

    A release made from shards says where they sat as JSON, in a list where its data sets differ;
    other releases say it in free words.
    """
    try:
        worn = json.loads(placement)
    except ValueError:
        return
    for sides in worn if isinstance(worn, list) else [worn]:
        check_placement(sides, folder)


def _stored_tokens(
    config: FinetuneConfig, windows: Windows, pretrained: Pretrained, release: str
) -> np.ndarray:
    encoders = _encoders_in_use(pretrained, windows)
    architecture = asdict(pretrained.model_config)
    variation, rows = config.training.augment, map(find_row, config.rows)
    seen = any(row.reads_tokens and row.sees_views for row in rows)
    views = config.training.views if seen else 0
    varied = [asdict(variation), views]
    code = code_version("finetune.variation")
    name = digest([windows.digest, release, architecture, sorted(encoders), varied, code])
    path = local_folder(config.output, "output") / "tokens" / f"{name}.npy"
    if not path.exists():
        with replace_when_whole(path, "wb") as file:
            np.save(file, frozen_tokens(windows, encoders, variation, views))
    return np.load(path, allow_pickle=False)
