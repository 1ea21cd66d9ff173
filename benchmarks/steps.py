"""The trainer with a clock at every step, for `benchmarks.pretrain`; the launcher starts it.

    python -m benchmarks.steps --record FILE [--beside] --config ... key=value

Each rank writes FILE-RANK.json: seconds by the clock and of CPU time of each step of the real
loop, from one call of `take_step` to the next, so what is recorded and said counts too. With
`--beside`, the other ways take a step of their own between two steps of the loop, with a copy of
the same model: on ready tensors, and as a plain DistributedDataParallel loop does.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from benchmarks.plain import plain_pipeline, windows_of
from pretrain import train
from pretrain.model import Multi3Net
from pretrain.schedule import make_optimizer
from pretrain.step import Run, take_step

Step = Callable[[], None]
Times = dict[str, list[tuple[float, float]]]


def now() -> tuple[float, float]:
    """Return the clock, and the CPU time of this process."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    """Return how much of both has gone by."""
    clock, cpu = now()
    return clock - began[0], cpu - began[1]


def on_ready_tensors(run: Run, batch: dict[str, Any], model: Multi3Net) -> Step:
    """Return forward, backward and optimizer on one batch."""
    optimizer = make_optimizer(model, run.config.optimizer)

    def step() -> None:
        optimizer.zero_grad()
        model(batch).losses["total"].backward()
        optimizer.step()

    return step


class Losses(nn.Module):
    """A model that returns its total loss, as DistributedDataParallel likes it."""

    def __init__(self, model: Multi3Net) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Any]) -> Any:
        """Return the loss of a batch."""
        return self.model(batch).losses["total"]


def plain_ddp(run: Run, model: Multi3Net) -> Step:
    """Return a step as one writes it without this project: plain torch, plain WebDataset."""
    optimizer = make_optimizer(model, run.config.optimizer)
    wrapped = DistributedDataParallel(Losses(model))
    cut = partial(windows_of, window=run.config.model.window)
    paths = [Path(str(shard.path)) for shard in run.data.train]

    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield from plain_pipeline(paths, run.config.batch_size, cut)

    batches = endless()

    def step() -> None:
        optimizer.zero_grad()
        loss = wrapped(next(batches))
        loss.backward()
        clip_grad_norm_(model.parameters(), run.config.optimizer.clip)
        optimizer.step()
        loss.item()

    return step


class Clocked:
    """Stands in for `take_step`."""

    def __init__(self, beside: bool) -> None:
        self.beside, self.others = beside, dict[str, Step]()
        self.times: Times = {"loop": []}
        self._began: tuple[float, float] | None = None

    def __call__(self, run: Run) -> tuple[dict[str, float], bool]:
        """Take the other ways' steps, then the loop's."""
        if self._began is not None:
            self.times["loop"].append(since(self._began))
        elif self.beside:
            batch, _ = next(islice(run.batches, 1))
            ready, plain = (copy.deepcopy(run.engine.module) for _ in range(2))
            self.others = {
                "ready": on_ready_tensors(run, batch, ready),
                "plain": plain_ddp(run, plain),
            }
        for name, step in self.others.items():
            began = now()
            step()
            self.times.setdefault(name, []).append(since(began))
        self._began = now()
        return take_step(run)


def main() -> int:
    """Train as the rest of the command line says, and write the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", required=True)
    parser.add_argument("--beside", action="store_true")
    given, rest = parser.parse_known_args()
    clocked = Clocked(given.beside)
    train.take_step = clocked
    status = train.main(rest)
    rank, _ = train.ranks_started()
    Path(f"{given.record}-{rank}.json").write_text(json.dumps(clocked.times))
    return status


if __name__ == "__main__":
    sys.exit(main())
