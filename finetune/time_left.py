"""How long the cells that are left will take; rows differ by a factor of a hundred."""

from collections import Counter
from collections.abc import Iterable

from finetune.cells import Cell


class TimeLeft:
    """An estimate from the cells done so far, the most alike first.

    A cell is taken to last as long as the mean of the known ones of its row, target, share and
    experts; where there is none, of its row and target, of its row, of all.
    """

    def __init__(self, cells: Iterable[Cell], workers: int) -> None:
        self._workers = workers
        self._left = Counter(_kinds(cell) for cell in cells)
        self._known: dict[tuple, tuple[float, int]] = {}

    def learn(self, cell: Cell, seconds: float) -> None:
        """Take note of how long a cell took, in this run or an earlier one."""
        for kind in _kinds(cell):
            total, count = self._known.get(kind, (0.0, 0))
            self._known[kind] = total + seconds, count + 1

    def tick_off(self, cell: Cell) -> None:
        """Count a cell as done or failed."""
        self._left[_kinds(cell)] -= 1

    def seconds(self) -> float | None:
        """Return the seconds left; None while nothing is known."""
        if not self._known:
            return None
        left = {kinds: self._expected(kinds) for kinds, n in self._left.items() if n}
        shared = sum(self._left[kinds] * expected for kinds, expected in left.items())
        # Nobody helps with the last cell, however many are there.
        return max([shared / self._workers, *left.values()])

    def _expected(self, kinds: tuple[tuple, ...]) -> float:
        total, count = next(self._known[kind] for kind in kinds if kind in self._known)
        return total / count


def _kinds(cell: Cell) -> tuple[tuple, ...]:
    """Return what a cell is, from the narrowest to the widest."""
    row, target = cell.row, cell.target
    return (row, target, cell.label_share, cell.share_by, cell.experts), (row, target), (row,), ()
