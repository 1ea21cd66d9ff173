"""The shard format: what datagen hands to pre-training.

A shard is `shard-000123.tar` with one group of members for each segment of a clip, and
`shard-000123.json`, written last, which marks the tar as whole. A tar without its JSON does not
exist. A shard holds clips of one source and one split. `manifest.json` sums the shards up once
all of them are there. A folder of shards lies on a disk or at a URL.

Shape letters: T frames, J joints, N bodies, W wrists (left, right), E width of a text vector.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import IO, Any

from webdataset import TarWriter
from webdataset.tariterators import group_by_keys

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import replace_when_whole, write_json
from cluster.storage import Location, Place, size_of
from datagen.sample import RATE, SCHEMA, Sample, from_members, other_schema, to_members

WINDOW_FRAMES = 60
SPLITS = ("train", "validation")
MANIFEST = "manifest.json"
INFO = re.compile(r"shard-(\d{6,})\.json")
# Threads that ask for what stands in the shards' JSONs.
READERS = 16


@dataclass(frozen=True)
class Failure:
    """A clip that could not be used, and why."""

    clip: str
    reason: str


@dataclass(frozen=True)
class Cut:
    """A glitch that was cut out of a clip, in seconds from the clip's beginning, and why."""

    clip: str
    start: float
    end: float
    reason: str


@dataclass(frozen=True)
class ShardInfo:
    """What `shard-NNNNNN.json` says. A shard without a usable clip has no tar and 0 samples.

    Attributes:
        windows: non-overlapping windows of 60 frames; bodies are not counted.
        frames, seconds: length of all segments; bodies are not counted.
        sha256, bytes: of the tar.
    """

    schema: int
    index: int
    source: str
    split: str
    config_digest: str
    clips: int
    samples: int
    windows: int
    frames: int
    seconds: float
    bodies: int
    text_backend: str
    text_size: int
    bytes: int
    sha256: str
    failures: tuple[Failure, ...] = ()
    cuts: tuple[Cut, ...] = ()

    def path(self, folder: Place) -> Place:
        """Return where the tar lies."""
        return tar_path(folder, self.index)


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says of a whole folder.

    Attributes:
        hours: source -> split -> hours of motion.
        placement: how the sensors are worn.
        body: kind of body model.
        licences: source -> what its motion may be used for.
        shards: those with samples, by index; their failures and cuts stand in `failures` and
            `cuts`.
    """

    schema: int
    config_digest: str
    seed: int
    rate: int
    bodies: int
    body: str
    placement: Any
    licences: dict[str, str]
    text_backend: str
    text_size: int
    clips: int
    samples: int
    windows: int
    seconds: float
    hours: dict[str, dict[str, float]]
    shards: tuple[ShardInfo, ...]
    failures: tuple[Failure, ...]
    cuts: tuple[Cut, ...]

    def of_split(self, split: str) -> list[ShardInfo]:
        """Return the shards of one split, by index."""
        return [shard for shard in self.shards if shard.split == split]


def tar_path(folder: Place, index: int) -> Place:
    """Return where the tar of shard `index` lies."""
    return folder / f"shard-{index:06d}.tar"


def info_path(folder: Place, index: int) -> Place:
    """Return where the JSON of shard `index` lies."""
    return folder / f"shard-{index:06d}.json"


# Writing


def write_shard(
    folder: Location,
    index: int,
    samples: Iterable[Sample],
    *,
    source: str,
    split: str,
    config_digest: str,
    text_backend: str,
    clips: int,
    failures: list[Failure],
    cuts: Sequence[Cut] = (),
) -> ShardInfo:
    """Write one shard, whole or not at all, the same bytes for the same samples.

    `failures` and `cuts` are read after `samples` has run out, so that whoever yields samples may
    fill them.
    """
    info_path(folder, index).unlink(missing_ok=True)
    path = tar_path(folder, index)
    count = frames = windows = size = bodies = 0
    with replace_when_whole(path, "wb") as file:
        counted = _CountedFile(file)
        # A fixed time and owner: the bytes depend on the samples alone.
        with TarWriter(
            counted, encoder=False, mtime=0, user="", group="", format="GNU_FORMAT"
        ) as tar:
            for sample in samples:
                tar.write(to_members(sample))
                length = len(sample.pose_TJ3)
                count, frames, windows = (
                    count + 1,
                    frames + length,
                    windows + length // WINDOW_FRAMES,
                )
                size, bodies = len(sample.text_E), len(sample.acc_NTW3)
    if count == 0:
        path.unlink()
    info = ShardInfo(
        schema=SCHEMA,
        index=index,
        source=source,
        split=split,
        config_digest=config_digest,
        clips=clips,
        samples=count,
        windows=windows,
        frames=frames,
        seconds=frames / RATE,
        bodies=bodies,
        text_backend=text_backend,
        text_size=size,
        bytes=counted.bytes if count else 0,
        sha256=counted.sha256.hexdigest() if count else "",
        failures=tuple(failures),
        cuts=tuple(cuts),
    )
    write_json(info_path(folder, index), asdict(info))
    return info


class _CountedFile:
    """Passes bytes on to a file and keeps their number and checksum."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.bytes, self.sha256 = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.bytes += len(data)
        self.sha256.update(data)
        return self.file.write(data)


# Reading


