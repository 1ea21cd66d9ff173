"""Results on disk: for each cell a JSON file, and beside it the probabilities of its test windows.

Files are named by the digest of what decides the cell, so results are found again by any run or
sweep with the same output folder, and never by one that would compute something else.
"""

import json
from pathlib import Path

import numpy as np

from cluster.runs import replace_when_whole, write_json
from finetune.cells import Computed


class Store:
    """The folder `cells` of an output folder."""

    def __init__(self, output: Path) -> None:
        self._folder = output / "cells"

    def has(self, name: str) -> bool:
        """Whether a result is there, whole."""
        return self._path(name).exists()

    def read(self, name: str) -> dict:
        """Return a result without its probabilities."""
        return json.loads(self._path(name).read_text())

    def write(self, name: str, computed: Computed) -> None:
        """Keep a result; its JSON file comes last and marks it as whole."""
        with replace_when_whole(self._folder / f"{name}.npz", "wb") as file:
            np.savez_compressed(
                file, windows=computed.test_M, probabilities=computed.probabilities_MK
            )
        write_json(self._path(name), computed.result)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
