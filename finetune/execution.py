"""Cells on Ray: bounded work in flight, results stored as they come, failures listed."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cluster
import datagen
import finetune
import pretrain
from cluster.connect import ClusterConfig, connected
from cluster.errors import UserError
from cluster.progress import Progress
from finetune.cells import Cell, Computed, cell_digest, run_cell
from finetune.config import FinetuneConfig
from finetune.materials import Materials
from finetune.prepare import CellData
from finetune.store import Store
from finetune.time_left import TimeLeft

CODE = (cluster, datagen, pretrain, finetune)
QUEUED_PER_WORKER = 2


@dataclass(frozen=True)
class Failure:
    """A cell that could not be computed."""

    cell: Cell
    reason: str


def run_cells(
    cells: Sequence[Cell],
    materials: Materials,
    output: Path,
    where: ClusterConfig,
    on_result: Callable[[dict], None],
) -> tuple[list[dict], list[Failure]]:
    """Compute the cells that are not yet stored under `output`; return all results and failures.

    `on_result` sees each new result before it is stored, once for each cell that it is of. Cells
    of one digest are computed once, and fail together.
    """
    store = Store(output)
    names = {cell: _name(cell, materials) for cell in cells}
    twins: dict[str, list[Cell]] = {}
    for cell, name in names.items():
        twins.setdefault(name, []).append(cell)
    todo = {name: cells for name, cells in twins.items() if not store.has(name)}
    failures = _compute(todo, names, store, materials, where, on_result) if todo else []
    results = [
        {**store.read(name), "cell": asdict(cell)}
        for cell, name in names.items()
        if store.has(name)
    ]
    return results, failures


def attempt(cell: Cell, config: FinetuneConfig, data: CellData) -> Computed | Failure:
    """Run one cell; whatever goes wrong in it comes back as data."""
    try:
        return run_cell(cell, config, data)
    except Exception as error:
        return Failure(cell, f"{type(error).__name__}: {_first_line(error)}")


def _compute(
    todo: dict[str, list[Cell]],
    names: dict[Cell, str],
    store: Store,
    materials: Materials,
    where: ClusterConfig,
    on_result: Callable[[dict], None],
) -> list[Failure]:
    failures = []
    firsts = [cells[0] for cells in todo.values()]
    with connected(where, CODE) as workers:
        left = TimeLeft(firsts, workers)
        # A worker with a cell in reserve never waits, but on a foreign cluster it would take both.
        queued = workers if where.workers else QUEUED_PER_WORKER * workers
        for cell, name in names.items():
            if store.has(name):
                left.learn(cell, store.read(name)["seconds"])
        with Progress("fine-tuning", len(names), "cells", left.seconds) as progress:
            progress.advance(len(names) - sum(map(len, todo.values())), "stored before")
            for cell, outcome in _outcomes(firsts, materials, queued):
                alike = todo[names[cell]]
                if isinstance(outcome, Failure):
                    failures += [Failure(each, outcome.reason) for each in alike]
                else:
                    left.learn(cell, outcome.result["seconds"])
                    for each in alike:
                        on_result({**outcome.result, "cell": asdict(each)})
                    store.write(names[cell], outcome)
                left.tick_off(cell)
                progress.advance(len(alike), f"{cell.row} on {cell.target}")
    return failures


def _outcomes(
    cells: Sequence[Cell], materials: Materials, queued: int
) -> Iterator[tuple[Cell, Computed | Failure]]:
    import ray  # after `connected`, which sets the environment that Ray reads on import

    remote = ray.remote(attempt).options(num_cpus=1)
    waiting = deque(cells)
    running: dict[ray.ObjectRef, Cell] = {}
    held: tuple[str, str] | None = None
    while waiting or running:
        while waiting and len(running) < queued:
            cell = waiting.popleft()
            source = cell.target, materials.release_of(cell)
            if source != held:
                try:
                    data = materials.data(*source)
                except UserError as error:
                    yield cell, Failure(cell, str(error))
                    continue
                # Tasks in flight keep alive what they need; with the last of them it is freed.
                shared = ray.put(materials.config(*source)), ray.put(data)
                held = source
            running[remote.remote(cell, *shared)] = cell
        if not running:
            continue
        (done,), _ = ray.wait(list(running), num_returns=1)
        cell = running.pop(done)
        try:
            yield cell, ray.get(done)
        except ray.exceptions.RayError as error:
            yield cell, Failure(cell, f"its worker was lost: {_first_line(error)}")


def _name(cell: Cell, materials: Materials) -> str:
    config = materials.config(cell.target, materials.release_of(cell))
    return cell_digest(cell, config, materials.origin(cell))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]