def read_shard(path: Location) -> Iterator[Sample]:
    """Yield the samples of a tar in order; nothing in it is unpickled or becomes a path.

    Raises UserError, naming the tar, where it is missing, cut off or of another schema version.
    """
    try:
        with path.open("rb") as file:
            yield from read_samples(file, path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such shard") from None


def read_samples(file: IO[bytes], path: Location) -> Iterator[Sample]:
    """Yield the samples of the tar `path` from an open file, as `read_shard` does."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            yield from map(from_members, group_by_keys(_members(tar)))
    except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = error.args[0] if error.args else error
        raise UserError(f"{path}: not a whole shard: {reason}; make it anew") from None


def _members(tar: tarfile.TarFile) -> Iterator[dict[str, Any]]:
    """Yield members as webdataset groups them; its own reader goes through a tar by 10 kB."""
    for member in tar:
        data = tar.extractfile(member)
        if data is not None:
            yield {"fname": member.name, "data": data.read(), "__url__": tar.name}


def read_infos(folder: Location) -> dict[int, ShardInfo]:
    """Return what the JSONs of a folder say of its shards, by index, as `read_info` does."""
    found = [INFO.fullmatch(entry.name) for entry in folder.iterdir()]
    indices = [int(name[1]) for name in found if name]
    infos = {}
    # At a URL most of it is waiting for answers, so they are asked for together.
    with ThreadPoolExecutor(READERS) as readers, Progress("found", len(indices), "shards") as bar:
        for info in readers.map(partial(read_info, folder), indices):
            if info is not None:
                infos[info.index] = info
            bar.advance()
    return infos


def read_info(folder: Location, index: int) -> ShardInfo | None:
    """Return what the JSON of shard `index` says, or None where the shard does not exist.

    A JSON whose tar is absent or of another length marks nothing: None too. Raises UserError
    for another schema version.
    """
    path = info_path(folder, index)
    try:
        value = _read_json(path)
    except FileNotFoundError:
        return None
    info = _info_from(value, path)
    if info.samples and size_of(info.path(folder)) != info.bytes:
        return None
    return info


def _info_from(value: dict[str, Any], path: Location) -> ShardInfo:
    return _build(ShardInfo, value | _lists_of(value), path)


def _lists_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return the failures and cuts of a JSON as what they are."""
    return {
        "failures": tuple(Failure(**failure) for failure in value.get("failures", ())),
        "cuts": tuple(Cut(**cut) for cut in value.get("cuts", ())),
    }


def _build(kind: type, value: dict[str, Any], path: Location) -> Any:
    names = {field.name for field in fields(kind)}
    if set(value) != names:
        odd = sorted(set(value) ^ names)
        raise UserError(
            f"{path}: the key {odd[0]} is missing or unknown; run datagen's command again, which "
            "writes manifests anew, or make the folder anew"
        )
    return kind(**value)


def _read_json(path: Location) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}; delete it and run generate again") from None
    if not isinstance(value, dict) or "schema" not in value:
        raise UserError(f"{path}: not written by datagen: it has no schema version")
    if value["schema"] != SCHEMA:
        raise UserError(f"{path}: {other_schema(value['schema'])}")
    return value


# The folder as a whole


def write_manifest(folder: Location, infos: list[ShardInfo], **common: Any) -> Manifest:
    """Sum up the shards of a finished run into `manifest.json`.

    `common` holds seed, config_digest, bodies, body, placement, licences, text_backend,
    text_size.
    """
    hours: dict[str, dict[str, float]] = {}
    for info in infos:
        splits = hours.setdefault(info.source, dict.fromkeys(SPLITS, 0.0))
        splits[info.split] += info.seconds / 3600
    manifest = Manifest(
        schema=SCHEMA,
        rate=RATE,
        clips=sum(info.clips for info in infos),
        samples=sum(info.samples for info in infos),
        windows=sum(info.windows for info in infos),
        seconds=sum(info.seconds for info in infos),
        hours=hours,
        shards=tuple(info for info in infos if info.samples),
        failures=tuple(failure for info in infos for failure in info.failures),
        cuts=tuple(cut for info in infos for cut in info.cuts),
        **common,
    )
    value = asdict(manifest)
    for shard in value["shards"]:
        shard["failures"] = shard["cuts"] = ()
    write_json(folder / MANIFEST, value)
    return manifest


def load_manifest(folder: Location) -> Manifest:
    """Read the manifest of a folder of shards.

    Raises UserError where the folder is missing, not finished, or of another schema version.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make shards with: python -m datagen generate")
    try:
        value = _read_json(path)
    except FileNotFoundError:
        raise UserError(
            f"{folder}: has no {MANIFEST}; datagen has not finished here, run its command again"
        ) from None
    value["shards"] = tuple(_info_from(shard, path) for shard in value.get("shards", ()))
    return _build(Manifest, value | _lists_of(value), path)


def verify(folder: Location) -> Manifest:
    """Check the checksum of every shard and that each of its samples can be read.

    Raises UserError naming each shard that fails.
    """
    manifest = load_manifest(folder)
    faults = {}
    with Progress("verify", len(manifest.shards), "shards") as progress:
        for info in manifest.shards:
            faults[info.path(folder).name] = _fault(folder, info)
            progress.advance()
    bad = [f"{name} ({fault})" for name, fault in faults.items() if fault]
    if bad:
        raise UserError(
            f"{folder}: {len(bad)} of {len(faults)} shards are damaged: {', '.join(bad)}; "
            "delete these tar files and run generate again"
        )
    return manifest


def _fault(folder: Location, info: ShardInfo) -> str:
    path = info.path(folder)
    try:
        file: Any = path.open("rb")
    except FileNotFoundError:
        return "missing"
    with file:
        if hashlib.file_digest(file, "sha256").hexdigest() != info.sha256:
            return "its bytes do not match their checksum"
        file.seek(0)
        try:
            count = sum(1 for _ in read_samples(file, path))
        except UserError as error:
            return str(error).removeprefix(f"{path}: ")
    return "" if count == info.samples else f"holds {count} samples, not {info.samples}"
