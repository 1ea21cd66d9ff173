"""What a run leaves behind so that it can be understood and repeated."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import IO

from cluster.config import config_text
from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.storage import Location, Url, part_name, told_when_full
from cluster.stores import FULL

RECORDED_PACKAGES = (
    "multi3net-plus",
    "torch",
    "deepspeed",
    "ray",
    "webdataset",
    "smplx",
    "numpy",
    "scipy",
    "sentence-transformers",
    "omegaconf",
)


@contextmanager
def replace_when_whole(path: Location, mode: str = "w") -> Iterator[IO]:
    """Open a temporary file that takes the name `path` only once it is written and synced.

    For a URL it lies on this machine and is then put there. Raises UserError where there is no
    space left, and where `path` cannot be written to.
    """
    if isinstance(path, Url):
        with told_when_full(Path(gettempdir())), NamedTemporaryFile(mode) as file:
            yield file
            file.flush()
            path.put(Path(file.name))
        return
    temporary = path.with_name(part_name(path.name))
    try:
        with told_when_full(path.parent):
            with _told_when_unwritable(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Closed below: what fails while it is written has another reason.
                local = open(temporary, mode)  # noqa: SIM115
            with local:
                yield local
                local.flush()
                os.fsync(local.fileno())
            with _told_when_unwritable(path):
                os.replace(temporary, path)
    finally:
        with suppress(OSError):  # it would hide the first error
            temporary.unlink(missing_ok=True)


@contextmanager
def _told_when_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise
        raise UserError(f"{path}: cannot be written to: {error.strerror}") from None


def write_json(path: Location, value: object) -> None:
    """Write `value` as readable JSON, whole or not at all."""
    with replace_when_whole(path) as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.write("\n")


def digest(value: object) -> str:
    """Return a short, stable digest of anything that JSON can hold; of an enum, its value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_value)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _value(choice: object) -> object:
    if isinstance(choice, Enum):
        return choice.value
    raise TypeError(f"{type(choice).__name__} is nothing that JSON can hold")


def seed_from(*parts: object) -> int:
    """Return a 64-bit seed that depends on `parts` alone, not on process or machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def write_run_record(folder: Location, config: object, seed: int) -> None:
    """Write `config.yaml` and `run.json` (command, seed, commit, versions) into a run folder.

    Passwords in URLs stay out of them.
    """
    with replace_when_whole(folder / "config.yaml") as file:
        file.write(redacted(config_text(config)))
    write_json(
        folder / "run.json",
        {
            "command": [redacted(part) for part in sys.argv],
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": seed,
            "commit": git_commit(),
            "python": platform.python_version(),
            "versions": installed_versions(),
        },
    )


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that decide a run's results."""
    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def git_commit() -> str:
    """Return the commit of the source tree, with `-dirty` when it has changes, or `unknown`.

    It is what it was when a process first asked: the code that runs was imported then.
    """
    root = Path(__file__).resolve().parent
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return f"{commit}-dirty" if _git(root, "status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()
