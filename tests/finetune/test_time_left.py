"""The time left is told by row, for rows differ by a factor of a hundred."""

import pytest

from finetune.cells import Cell
from finetune.time_left import TimeLeft


def cells(row: str, count: int, target: str = "a", share: float = 1.0) -> list[Cell]:
    return [Cell(row, fold, 0, 0, share, target=target) for fold in range(count)]


def test_each_row_counts_with_its_own_time() -> None:
    slow, quick = cells("slow", 4), cells("quick", 10)
    left = TimeLeft([*slow, *quick], workers=2)
    assert left.seconds() is None
    left.learn(slow[0], 100.0)
    left.tick_off(slow[0])
    left.learn(quick[0], 1.0)
    left.tick_off(quick[0])
    assert left.seconds() == pytest.approx((3 * 100 + 9 * 1) / 2)


def test_what_is_not_known_is_told_by_what_is_most_alike() -> None:
    here, there, few = cells("a", 2), cells("a", 2, "b"), cells("a", 2, "b", 0.1)
    left = TimeLeft([*here, *there, *few, *cells("z", 1)], workers=1)
    left.learn(here[0], 10.0)
    assert left.seconds() == pytest.approx(7 * 10)
    left.learn(there[0], 30.0)
    # Its target for the share of labels, its row for nothing, all for the row z.
    assert left.seconds() == pytest.approx(2 * 10 + 2 * 30 + 2 * 30 + 20)


def test_failed_cells_no_longer_count() -> None:
    some = cells("a", 3)
    left = TimeLeft(some, workers=1)
    left.learn(some[0], 5.0)
    for cell in some:
        left.tick_off(cell)
    assert left.seconds() == 0


def test_the_last_cells_take_as_long_as_one_of_them_however_many_workers_there_are() -> None:
    slow, quick = cells("slow", 2), cells("quick", 40)
    left = TimeLeft([*slow, *quick], workers=64)
    left.learn(slow[0], 100.0)
    left.learn(quick[0], 1.0)
    assert left.seconds() == 100
    for cell in slow:
        left.tick_off(cell)
    assert left.seconds() == 1
