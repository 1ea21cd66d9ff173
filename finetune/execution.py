"""Cells on Ray: bounded work in flight, results stored as they come, failures listed."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cluster
import finetune
import pretrain
from cluster.connect import ClusterConfig, connected
from cluster.progress import Progress
from cluster.runs import write_json
from finetune.cells import Cell, cell_digest, run_cell
from finetune.config import FinetuneConfig
from finetune.prepare import CellData

CODE = (cluster, pretrain, finetune)
QUEUED_PER_WORKER = 2


@dataclass(frozen=True)
class Failure:
    """A cell that could not be computed."""

    cell: Cell
    reason: str


def run_cells(
    cells: Sequence[Cell],
    config: FinetuneConfig,
    data: CellData,
    on_result: Callable[[dict], None],
) -> tuple[list[dict], list[Failure]]:
    """Compute the cells that are not yet stored under `output`; return all results and failures.

    A result is stored in `cells/` under the digest of what decides it, so a killed run goes on
    where it stopped. `on_result` sees each new result before that file marks it as done.
    """
    folder = Path(config.output) / "cells"
    paths = {cell: folder / f"{cell_digest(cell, config, data)}.json" for cell in cells}
    missing = [cell for cell in cells if not paths[cell].exists()]
    failures = []
    if missing:
        with Progress("fine-tuning", len(cells), "cells") as progress:
            progress.advance(len(cells) - len(missing), "stored before")
            for cell, outcome in _computed(missing, config, data, config.cluster):
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                else:
                    on_result(outcome)
                    write_json(paths[cell], outcome)
                progress.advance(1, f"{cell.row} fold {cell.fold}")
    stored = [paths[cell] for cell in cells if paths[cell].exists()]
    return [json.loads(path.read_text()) for path in stored], failures


def attempt(cell: Cell, config: FinetuneConfig, data: CellData) -> dict | Failure:
    """Run one cell; whatever goes wrong in it comes back as data."""
    try:
        return run_cell(cell, config, data)
    except Exception as error:
        return Failure(cell, f"{type(error).__name__}: {_first_line(error)}")


def _computed(
    cells: list[Cell], config: FinetuneConfig, data: CellData, where: ClusterConfig
) -> Iterator[tuple[Cell, dict | Failure]]:
    with connected(where, CODE) as workers:
        import ray  # after `connected`, which sets the environment that Ray reads on import

        remote = ray.remote(attempt).options(num_cpus=1)
        shared_config, shared_data = ray.put(config), ray.put(data)
        waiting = list(reversed(cells))
        running: dict[ray.ObjectRef, Cell] = {}
        while waiting or running:
            while waiting and len(running) < QUEUED_PER_WORKER * workers:
                cell = waiting.pop()
                running[remote.remote(cell, shared_config, shared_data)] = cell
            (done,), _ = ray.wait(list(running), num_returns=1)
            cell = running.pop(done)
            try:
                yield cell, ray.get(done)
            except ray.exceptions.RayError as error:
                yield cell, Failure(cell, f"its worker was lost: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]


def failure_rows(failures: Sequence[Failure]) -> list[dict]:
    """Return failures as JSON holds them."""
    return [asdict(failure) for failure in failures]
