"""A training that was killed goes on where its last whole epoch ended, with the same numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cluster.runs import digest, replace_when_whole


@dataclass(frozen=True)
class Continuation:
    """The file that holds the state of one training."""

    path: Path

    @classmethod
    def beside(cls, folder: Path, what: object) -> "Continuation":
        """Return that of a training whose result becomes `folder`.

        `what` is, as JSON holds it, all that decides its numbers; what another left is removed.
        """
        prefix = f".{folder.name}.fit-"
        path = folder.with_name(f"{prefix}{digest(what)}.pt")
        for other in folder.parent.glob(f"{prefix}*.pt"):
            if other != path:
                other.unlink()
        return cls(path)

    def save(self, state: dict[str, Any]) -> None:
        """Keep tensors and plain values, and torch's random state; whole or not at all."""
        with replace_when_whole(self.path, "wb") as file:
            torch.save({**state, "random": torch.get_rng_state()}, file)

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, and set torch's random state; None where nothing was."""
        if not self.path.exists():
            return None
        state = torch.load(self.path, weights_only=True)
        torch.set_rng_state(state["random"])
        return state

    def remove(self) -> None:
        """Forget the state; the training has ended."""
        self.path.unlink(missing_ok=True)
