"""Checkpoints are written while training goes on.

What is to be saved is copied in memory, which takes a moment, and a thread writes the copy. The
next checkpoint waits until the one before is on disk.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import torch
from deepspeed.runtime.checkpoint_engine import TorchCheckpointEngine
from torch import Tensor


class Task(threading.Thread):
    """Work in a thread of its own, and what went wrong with it."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="checkpoint")
        self.work = work
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Do the work."""
        try:
            self.work()
        # A full disk is an OSError or, from torch's writer, a RuntimeError: none may be lost.
        except Exception as error:
            self.error = error

    def outcome(self) -> Exception | None:
        """Return, once the work is over, what went wrong."""
        self.join()
        return self.error


class BackgroundWriter(TorchCheckpointEngine):
    """DeepSpeed's checkpoint engine with a thread between it and the disk."""

    def __init__(self) -> None:
        self.zipfile_serialization = True
        self._copies: list[tuple[Any, str]] = []

    def save(self, state_dict: Any, path: str) -> None:
        """Keep a copy of what `path` is to hold; `write` begins to write it."""
        self._copies.append((_copied(state_dict, {}), path))

    def write(self, then: Callable[[list[str]], None]) -> Task:
        """Begin to write what was kept; once it is on disk, `then` is called with the paths."""
        copies, self._copies = self._copies, []

        def work() -> None:
            for state, path in copies:
                torch.save(state, path)
                _sync(path)
            then([path for _, path in copies])

        return Task(work)


def _copied(value: Any, storages: dict[int, torch.UntypedStorage]) -> Any:
    """Return a copy in the CPU's memory; tensors that share memory share it in the copy."""
    if isinstance(value, Tensor):
        place = value.untyped_storage().data_ptr()
        if place not in storages:
            storages[place] = value.untyped_storage().cpu().clone()
        copy = torch.empty(0, dtype=value.dtype)
        return copy.set_(storages[place], value.storage_offset(), value.shape, value.stride())
    if isinstance(value, dict):
        return {key: _copied(part, storages) for key, part in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_copied(part, storages) for part in value)
    return value


def _sync(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
