"""The stores that fsspec knows: connect to one, ask it, and say in one line why it does not answer.

A question that meets no answer is asked again a few times, because networks fail for seconds; then
it is a UserError, because without its store a run cannot go on. What a store says of one file
alone stays an OSError, with the errno, text and name that `open` gives it.
"""

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cluster.errors import UserError
from cluster.secrets import redacted

T = TypeVar("T")

WEB = ("http", "https")
# Seconds to wait before asking again.
PAUSES = (0.5, 1.0, 2.0, 4.0)
SECONDS_TO_CONNECT, SECONDS_OF_SILENCE = 10, 60
FULL = (errno.ENOSPC, errno.EDQUOT)
# What a store says of one file, as the errno of the same answer of a local disk.
OF_ONE_FILE = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    PermissionError: errno.EACCES,
    IsADirectoryError: errno.EISDIR,
}
STATUS = {401: PermissionError, 403: PermissionError, 404: FileNotFoundError}
READ_ONLY_STATUS = (405, 501)
# Of a web server's answers from 400 to 499 these may be others the next time.
PASSING_STATUS = (408, 425, 429)


def scheme_of(url: str) -> str:
    """Return what stands before ://, in lower case."""
    return url.partition("://")[0].lower()


def ask(url: str, operation: Callable[[Any, str], T]) -> T:
    """Return what `operation` gives for the file system of a URL and the path in it.

    Raises UserError where the store does not answer, or does not do such a thing; FileNotFoundError
    and its like for what it says of the file.
    """
    for pause in (*PAUSES, None):
        try:
            store, path = _connect(url)
            store.invalidate_cache()  # what other machines have written since must be seen
            return operation(store, path)
        except Exception as raised:
            error = _beneath(raised)
            if (settled := _settled(error, url)) is not None:
                raise settled from None
            reason = redacted(str(error).strip() or type(error).__name__).splitlines()[0]
        if pause is not None:
            again = f"{redacted(url)}: {reason}; trying again in {pause:g} s"
            print(again, file=sys.stderr, flush=True)
            time.sleep(pause)
    raise UserError(
        f"{redacted(url)}: does not answer ({reason}); see that it can be reached, then type the "
        "same command again"
    )


def _connect(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path in it."""
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations

    scheme = scheme_of(url)
    try:
        return url_to_fs(url, **_options(scheme))
    except ImportError as error:
        package = known_implementations[scheme]["class"].partition(".")[0]
        needed = str(error) if package == "fsspec" else f"pip install {package}"
        raise UserError(
            f"{redacted(url)}: {scheme}:// needs a package that is not installed: {needed}"
        ) from None
    except ValueError as error:
        if scheme in known_implementations:
            raise
        raise UserError(f"{redacted(url)}: {error}; give a local path or another URL") from None


def _options(scheme: str) -> dict[str, Any]:
    if scheme not in WEB:
        return {}
    from aiohttp import ClientTimeout

    # A large file may take long, but not without a word.
    timeout = ClientTimeout(
        total=None, sock_connect=SECONDS_TO_CONNECT, sock_read=SECONDS_OF_SILENCE
    )
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}  # proxies and ~/.netrc


def _beneath(error: Exception) -> BaseException:
    """Return the error itself where fsspec says "not found" of a web server that is not there."""
    cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
    is_of_the_web = isinstance(cause, OSError) or type(cause).__module__.startswith("aiohttp")
    return cause if cause is not None and is_of_the_web else error


def _settled(error: BaseException, url: str) -> BaseException | None:
    """Return what to raise where asking again does not help, or None where it may."""
    status: Any = getattr(error, "status", None)
    for kind, number in OF_ONE_FILE.items():
        if isinstance(error, kind) or STATUS.get(status) is kind:
            return kind(number, os.strerror(number), redacted(url))
    if isinstance(error, NotImplementedError) or status in READ_ONLY_STATUS:
        return UserError(f"{redacted(url)}: can be read, but not written to")
    if isinstance(status, int) and 400 <= status < 500 and status not in PASSING_STATUS:
        return OSError(errno.EIO, f"the server answers {status}", redacted(url))
    if isinstance(error, UserError) or getattr(error, "errno", None) in FULL:
        return error
    # From a connection comes an OSError or an exception of the store's own; others are our bugs.
    is_ours = type(error).__module__ == "builtins" and not isinstance(error, OSError)
    return error if is_ours else None
