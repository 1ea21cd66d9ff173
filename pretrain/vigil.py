"""Who is still alive: so that a rank that died or hangs is named by those that wait for it.

A thread of every rank writes, every second, into the run's folder when it was last seen and what
it was doing. When a collective operation fails, the ranks that are left read who was seen last.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.runs import write_json

FOLDER = ".ranks"
SECONDS_BETWEEN_SIGNS = 1.0
# A rank that has not been seen for this long is not merely busy.
SECONDS_OF_SILENCE = 5.0
# How torch's back ends begin to say that another rank is not there.
MARKS = ("gloo", "nccl", "connection closed", "connection reset", "timed out", "timeout")


class Vigil:
    """The signs of life of one rank."""

    def __init__(self, run: Path, rank: int, ranks: int) -> None:
        self.folder, self.rank, self.ranks = run / FOLDER, rank, ranks
        self.doing = "starting"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vigil", daemon=True)
        if ranks > 1:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._give_sign()
            self._thread.start()

    def close(self) -> None:
        """Give no more signs."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_SIGNS):
            self._give_sign()

    def _give_sign(self) -> None:
        sign = {"seen": time.time(), "doing": self.doing}
        write_json(self.folder / f"rank-{self.rank}.json", sign)

    @contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        """Turn the failure of a collective operation into a UserError that says who is missing."""
        try:
            yield
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
            if self.ranks == 1 or not any(mark in str(error).lower() for mark in MARKS):
                raise
            # Torch's message can come before the other's silence is long enough to be noticed.
            time.sleep(SECONDS_OF_SILENCE)
            raise UserError(f"{self._lost()} ({type(error).__name__}: {reason[:120]})") from None

    def _lost(self) -> str:
        now, silent, others = time.time(), [], []
        for rank in range(self.ranks):
            if rank == self.rank:
                continue
            sign = self._sign_of(rank)
            name = f"rank {rank} of {self.ranks}"
            if sign is None:
                silent.append(f"{name} was never seen")
            elif now - sign["seen"] > SECONDS_OF_SILENCE:
                silent.append(f"{name} is gone or hangs: last seen {sign['doing']}")
            else:
                others.append(f"{name} is alive, {sign['doing']}")
        said = "; ".join(silent or others)
        return (
            f"{said}, while rank {self.rank} was {self.doing}; "
            "the same command goes on from the last checkpoint"
        )

    def _sign_of(self, rank: int) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / f"rank-{rank}.json").read_text())
        except (OSError, ValueError):
            return None
