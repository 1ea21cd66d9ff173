"""Who is still alive: so that a rank that died or hangs is named by those that wait for it.

A thread of every rank writes, every second, into the run's folder when it was last seen and what
it was doing; a rank that fails by itself, or comes to its end, leaves there that it has. When a
collective operation fails, the ranks that are left read who was seen last, so that one line says
which and why. Where an operation does not fail although its time is over, which torch's gloo has
been seen to do for a rank that hangs, the thread ends its rank itself.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from cluster.errors import USER_ERROR_STATUS, UserError
from cluster.runs import write_json
from pretrain.world import OwnError

FOLDER = ".ranks"
SECONDS_BETWEEN_SIGNS = 1.0
# A rank that has not been seen for this long is not merely busy.
SECONDS_OF_SILENCE = 5.0
# Ranks do not start at the same moment; what is older was left by an earlier run.
SECONDS_OF_START = 30.0
# A rank that leaves the word to another gives it as long to speak and to be ended with the rest.
SECONDS_TO_BE_HEARD = 15.0
SECONDS_BETWEEN_LOOKS = 0.1
# What an operation may take beyond its own time; shared folders can be as late as that.
SECONDS_OF_GRACE = 60.0
# How torch's back ends begin to say that another rank is not there.
MARKS = ("gloo", "nccl", "connection closed", "connection reset", "timed out", "timeout")


class Vigil:
    """The signs of life of one rank."""

    def __init__(self, run: Path, rank: int, ranks: int, timeout: float) -> None:
        self.folder, self.rank, self.ranks = run / FOLDER, rank, ranks
        self.doing = "starting"
        self._others = [other for other in range(ranks) if other != rank]
        self._looks_in_vain = int((timeout + SECONDS_OF_GRACE) / SECONDS_BETWEEN_SIGNS)
        self._began, self._failed, self._closed = time.time(), False, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vigil", daemon=True)
        if ranks > 1:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._give_sign()
            self._thread.start()

    def close(self) -> None:
        """Give no more signs, and say so."""
        self._ended.set()
        if self.ranks > 1:
            self._thread.join()
            self._closed = True
            self._try_to_give_sign()

    def _watch(self) -> None:
        seen: dict[int, float] = {}
        in_vain = dict.fromkeys(self._others, 0)
        # Looks are counted, not seconds: a machine that slept has not watched anybody meanwhile.
        while not self._ended.wait(SECONDS_BETWEEN_SIGNS):
            self._try_to_give_sign()
            for rank in self._others:
                sign = self._sign_of(rank)
                if sign is None or sign["failed"] or sign["closed"]:
                    in_vain[rank] = 0
                    continue
                in_vain[rank] = in_vain[rank] + 1 if sign["seen"] == seen.get(rank) else 0
                seen[rank] = sign["seen"]
            if max(in_vain.values()) > self._looks_in_vain:
                self._end_without_them()

    def _end_without_them(self) -> NoReturn:
        """End this process, whose main thread waits within an operation that does not come back."""
        if any(self._is_heard(rank) for rank in range(self.rank)):
            until = time.monotonic() + SECONDS_TO_BE_HEARD
            while time.monotonic() < until:
                self._try_to_give_sign()
                time.sleep(SECONDS_BETWEEN_SIGNS)
        print(f"error: {self._lost()}", file=sys.stderr, flush=True)
        os._exit(USER_ERROR_STATUS)

    def _try_to_give_sign(self) -> None:
        # Where the disk is full, what the run itself writes there will end it.
        with suppress(UserError, OSError):
            self._give_sign()

    def _give_sign(self) -> None:
        sign = {"seen": time.time(), "doing": self.doing}
        sign |= {"failed": self._failed, "closed": self._closed}
        write_json(self.folder / f"rank-{self.rank}.json", sign)

    @contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        """See that a failure ends in one line, whichever ranks it meets.

        The failure of a collective operation becomes a UserError that says who is missing. A rank
        that only waited for one which has failed by itself leaves the word to that one; of several
        that fail with a UserError, the lowest has it.
        """
        try:
            yield
        except Exception as error:
            if self.ranks == 1:
                raise
            if _of_the_others(error):
                self._name_the_lost(error)
            self._failed = True
            self._try_to_give_sign()
            if isinstance(error, UserError) and self.rank > 0:
                self._leave_the_word_to(range(self.rank))
                raise OwnError(f"rank {self.rank}: {error}") from None
            raise

    def _name_the_lost(self, error: Exception) -> NoReturn:
        # Torch's message can come before the other's silence is long enough to be noticed.
        self._leave_the_word_to(self._others)
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise UserError(f"{self._lost()} ({type(error).__name__}: {reason[:120]})") from None

    def _leave_the_word_to(self, others: Sequence[int]) -> None:
        """End without a word where any of the others fails by itself, now or within seconds."""
        until = time.monotonic() + SECONDS_OF_SILENCE
        while not any(map(self._has_failed, others)):
            if time.monotonic() > until:
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)
        # The launcher ends this rank once that one has spoken.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(SECONDS_TO_BE_HEARD)
        raise SystemExit(USER_ERROR_STATUS)

    def _lost(self) -> str:
        silent, alive = [], []
        for rank in self._others:
            sign = self._sign_of(rank)
            name = f"rank {rank} of {self.ranks}"
            if sign is None:
                silent.append(f"{name} was never seen")
            elif not self._is_heard(rank):
                silent.append(f"{name} is gone or hangs: last seen {sign['doing']}")
            else:
                alive.append(f"{name} is alive, {sign['doing']}")
        said = "; ".join(silent or alive)
        return (
            f"{said}, while rank {self.rank} was {self.doing}; "
            "the same command goes on from the last checkpoint"
        )

    def _is_heard(self, rank: int) -> bool:
        sign = self._sign_of(rank)
        return sign is not None and time.time() - sign["seen"] < SECONDS_OF_SILENCE

    def _has_failed(self, rank: int) -> bool:
        sign = self._sign_of(rank)
        return sign is not None and sign["failed"]

    def _sign_of(self, rank: int) -> dict[str, Any] | None:
        try:
            sign = json.loads((self.folder / f"rank-{rank}.json").read_text())
        except (OSError, ValueError):
            return None
        return sign if sign["seen"] > self._began - SECONDS_OF_START else None


def _of_the_others(error: Exception) -> bool:
    """Whether an operation failed because another rank is not there."""
    return isinstance(error, RuntimeError) and any(mark in str(error).lower() for mark in MARKS)
