"""Cells on Ray: what happens to the others where some cannot be computed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError
from finetune import execution
from finetune.cells import Cell


class Materials(SimpleNamespace):
    """Two releases, of which the data of one cannot be had."""

    def release_of(self, cell: Cell) -> str:
        return cell.release

    def config(self, target: str, release: str) -> None:
        return None

    def data(self, target: str, release: str) -> None:
        if release == "unfit":
            raise UserError("the release unfit does not fit")


def test_a_release_that_does_not_fit_fails_its_own_cells_and_those_of_equal_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfit = [Cell("centroid", 0, 0, 0, target=each, release="unfit") for each in ("a", "b")]
    fit = Cell("centroid", 1, 0, 0, target="a", release="fit")
    monkeypatch.setattr(execution, "_name", lambda cell, _: f"{cell.release}-{cell.fold}")
    materials: Any = Materials()
    results, failures = execution.run_cells(
        [*unfit, fit], materials, tmp_path, ClusterConfig(workers=1), lambda _: None
    )
    assert results == []
    assert [failure.cell for failure in failures[:2]] == unfit
    assert {failure.reason for failure in failures[:2]} == {"the release unfit does not fit"}
    # Without windows the other one was tried, in a worker, and failed there.
    assert failures[2].cell == fit
    assert "AttributeError" in failures[2].reason


def timed(cell: Cell, config: object, data: object) -> execution.Failure:
    started = time.time()
    time.sleep(0.2)
    return execution.Failure(cell, f"{started} {time.time()}")


def test_as_many_cells_at_once_as_the_user_says_where_the_cluster_has_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def running_cluster(where: ClusterConfig, code: object) -> Iterator[int]:
        with connected(ClusterConfig(workers=2), ()):
            assert where.workers
            yield where.workers

    monkeypatch.setattr(execution, "_name", lambda cell, _: f"{cell.fold}")
    monkeypatch.setattr(execution, "connected", running_cluster)
    monkeypatch.setattr(execution, "attempt", timed)
    cells = [Cell("forest", fold, 0, 0, target="a", release="fit") for fold in range(6)]
    materials: Any = Materials()
    _, failures = execution.run_cells(
        cells, materials, tmp_path, ClusterConfig(workers=1), lambda _: None
    )
    spans = sorted(tuple(map(float, failure.reason.split())) for failure in failures)
    assert len(spans) == 6
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
