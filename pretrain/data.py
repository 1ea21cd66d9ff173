"""The folder of shards that a run learns from, checked before the first step."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import UserError
from cluster.runs import digest
from datagen.shards import ShardInfo, load_manifest


@dataclass(frozen=True)
class Data:
    """Shards by split; all of one text width.

    Attributes:
        text_size: length of a text vector.
        text_backend: what made the text vectors.
        placement: how the sensors were worn.
        identity: digest of the shards' checksums; equal for equal data wherever it lies.
    """

    folder: Path
    train: tuple[ShardInfo, ...]
    validation: tuple[ShardInfo, ...]
    text_size: int
    text_backend: str
    placement: str
    identity: str

    def describe(self) -> str:
        """Return what there is to learn from, in words; bodies are not counted."""
        seconds: dict[str, float] = {}
        for shard in self.train:
            seconds[shard.source] = seconds.get(shard.source, 0) + shard.seconds
        return ", ".join(f"{total / 3600:.2f} h of {name}" for name, total in seconds.items())


def open_data(folder: Path) -> Data:
    """Read a folder's manifest and see that its shards are there, whole, and of one kind.

    Raises UserError for a folder that is missing, unfinished or of another schema version, for a
    shard that is missing or cut off, for mixed text vectors, and for an empty split. Checksums
    are compared later, when a shard is first read.
    """
    manifest = load_manifest(folder)
    check_one_kind((shard.path(folder), shard) for shard in manifest.shards)
    for shard in manifest.shards:
        _check_size(shard, folder)
    return Data(
        folder=folder,
        train=_split(folder, manifest.shards, "train"),
        validation=_split(folder, manifest.shards, "validation"),
        text_size=manifest.text_size,
        text_backend=manifest.text_backend,
        placement=_in_words(manifest.placement),
        identity=digest([shard.sha256 for shard in manifest.shards]),
    )


def _in_words(placement: object) -> str:
    return placement if isinstance(placement, str) else json.dumps(placement, sort_keys=True)


def check_one_kind(shards: Iterable[tuple[Path, ShardInfo]]) -> None:
    """Raise UserError, naming one shard of each kind, where text vectors are of several kinds.

    Vectors of two models mean nothing to one another, even where both have the same size. The
    shards, each with its place, may be of several folders.
    """
    kinds: dict[str, Path] = {}
    for path, shard in shards:
        kinds.setdefault(f"{shard.text_backend} with {shard.text_size} values", path)
    if len(kinds) > 1:
        places = ", ".join(f"{kind} in {path}" for kind, path in kinds.items())
        raise UserError(
            f"data: holds text vectors of several kinds ({places}); make all shards with one "
            "text.backend"
        )


def _check_size(shard: ShardInfo, folder: Path) -> None:
    path = shard.path(folder)
    size = path.stat().st_size if path.is_file() else None
    if size != shard.bytes:
        found = "is missing" if size is None else f"has {size} bytes, not {shard.bytes}"
        raise UserError(f"{path}: {found}; run datagen's command again to make it anew")


def _split(folder: Path, shards: tuple[ShardInfo, ...], split: str) -> tuple[ShardInfo, ...]:
    chosen = tuple(shard for shard in shards if shard.split == split and shard.windows)
    if not chosen:
        raise UserError(
            f"{folder}: has no {split} windows; make more clips, or change validation_share"
        )
    return chosen
