"""One run at a time writes to a folder.

On this machine's file systems the lock goes with the process, however that ends. At a URL it is an
object that says who holds it and since when it was last renewed; one that has not been renewed for
a while, or whose process on this machine is gone, is that of a killed run and is taken over. Two
runs that slip past each other harm nothing but time: of one configuration they write the same
bytes, and another configuration is refused.
"""

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.storage import Location, Url

Held = dict[str, Any]

LOCK = ".lock"
SECONDS_BETWEEN_RENEWALS = 20.0
# Several renewals, so that a store that is slow for once does not cost a run its lock.
SECONDS_UNTIL_DEAD = 90.0


@contextmanager
def locked(folder: Location, key: str) -> Iterator[None]:
    """Keep other runs out of a folder, which is made if need be.

    Raises UserError, naming `key`, where another run has it or where it cannot be written to.
    """
    held = _held_at_url(folder, key) if isinstance(folder, Url) else _held_here(folder, key)
    with held:
        yield


@contextmanager
def _held_here(folder: Path, key: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK, "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{key}={folder}: cannot be written to: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{key}={folder}: another run is writing there") from None
        yield


@contextmanager
def _held_at_url(folder: Url, key: str) -> Iterator[None]:
    lock = folder / LOCK
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "run": uuid.uuid4().hex}
    try:
        _take(lock, mine, key)
    except OSError as error:
        raise UserError(
            f"{key}={redacted(folder)}: cannot be written to: {error.strerror}"
        ) from None
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, mine, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with suppress(UserError, OSError):  # a lock that is left there ends by itself
            if _read(lock).get("run") == mine["run"]:
                lock.unlink()


def _take(lock: Url, mine: Held, key: str) -> None:
    """Write the lock, in the place of a dead run's if need be."""
    while True:
        with suppress(FileExistsError):
            lock.create(_renewed(mine))
            return
        holder = _read(lock)
        if holder.get("run") == mine["run"]:  # only the answer was lost on the way
            return
        if (seconds := _seconds_to_live(holder)) > 0:
            raise UserError(
                f"{key}={redacted(lock.parent)}: another run is writing there (process "
                f"{holder['pid']} on {holder['host']}); if it was killed, its lock ends in "
                f"{seconds:.0f} s, or when you delete {LOCK} there"
            )
        lock.unlink(missing_ok=True)


def _renew(lock: Url, mine: Held, ended: threading.Event) -> None:
    while not ended.wait(SECONDS_BETWEEN_RENEWALS):
        with suppress(UserError, OSError):  # what the run itself writes will say it
            if _read(lock).get("run") != mine["run"]:
                return
            lock.write_bytes(_renewed(mine))


def _renewed(mine: Held) -> bytes:
    return json.dumps(mine | {"renewed": time.time()}).encode()


def _read(lock: Url) -> Held:
    """Return who holds a lock; nothing where it is gone or is none."""
    with suppress(FileNotFoundError, ValueError):
        holder = json.loads(lock.read_bytes())
        if isinstance(holder, dict) and {"host", "pid", "run", "renewed"} <= set(holder):
            return holder
    return {}


def _seconds_to_live(holder: Held) -> float:
    if not holder or (holder["host"] == socket.gethostname() and not is_alive(holder["pid"])):
        return 0.0
    return holder["renewed"] + SECONDS_UNTIL_DEAD - time.time()


def is_alive(pid: int) -> bool:
    """Whether a process of this machine is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
