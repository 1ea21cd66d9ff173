"""Progress with the time left: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0
ESTIMATED_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class Progress:
    """Count `total` units of work done; use as a context manager.

    `seconds_left` estimates the time left where units differ too much for their mean to tell it,
    and is None while it cannot.
    """

    def __init__(
        self,
        label: str,
        total: int,
        unit: str,
        seconds_left: Callable[[], float | None] | None = None,
    ) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._seconds_left = seconds_left
        self._start = self._last_line = time.monotonic()
        shape = {"bar_format": ESTIMATED_BAR} if seconds_left else {}
        self._bar = (
            tqdm(total=total, desc=label, unit=unit, **shape) if sys.stderr.isatty() else None
        )

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count `amount` more units; `note` is shown behind the count."""
        self.done += amount
        if self._bar is not None:
            shown = ", ".join(filter(None, [self._estimate(), note]))
            self._bar.set_postfix_str(shown if self._seconds_left else note, refresh=False)
            self._bar.update(amount)
        elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES or self.done == self.total:
            self._last_line = time.monotonic()
            print(self._line(note), file=sys.stderr, flush=True)

    def _line(self, note: str) -> str:
        elapsed = time.monotonic() - self._start
        line = f"{self.label}: {self.done}/{self.total} {self.unit}, {elapsed:.0f} s"
        return ", ".join(filter(None, [line, self._estimate(), note]))

    def _estimate(self) -> str:
        elapsed = time.monotonic() - self._start
        left: float | None = elapsed / max(self.done, 1) * (self.total - self.done)
        if self._seconds_left is not None:
            left = self._seconds_left()
        return "" if left is None else f"about {left:.0f} s left"

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
