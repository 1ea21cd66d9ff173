"""Copies of files at URLs on a local disk, up to a number of bytes, for what is read many times.

A copy is known by the checksum of its content. Threads and processes of a machine may share the
folder: what several want at once is fetched once. Room for a file is made before it is fetched, by
removing what was not read for longest. What else lies in the folder is neither counted nor touched.
"""

import fcntl
import hashlib
import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

from cluster.errors import UserError
from cluster.lock import LOCK, is_alive
from cluster.secrets import redacted
from cluster.storage import Location, Url

# A whole copy: the checksum of its content.
COPY = re.compile(r"[0-9a-f]{64}")
# A copy that is being fetched: its process, and the bytes that it will have.
COMING = re.compile(r"\.(\d+)\.(\d+)\.\w+\.part")


class Cache:
    """A folder of at most `most_bytes`; a copy that is removed while it is read goes afterwards."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes

    def open(self, path: Location, sha256: str, size: int) -> IO[bytes]:
        """Open a file of known content for reading: a local one itself, else the copy of it here.

        Raises UserError where the content is another, where the store cannot be reached, or where
        the cache is too small for all that is fetched at once; FileNotFoundError.
        """
        if isinstance(path, Path):
            return path.open("rb")
        if copy := self._kept(sha256, size):
            return copy
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f".{sha256[:2]}.fetching", "w") as fetching:
            fcntl.flock(fetching, fcntl.LOCK_EX)
            # Another process may have fetched it meanwhile.
            return self._kept(sha256, size) or self._fetch(path, sha256, size)

    def _kept(self, sha256: str, size: int) -> IO[bytes] | None:
        """Open the copy that there is; one that is cut off is removed."""
        kept = self.folder / sha256
        with suppress(FileNotFoundError):
            copy = kept.open("rb")
            if os.fstat(copy.fileno()).st_size == size:
                with suppress(PermissionError):  # the copy is another user's
                    os.utime(copy.fileno())
                return copy
            copy.close()
            kept.unlink(missing_ok=True)
        return None

    def _fetch(self, path: Url, sha256: str, size: int) -> IO[bytes]:
        coming = self._make_room(size)
        try:
            path.fetch(coming)
            copy = coming.open("rb")
            if hashlib.file_digest(copy, "sha256").hexdigest() != sha256:
                copy.close()
                raise UserError(f"{redacted(path)}: its bytes do not match their checksum")
            copy.seek(0)
            os.replace(coming, self.folder / sha256)
            return copy
        finally:
            coming.unlink(missing_ok=True)

    def _make_room(self, size: int) -> Path:
        """Return an empty file for `size` bytes, which are counted from now on."""
        coming = self.folder / f".{os.getpid()}.{size}.{uuid.uuid4().hex}.part"
        with open(self.folder / LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._remove_oldest(self.most_bytes - size)
            coming.touch()
        return coming

    def _remove_oldest(self, most_bytes: int) -> None:
        kept: list[tuple[int, int, Path]] = []
        total = 0
        for entry in self.folder.iterdir():
            if found := COMING.fullmatch(entry.name):
                if is_alive(int(found[1])):
                    total += int(found[2])
                else:
                    entry.unlink(missing_ok=True)
            elif COPY.fullmatch(entry.name) and entry.is_file():
                with suppress(FileNotFoundError):  # somebody has just deleted it
                    state = entry.stat()
                    kept.append((state.st_mtime_ns, state.st_size, entry))
                    total += state.st_size
        for _, size, path in sorted(kept):
            if total <= most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size
        if total > most_bytes:
            raise UserError(
                f"{self.folder}: {self.most_bytes:,} bytes of cache are too few for what is read "
                "at once; give it more"
            )
