"""Progress with the time left: a bar on a terminal, a line now and then in a log."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Count `total` units of work done; use as a context manager."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._start = self._last_line = time.monotonic()
        self._bar = tqdm(total=total, desc=label, unit=unit) if sys.stderr.isatty() else None

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count `amount` more units; `note` is shown behind the count."""
        self.done += amount
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(amount)
        elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES or self.done == self.total:
            self._last_line = time.monotonic()
            print(self._line(note), file=sys.stderr, flush=True)

    def _line(self, note: str) -> str:
        elapsed = time.monotonic() - self._start
        left = elapsed / max(self.done, 1) * (self.total - self.done)
        line = f"{self.label}: {self.done}/{self.total} {self.unit}, {elapsed:.0f} s"
        return f"{line}, about {left:.0f} s left{f', {note}' if note else ''}"

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
