"""SIGTERM: the notice that a machine is about to be taken away."""

import signal
from types import FrameType

STATUS_OF_SIGTERM = 128 + signal.SIGTERM


class StopNotice:
    """Remembers that the process was asked to stop, so that the loop can do so in good order."""

    def __init__(self) -> None:
        self.given = False
        self._before = signal.signal(signal.SIGTERM, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.given = True

    def close(self) -> None:
        """Give SIGTERM back its usual meaning."""
        signal.signal(signal.SIGTERM, self._before)
