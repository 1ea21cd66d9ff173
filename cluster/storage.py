"""Files and folders, local or at the URL of any store that fsspec knows.

`location` makes a pathlib.Path or a Url of what a user gives. A Url has the part of Path's
interface that this project uses, so that what reads a file need not know which of the two it has.
A file at a URL is fetched whole into a temporary local file, which goes when it is closed: tables,
numpy and zipfile read it as any other, and neither memory nor disk holds more than is being read.
"""

import os
import re
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar
from urllib.parse import quote, unquote

from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.stores import FULL, WEB, ask, scheme_of

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# There an object is seen once all of it has arrived, and folders are nothing but beginnings of
# names.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss")


def location(text: str) -> "Path | Url":
    """Return the file or folder that a user means: a Url, or a Path, also for file://PATH."""
    found = URL.match(text)
    if found is None:
        return local_path(text)
    if found[1].lower() in ("file", "local"):
        return Path(text[found.end() :])
    return Url(text)


def local_path(text: str) -> Path:
    """Return what a user means on this machine; `~`, which no shell replaces in YAML, is home."""
    return Path(os.path.expanduser(text))


def local_folder(text: str, key: str) -> Path:
    """Return the folder that a key names; UserError for a URL, to which no run can write."""
    folder = location(text)
    if isinstance(folder, Url):
        raise UserError(f"{key}={redacted(text)}: must be a folder of this machine, not a URL")
    return folder


