"""A shard where it lies: opened from a disk, or from a URL by way of a local cache."""

import hashlib
import os
import tarfile
from dataclasses import dataclass
from json import loads
from pathlib import Path
from tempfile import gettempdir
from typing import IO

import numpy as np
from webdataset.tariterators import base_plus_ext

from cluster.cache import Cache
from cluster.errors import UserError
from cluster.storage import Location, local_path
from datagen.sample import META_MEMBER, RATE
from datagen.shards import ShardInfo

POSE_MEMBER = "pose.npy"
GIGABYTE = 1e9


def shard_cache(folder: str = "", gigabytes: float = 20.0) -> Cache:
    """Return the cache for shards at URLs; by default in the folder of temporary files.

    That one is of this user alone: others of the machine could not write to it.
    """
    own = Path(gettempdir()) / f"multi3net-shards-{os.getuid()}"
    place = local_path(folder) if folder else own
    return Cache(place, round(gigabytes * GIGABYTE))


# Inode, bytes and time of the last change: another file hardly has all three.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Shard:
    """A shard, and which of its clips are learned from.

    Attributes:
        path: of the tar.
        info: what its JSON says.
        cache: where it is kept if it lies at a URL.
        clips: names of the chosen ones, or None for all.
        windows, frames: of the chosen clips; windows without overlap.
    """

    path: Location
    info: ShardInfo
    cache: Cache
    clips: frozenset[str] | None
    windows: int
    frames: int

    @property
    def seconds(self) -> float:
        """Length of the chosen clips."""
        return self.frames / RATE

    def stamp(self) -> Stamp | None:
        """Return what tells that a local tar is still the same; None at a URL.

        Raises UserError, naming the tar, where it is missing.
        """
        if not isinstance(self.path, Path):
            return None
        try:
            state = self.path.stat()
        except OSError as error:
            raise self._unreadable(error) from None
        return state.st_ino, state.st_size, state.st_mtime_ns

    def open(self, check: bool) -> IO[bytes]:
        """Open the tar for reading; with `check`, compare the checksum of a local one first.

        What comes from a URL is compared whenever it is fetched. Raises UserError, naming the
        tar, where it is missing or another, and where its store does not answer.
        """
        try:
            if check and isinstance(self.path, Path):
                self._check_sum(self.path)
            return self.cache.open(self.path, self.info.sha256, self.info.bytes)
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: cannot be read: {error.strerror}; make the shard anew")

    def _check_sum(self, path: Path) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.info.sha256:
            raise UserError(
                f"{path}: its bytes do not match the checksum in its JSON; "
                "delete both and run datagen's command again"
            )

    def lengths(self) -> list[tuple[str, int]]:
        """Return clip and frames of each sample, reading little more than the tar's headers.

        Raises UserError as `open` does, and where the tar is not whole.
        """
        clips: dict[str, str] = {}
        frames: dict[str, int] = {}
        try:
            with self.open(check=False) as file, tarfile.open(fileobj=file) as tar:
                for member in tar:
                    key, ending = base_plus_ext(member.name)
                    content = tar.extractfile(member)
                    assert content is not None
                    if ending == META_MEMBER:
                        clips[key] = loads(content.read())["clip"]
                    elif ending == POSE_MEMBER:
                        np.lib.format.read_magic(content)
                        frames[key] = np.lib.format.read_array_header_1_0(content)[0][0]
            return [(clips[key], frames[key]) for key in clips]
        except (tarfile.TarError, ValueError, KeyError, AssertionError) as error:
            raise UserError(f"{self.path}: not a whole shard: {error}; make it anew") from None


def windows_in(frames: int, window: int) -> int:
    """Return how many windows fit into a sample without overlap."""
    return frames // window
