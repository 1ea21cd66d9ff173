"""A release: the folder in which pre-trained encoders travel, loaded in one line.

    model.safetensors   every weight, float32
    config.yaml         `ReleaseConfig`: the architecture and what the encoders expect
    card.md             what they were trained on, how long, and how well they do

A release appears whole or not at all, and nothing in it is ever unpickled.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from yaml import YAMLError

from cluster.config import load_config, save_config
from cluster.errors import UserError
from pretrain.encoders import ImuEncoder, PoseEncoder, TextEncoder
from pretrain.model import ModelConfig, Multi3Net

FORMAT_VERSION = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.yaml", "card.md"
SAMPLES_PER_SECOND = 60
SHOWN_NAMES = 3


@dataclass
class ReleaseCard:
    """Where the weights come from.

    Attributes:
        data: which shards, in words a reader understands.
        data_licence: what that data may be used for, source by source.
        steps: optimiser steps taken.
        scores: validation scores by name.
        commit: of the source that trained them.
        text_backend: what made the sentence vectors.
        placement: where the sensors sit.
    """

    data: str
    data_licence: str
    steps: int
    scores: dict[str, float]
    commit: str
    text_backend: str
    placement: str


@dataclass
class ReleaseConfig:
    """What a release holds and expects: `rate` in Hz, `window` in frames, `text_size` values."""

    format_version: int = FORMAT_VERSION
    rate: int = SAMPLES_PER_SECOND
    window: int = 60
    placement: str = ""
    text_backend: str = ""
    text_size: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)


@dataclass(frozen=True)
class Pretrained:
    """A loaded release; every part is in evaluation mode."""

    config: ReleaseConfig
    model: Multi3Net

    @property
    def model_config(self) -> ModelConfig:
        """The architecture."""
        return self.config.model

    @property
    def imu_left(self) -> ImuEncoder:
        """Encoder of the left wrist: (B, T, 6) in SI units to tokens and embeddings."""
        return self.model.imu_left

    @property
    def imu_right(self) -> ImuEncoder:
        """Encoder of the right wrist."""
        return self.model.imu_right

    @property
    def pose(self) -> PoseEncoder:
        """Encoder of joint rotations (B, T, 52, 3)."""
        return self.model.pose

    @property
    def text(self) -> TextEncoder:
        """Encoder of sentence vectors (B, text_size)."""
        return self.model.text


def save_release(
    folder: Path,
    model: Multi3Net,
    model_config: ModelConfig,
    card: ReleaseCard,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write a release, replacing the one in `folder`; call it on one rank only.

    `weights` stands in for the model's own where ZeRO 3 has left it with parts of them. Raises
    UserError where the weights cannot be written.
    """
    config = ReleaseConfig(
        window=model_config.window,
        placement=card.placement,
        text_backend=card.text_backend,
        text_size=model.text_size,
        model=model_config,
    )
    with folder_when_whole(folder) as coming:
        save_weights(float32(weights or model.state_dict()), coming / WEIGHTS)
        save_config(config, coming / CONFIG)
        (coming / CARD).write_text(_card_text(config, card))


def save_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write weights; UserError where that cannot be done."""
    # safetensors' own `save_file` leaves a file that only its owner may read.
    content = save(weights)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error}; make room and give the same command again"
        ) from None


def load_pretrained(folder: Path) -> Pretrained:
    """Read a release.

    Raises UserError, in one line, for a missing folder or file, another format version, or
    weights that do not fit the architecture in `config.yaml`.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such release folder; give the folder of a {WEIGHTS}")
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise UserError(f"{folder}: not a release, {name} is missing")
    kind = "a release of encoders, which pretrain/train.py writes"
    check_format(folder / CONFIG, FORMAT_VERSION, "text_size", kind)
    config = load_config(ReleaseConfig, folder / CONFIG, [])
    try:
        model = Multi3Net(config.model, config.text_size)
    except UserError as error:
        raise UserError(f"{folder / CONFIG}: {error}") from None
    load_weights(folder, model)
    return Pretrained(config, model.eval())


@contextmanager
def folder_when_whole(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once its files are on the disk.

    Where writing fails, or is killed, `folder` stays what it was.
    """
    folder = folder.absolute()
    coming = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir(parents=True)
    try:
        yield coming
        for path in [*coming.iterdir(), coming]:
            _sync(path)
        _put_in_place(coming, folder)
    finally:
        shutil.rmtree(coming, ignore_errors=True)


def load_weights(folder: Path, model: nn.Module) -> None:
    """Fill a model with the weights of a folder; UserError where they are broken or do not fit."""
    try:
        weights = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{folder / WEIGHTS}: cannot be read: {error}") from None
    _check_architecture(folder, weights, model.state_dict())
    model.load_state_dict(weights)


def float32(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as a folder holds them."""
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in weights.items()
    }


def _put_in_place(coming: Path, folder: Path) -> None:
    going = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(going, ignore_errors=True)
    if folder.exists():
        os.replace(folder, going)
    os.replace(coming, folder)
    _sync(folder.parent)
    shutil.rmtree(going, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_format(path: Path, version: int, own_key: str, kind: str) -> None:
    """Raise UserError where a folder's configuration is of another format than `version`.

    Folders of other kinds have no `own_key`; `kind` says what was wanted, and what writes it.
    """
    try:
        raw = OmegaConf.load(path)
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path}: cannot be read as YAML: {str(error).splitlines()[0]}") from None
    found = raw.get("format_version") if isinstance(raw, DictConfig) else None
    if found != version:
        raise UserError(
            f"{path}: release format {found}; this version of the program reads format "
            f"{version} only"
        )
    if own_key not in raw:
        raise UserError(f"{path.parent}: not {kind}; its {path.name} has no {own_key}")


def _check_architecture(
    folder: Path, found: dict[str, Tensor], expected: dict[str, Tensor]
) -> None:
    shared = found.keys() & expected.keys()
    problems = [
        _problem("missing", expected.keys() - found.keys()),
        _problem("unexpected", found.keys() - expected.keys()),
        _problem(
            "of another shape",
            {
                f"{name} {list(found[name].shape)} instead of {list(expected[name].shape)}"
                for name in shared
                if found[name].shape != expected[name].shape
            },
        ),
    ]
    if any(problems):
        raise UserError(
            f"{folder}: weights of another architecture than {CONFIG} says; "
            + "; ".join(filter(None, problems))
        )


def _problem(what: str, names: set[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"{what}: {', '.join(sorted(names)[:SHOWN_NAMES])}{more}"


def _card_text(config: ReleaseConfig, card: ReleaseCard) -> str:
    scores = "\n".join(f"| {name} | {score:.4g} |" for name, score in sorted(card.scores.items()))
    return f"""# Multi3Net+ encoders

Trained on {card.data} for {card.steps} steps; source at commit {card.commit}.

Licence of the data: {card.data_licence}

## Input

- IMU, left and right wrist: {config.window} samples at {config.rate} Hz of ax ay az (m/s2,
  specific force: a resting sensor reads 9.81 upwards) and gx gy gz (rad/s); placement:
  {config.placement}.
- Pose: {config.window} frames of {config.model.pose.joints} joints, axis-angle in radians.
- Text: {config.text_size} values from {config.text_backend}.

## Scores on validation clips

| score | value |
|---|---|
{scores}

## Loading

    from pretrain.release import load_pretrained
    tokens, embedding = load_pretrained(FOLDER).imu_left(imu)
"""
