"""The folders of shards that a run learns from, checked before the first step."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from cluster.cache import Cache
from cluster.errors import UserError
from cluster.runs import digest
from cluster.secrets import redacted
from cluster.storage import Location, size_of
from datagen.placement import SIDES, watch
from datagen.sample import RATE
from datagen.shards import READERS, SPLITS, WINDOW_FRAMES, Manifest, ShardInfo, load_manifest
from pretrain.shard import Shard, shard_cache
from pretrain.share import Share, share_of


@dataclass(frozen=True)
class Data:
    """Shards by split, of one folder or several; all of one kind of text vectors.

    Attributes:
        place: the folders, in words.
        window: frames of the windows that are cut.
        too_short: of each source's training motion, the part in stretches shorter than that,
            which is left out; sources without any are not named.
        text_size: length of a text vector.
        text_backend: what made the text vectors.
        placement: how the sensors were worn.
        watches: whether all were worn as watches, datagen's default.
        licences: of the motion, by its source.
        identity: digest of the shards' checksums; equal for equal data wherever it lies.
    """

    place: str
    window: int
    train: tuple[Shard, ...]
    validation: tuple[Shard, ...]
    too_short: dict[str, float]
    text_size: int
    text_backend: str
    placement: str
    watches: bool
    licences: dict[str, str]
    identity: str

    def describe(self) -> str:
        """Return what there is to learn from, in words; bodies are not counted."""
        seconds: dict[str, float] = dict.fromkeys(self.too_short, 0)
        for shard in self.train:
            source = shard.info.source
            seconds[source] = seconds.get(source, 0) + shard.seconds
        return ", ".join(
            f"{total / 3600:.2f} h of {name}{self._without(name)}"
            for name, total in seconds.items()
        )

    def _without(self, source: str) -> str:
        if source not in self.too_short:
            return ""
        percent, least = 100 * self.too_short[source], self.window / RATE
        return f" without the {percent:.3g} % in stretches shorter than {least:g} s"


def open_data(
    *folders: Location,
    window: int = WINDOW_FRAMES,
    cache: Cache | None = None,
    share: float = 1.0,
) -> Data:
    """Read the folders' manifests and see that their shards are there, whole, and of one kind.

    Args:
        folders: those whose shards are learned from together.
        window: frames; stretches of clips that are shorter are left out.
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
        train=train.shards,
        validation=validation.shards,
        too_short=train.too_short,
        text_size=manifests[0].text_size,
        text_backend=manifests[0].text_backend,
        placement=_placement(manifests),
        watches=all(_are_watches(each.placement) for each in manifests),
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


def _placement(manifests: Iterable[Manifest]) -> str:
    """Return where the sensors sat as JSON: an object, or a list of those that differ."""
    different = dict.fromkeys(json.dumps(each.placement, sort_keys=True) for each in manifests)
    return next(iter(different)) if len(different) == 1 else f"[{', '.join(different)}]"


def _are_watches(placement: dict[str, dict[str, Any]]) -> bool:
    # The name of a preset stands beside what it means.
    geometry = {side: {**worn, "preset": ""} for side, worn in placement.items()}
    return geometry == {side: asdict(watch(side)) for side in SIDES}


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


def _split(place: str, shards: Sequence[Shard], split: str, window: int, share: float) -> Share:
    whole = [each for each in shards if each.info.split == split and each.windows]
    if not whole:
        raise UserError(
            f"{place}: no {split} windows; make more or longer clips, or change validation_share"
        )
    chosen = share_of(whole, share, window)
    if not chosen.shards:
        raise UserError(
            f"{place}: no {split} clip is as long as a window of {window} frames, "
            f"{window / RATE:g} s; make longer clips, or pre-train with a smaller model.window"
        )
    return chosen
