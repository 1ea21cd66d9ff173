"""The folders of shards that a run learns from, checked before the first step."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cluster.cache import Cache
from cluster.errors import UserError
from cluster.runs import digest
from cluster.secrets import redacted
from cluster.storage import Location, size_of
from datagen.shards import READERS, SPLITS, WINDOW_FRAMES, Manifest, ShardInfo, load_manifest
from pretrain.shard import Shard, shard_cache
from pretrain.share import share_of


@dataclass(frozen=True)
class Data:
    """Shards by split, of one folder or several; all of one kind of text vectors.

    Attributes:
        place: the folders, in words.
        window: frames of the windows that are cut.
        text_size: length of a text vector.
        text_backend: what made the text vectors.
        placement: how the sensors were worn.
        licences: of the motion, by its source.
        identity: digest of the shards' checksums; equal for equal data wherever it lies.
    """

    place: str
    window: int
    train: tuple[Shard, ...]
    validation: tuple[Shard, ...]
    text_size: int
    text_backend: str
    placement: str
    licences: dict[str, str]
    identity: str

    def describe(self) -> str:
        """Return what there is to learn from, in words; bodies are not counted."""
        seconds: dict[str, float] = {}
        for shard in self.train:
            source = shard.info.source
            seconds[source] = seconds.get(source, 0) + shard.seconds
        return ", ".join(f"{total / 3600:.2f} h of {name}" for name, total in seconds.items())


def open_data(
    *folders: Location,
    window: int = WINDOW_FRAMES,
    cache: Cache | None = None,
    share: float = 1.0,
) -> Data:
    """Read the folders' manifests and see that their shards are there, whole, and of one kind.

    Args:
        folders: those whose shards are learned from together.
        window: frames; clips that are shorter are left out.
        cache: where shards at URLs are kept.
        share: of the training clips of each source; validation stays whole.

    Raises UserError for a folder that is missing, unfinished or of another schema version, for a
    shard that is missing or cut off, for mixed text vectors, and for an empty split. Checksums
    are compared later, when a shard is first read.
    """
    cache = cache or shard_cache()
    manifests = [load_manifest(folder) for folder in folders]
    shards = [
        Shard(info.path(folder), info, cache, None, info.windows, info.frames)
        for folder, manifest in zip(folders, manifests, strict=True)
        for info in manifest.shards
    ]
    check_one_kind((shard.path, shard.info) for shard in shards)
    # At a URL this is waiting for answers.
    with ThreadPoolExecutor(READERS) as readers:
        list(readers.map(_check_size, shards))
    place = " and ".join(map(redacted, folders))
    train, validation = (
        _split(place, shards, split, window, share if split == "train" else 1.0) for split in SPLITS
    )
    return Data(
        place=place,
        window=window,
        train=train,
        validation=validation,
        text_size=manifests[0].text_size,
        text_backend=manifests[0].text_backend,
        placement=" and ".join(dict.fromkeys(_in_words(each.placement) for each in manifests)),
        licences=licences_of(manifests),
        identity=digest([shard.info.sha256 for shard in shards]),
    )


def licences_of(parts: Iterable[Manifest | Data]) -> dict[str, str]:
    """Return the licence of each source; parts may say different things of one name."""
    said: dict[str, dict[str, None]] = {}
    for part in parts:
        for source, licence in part.licences.items():
            said.setdefault(source, {})[licence] = None
    return {source: " and ".join(licences) for source, licences in said.items()}


def _in_words(placement: object) -> str:
    return placement if isinstance(placement, str) else json.dumps(placement, sort_keys=True)


def check_one_kind(shards: Iterable[tuple[Location, ShardInfo]]) -> None:
    """Raise UserError, naming one shard of each kind, where text vectors are of several kinds.

    Vectors of two models mean nothing to one another, even where both have the same size. The
    shards, each with its place, may be of several folders.
    """
    kinds: dict[str, Location] = {}
    for path, shard in shards:
        kinds.setdefault(f"{shard.text_backend} with {shard.text_size} values", path)
    if len(kinds) > 1:
        places = ", ".join(f"{kind} in {path}" for kind, path in kinds.items())
        raise UserError(
            f"data: holds text vectors of several kinds ({places}); make all shards with one "
            "text.backend"
        )


def _check_size(shard: Shard) -> None:
    size = size_of(shard.path)
    if size != shard.info.bytes:
        found = "is missing" if size is None else f"has {size} bytes, not {shard.info.bytes}"
        raise UserError(f"{shard.path}: {found}; run datagen's command again to make it anew")


def _split(
    place: str, shards: Sequence[Shard], split: str, window: int, share: float
) -> tuple[Shard, ...]:
    chosen = share_of(
        [each for each in shards if each.info.split == split and each.windows], share, window
    )
    if not chosen:
        raise UserError(
            f"{place}: no {split} windows of {window} frames; make more or longer clips, or change "
            "validation_share"
        )
    return chosen
