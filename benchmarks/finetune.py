"""Fine-tuning on the watch data: stored tokens, cells on Ray, a cell of every row, many heads.

    python -m benchmarks.finetune [cache] [sweep] [rows] [heads]

Releases are of random weights, since time does not depend on them. Figures of one process are of
CPU time on one thread. Those of Ray are by the clock, after the first result of each worker.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.cached_tokens import cache_figures
from benchmarks.heads import HEADS, batched_ratio
from benchmarks.made_release import PRESETS, cut, made_release, seconds, watch
from cluster.config import load_config
from cluster.connect import ClusterConfig
from finetune.cells import Cell, run_cell
from finetune.config import SweepConfig
from finetune.execution import run_cells
from finetune.materials import Materials
from finetune.prepare import encode, load_fitting
from finetune.sweep import plan_cells

WORKERS, ROUNDS = (1, 2), 3
# Without rows that a wait sets between two of these, and those that only encode once more.
ROWS = {
    "multi3net_plus_frozen": True,
    "multi3net_frozen": True,
    "base": True,
    "deepconvlstm": True,
    "resnet": True,
    "linear_frozen": False,
    "centroid": False,
    "forest": False,
    "svm": False,
}


def cells_per_minute(folder: Path, workers: int) -> float:
    """Run a small sweep as `python -m finetune sweep` does, without its report."""
    overrides = [
        f"output={tempfile.mkdtemp(dir=folder)}",
        f"releases.demo.folder={made_release(folder, 'small')}",
        "grids=[{rows: [multi3net_plus_frozen, forest]}]",
        "training.epochs=2",
    ]
    sweep = load_config(SweepConfig, PRESETS / "finetune" / "sweep_demo.yaml", overrides)
    materials = Materials(sweep)
    cells = plan_cells(sweep, materials)
    came: list[float] = []
    where = ClusterConfig(workers=workers)
    output = Path(sweep.output)
    _, failures = run_cells(
        cells, materials, output, where, lambda _: came.append(time.perf_counter())
    )
    assert not failures, failures
    # Workers import what they need with their first cell; both runs leave out as many.
    skipped = max(WORKERS)
    return 60 * (len(came) - skipped) / (came[-1] - came[skipped - 1])


def sweep_figures(folder: Path) -> dict[str, float]:
    """Compare one worker with two, in turn, since other programs come and go."""
    rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    for _ in range(ROUNDS):
        for workers in WORKERS:
            rates[workers].append(cells_per_minute(folder, workers))
            print(f"  {workers} worker(s): {rates[workers][-1]:.1f} cells a minute", flush=True)
    ratios = [two / one for one, two in zip(*rates.values(), strict=True)]
    return {
        "cells_per_minute": statistics.median(rates[2]),
        "scaling_2": statistics.median(ratios),
    }


def row_figures(folder: Path) -> dict[str, float]:
    """Print what a cell takes with all labels and preset `watch`, no network ending early."""
    config = watch(folder, "plus")
    epochs = config.training.epochs
    brief = replace(config, training=replace(config.training, epochs=1))
    pretrained, windows = load_fitting(config), cut(config)
    once, data = seconds(partial(encode, brief, pretrained, windows))
    print(f"  {len(windows)} windows; encoding them and their views once {once:.1f} s", flush=True)
    run_cell(Cell("multi3net_plus_frozen", 0, 0, 8, 0.02), brief, data)  # loads what is loaded then
    figures = {}
    for row, is_network in ROWS.items():
        experts = config.classifier.experts if row in ("multi3net_plus_frozen", "base") else 0
        taken, _ = seconds(partial(run_cell, Cell(row, 0, 0, experts), brief, data))
        figures[f"seconds_{row}"] = taken * (epochs if is_network else 1)
        how = f"  {epochs} epochs of {taken:.2f} s" if is_network else ""
        print(f"  {row:22s} {figures[f'seconds_{row}']:7.1f} s{how}", flush=True)
    return figures


def head_figures(_: Path) -> dict[str, float]:
    """Compare heads trained at once with one after another."""
    figures = {}
    for size in (32, 8):
        ratio = batched_ratio(length=24, width=256, size=size)
        print(
            f"  {HEADS} heads at once, batches of {size}: {ratio:.2f} times the speed", flush=True
        )
        figures[f"batched_heads_{size}"] = ratio
    return figures


PARTS: dict[str, tuple[str, Callable[[Path], dict[str, float]]]] = {
    "cache": ("a frozen row on stored tokens against encoding in every epoch", cache_figures),
    "sweep": ("multi3net_plus_frozen and forest on Ray", sweep_figures),
    "rows": ("a cell of each row, preset plus for the encoder", row_figures),
    "heads": ("heads at once against one after another", head_figures),
}


def main() -> None:
    """Measure, print what was found and, last, one line of JSON."""
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for part in sys.argv[1:] or PARTS:
            title, measure = PARTS[part]
            print(title, flush=True)
            figures |= measure(Path(name))
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