def check_writable(folder: Path, key: str) -> None:
    """Raise UserError where neither `folder` nor what it would be made in can be written to."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"{key}={folder}: {there} is no folder that can be written to")


@dataclass(frozen=True, repr=False)
class Url:
    """A file or folder at a URL; what is named as in Path does what it does there.

    Raises UserError where the store cannot be reached, and Path's exceptions for what the store
    says of one file.
    """

    text: str

    def __str__(self) -> str:
        """Return all that is needed to reach it, passwords too; `redacted` is for people."""
        return self.text

    def __repr__(self) -> str:
        return f"Url({redacted(self)!r})"

    def __lt__(self, other: "Url") -> bool:
        return self.parts < other.parts

    def __truediv__(self, below: str) -> "Url":
        head, path, query = self._pieces
        below = quote(below) if self._is_web else below
        return Url(f"{head}{path.rstrip('/')}/{below}{query}")

    @property
    def parts(self) -> tuple[str, ...]:
        """The names from the top of the store on, without scheme and host."""
        path = self._pieces[1]
        return tuple((unquote(path) if self._is_web else path).strip("/").split("/"))

    @property
    def name(self) -> str:
        """The last of the parts."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's ending, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "Url":
        """The folder in which this lies."""
        head, path, query = self._pieces
        return Url(f"{head}{path.rstrip('/').rpartition('/')[0]}{query}")

    def with_name(self, name: str) -> "Url":
        """Return the file of another name in the same folder."""
        return self.parent / name

    def relative_to(self, folder: str) -> Path:
        """Return the way here from a folder above."""
        return Path(*self.parts).relative_to(Path(*Url(folder).parts))

    def resolve(self) -> "Url":
        """Return the same: a URL is absolute."""
        return self

    def as_posix(self) -> str:
        """Return the parts with slashes between them."""
        return "/".join(self.parts)

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether there is a file."""
        return self.size() is not None

    def is_dir(self) -> bool:
        """Whether there is a folder; on the web, a page at the address with a slash behind it."""
        if not self._is_web:
            return self._info().get("type") == "directory"
        head, path, query = self._pieces
        page = Url(f"{head}{path.rstrip('/')}/{query}")._info()
        return page.get("mimetype") == "text/html"

    def size(self) -> int | None:
        """Return the number of bytes of a file, or None where there is none."""
        info = self._info()
        # A web server sends on who asks for a folder to the address with a slash behind it.
        if info.get("type") != "file" or info.get("url", "").endswith("/"):
            return None
        return int(info["size"] or 0)

    def iterdir(self) -> Iterator["Url"]:
        """Yield what a folder holds, in no order."""
        for entry, _ in self._entries():
            yield entry

    def files(self) -> Iterator["Url"]:
        """Yield every file below a folder, in no order; a web server must have index pages."""
        if scheme_of(self.text) in OBJECT_STORES:
            yield from self._objects()
            return
        for entry, is_folder in self._entries():
            if is_folder:
                yield from entry.files()
            else:
                yield entry

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Fetch the file and open the copy for reading; it goes when it is closed."""
        with tempfile.NamedTemporaryFile(prefix="multi3net-") as copy:
            self.fetch(Path(copy.name))
            return open(copy.name, mode, buffering, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        """Return the content of a file."""
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the text of a file."""
        with self.open("r", encoding=encoding, errors=errors) as file:
            return file.read()

    def fetch(self, path: Path) -> None:
        """Fetch the file over the local file `path`."""
        with told_when_full(path.parent):
            ask(self.text, lambda store, there: store.get_file(there, str(path)))

    def put(self, path: Path) -> None:
        """Replace this file by the local file `path`, whole or not at all.

        On an object store that is what putting does. Elsewhere the file arrives under another
        name and is then moved, which is as sudden as the store's own moving or copying is.
        """

        def put(store: Any, there: str) -> None:
            if scheme_of(self.text) in OBJECT_STORES:
                store.put_file(str(path), there)
                return
            folder, _, name = there.rpartition("/")
            coming = f"{folder}/{part_name(name)}"
            self._make_folder(store, there)
            try:
                store.put_file(str(path), coming)
                _move(store, coming, there)
            except BaseException:
                with suppress(Exception):
                    store.rm_file(coming)
                raise

        try:
            with told_when_full(self.parent):
                ask(self.text, put)
        except (FileNotFoundError, PermissionError) as error:
            raise UserError(f"{redacted(self)}: cannot be written: {error.strerror}") from None

    def create(self, content: bytes) -> None:
        """Write a small file that must not be there yet; raises FileExistsError.

        Where the store can tell (S3, Google Cloud Storage, memory), one of two that do this at
        once fails; elsewhere both may succeed.
        """

        def create(store: Any, path: str) -> None:
            self._make_folder(store, path)
            store.pipe_file(path, content, mode="create")

        ask(self.text, create)

    def write_bytes(self, content: bytes) -> None:
        """Write a small file."""
        ask(self.text, lambda store, path: store.pipe_file(path, content))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove a file."""
        with suppress(*[FileNotFoundError] * missing_ok):
            ask(self.text, lambda store, path: store.rm_file(path))

    @property
    def _is_web(self) -> bool:
        """Whether names are percent-encoded, and may have a query behind them."""
        return scheme_of(self.text) in WEB

    @property
    def _pieces(self) -> tuple[str, str, str]:
        """Scheme with host, path, query; only on the web has a URL all three."""
        web, other = r"([^:]+://[^/?#]*)([^?#]*)(.*)", r"([^:]+://)(.*)()"
        found = re.fullmatch(web if self._is_web else other, self.text, re.DOTALL)
        assert found is not None
        return found[1], found[2], found[3]

    def _make_folder(self, store: Any, path: str) -> None:
        # Object stores have none, and might make the bucket itself.
        if scheme_of(self.text) not in OBJECT_STORES:
            store.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _info(self) -> dict[str, Any]:
        try:
            return ask(self.text, lambda store, path: store.info(path))
        except FileNotFoundError:
            return {}

    def _entries(self) -> list[tuple["Url", bool]]:
        """Return what lies in the folder, each with whether it is a folder itself."""

        def listed(store: Any, path: str) -> list[tuple[Url, bool]]:
            entries, within = [], path.rstrip("/") + "/"
            for entry in store.ls(path, detail=True):
                name = entry["name"].rstrip("/").removeprefix(within)
                # A page also has links to sort it by, and to what lies elsewhere.
                is_odd = self._is_web and (name == ".." or name[:1] in "?#")
                if name and "/" not in name and not is_odd:
                    name = unquote(name) if self._is_web else name
                    entries.append((self / name, entry["type"] == "directory"))
            return entries

        return ask(self.text, listed)

    def _objects(self) -> list["Url"]:
        """Return every object below, by one listing instead of one for each folder."""
        return ask(
            self.text,
            lambda store, path: [self / name[len(path) :].lstrip("/") for name in store.find(path)],
        )


def _move(store: Any, old: str, new: str) -> None:
    from fsspec import AbstractFileSystem

    # What stores inherit would take the ? and [ in a name for a pattern.
    if type(store).mv is AbstractFileSystem.mv:
        store.cp_file(old, new)
        store.rm_file(old)
    else:
        store.mv(old, new)


Location = Path | Url
# A Path in is a Path out, a Url in is a Url out.
Place = TypeVar("Place", Path, Url, Path | Url)


def files_in(folder: Place) -> Iterator[Place]:
    """Yield every file below a folder, in no order; on a disk, links to folders are followed.

    Raises UserError for a folder that cannot be read.
    """
    return _files_below(folder) if isinstance(folder, Path) else folder.files()


def _files_below(top: Path) -> Iterator[Path]:
    # Each folder once, so that links in a circle end; links last, so that what they lead to keeps
    # its own name where it has one here.
    seen: set[Path] = set()
    ahead = deque([top])
    while ahead:
        folder = ahead.popleft()
        if (real := folder.resolve()) in seen:
            continue
        seen.add(real)
        try:
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                path = folder / entry.name
                if entry.is_symlink() and path.is_dir():
                    ahead.append(path)
                elif entry.is_dir(follow_symlinks=False):
                    ahead.appendleft(path)
                else:
                    yield path
        except OSError as error:
            raise UserError(
                f"{error.filename}: cannot be read ({error.strerror}); let it be read, or give a "
                "folder without it"
            ) from None


def size_of(path: Location) -> int | None:
    """Return the number of bytes of a file, or None where there is none."""
    if isinstance(path, Url):
        return path.size()
    return path.stat().st_size if path.is_file() else None


def part_name(name: str) -> str:
    """Return what a file is called until it is whole."""
    return f".{name}.{os.getpid()}.part"


def remove_parts(folder: Location) -> None:
    """Remove what killed runs and killed workers were writing."""
    for entry in folder.iterdir():
        if entry.name.startswith(".") and entry.name.endswith(".part"):
            entry.unlink(missing_ok=True)


@contextmanager
def told_when_full(folder: Location) -> Iterator[None]:
    """Make one line of a disk without space; raises UserError naming the folder written to."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"{redacted(folder)}: no space is left there; make some and type the same command "
            "again: what is finished stays"
        ) from None
