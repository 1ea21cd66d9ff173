"""Progress with the time left: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {unit} [{elapsed}{postfix}]"


class Progress:
    """Count `total` units of work done; use as a context manager.

    The time left is told from the second `advance` on: what comes before the first is also the
    start of what does the work, such as workers. `seconds_left` estimates it where units differ too
    much for their mean to tell it, and is None while it cannot.
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
        # When the first units were done, and how many.
        self._first: tuple[float, int] | None = None
        self._bar = (
            tqdm(total=total, desc=label, unit=unit, bar_format=BAR)
            if sys.stderr.isatty()
            else None
        )

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count `amount` more units; `note` is shown behind the count."""
        self.done += amount
        if self._first is None:
            self._first = time.monotonic(), self.done
        if self._bar is not None:
            shown = ", ".join(filter(None, [self._estimate(), note]))
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(amount)
        elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES or self.done == self.total:
            self._last_line = time.monotonic()
            print(self._line(note), file=sys.stderr, flush=True)

    def _line(self, note: str) -> str:
        elapsed = time.monotonic() - self._start
        line = f"{self.label}: {self.done}/{self.total} {self.unit}, {elapsed:.0f} s"
        return ", ".join(filter(None, [line, self._estimate(), note]))

    def _estimate(self) -> str:
        left = self._seconds_left() if self._seconds_left else self._left_by_mean()
        return "" if left is None else f"about {left:.0f} s left"

    def _left_by_mean(self) -> float | None:
        if self._first is None or self.done == self._first[1]:
            return None
        began, before = self._first
        return (time.monotonic() - began) / (self.done - before) * (self.total - self.done)

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
