"""Ray actors that make shards: one unit each at a time, again when a worker or its node dies."""

import os
import socket
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import (
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from cluster.errors import UserError
from cluster.storage import Location, location
from datagen.config import DatagenConfig, folders
from datagen.pipeline import Pipeline
from datagen.plan import Unit
from datagen.shards import ShardInfo
from datagen.text import Vector

LOST = (RayActorError, WorkerCrashedError, OutOfMemoryError, ObjectLostError)
# A unit that loses so many workers is itself what kills them.
MOST_LOSSES = 5
SECONDS_UNTIL_A_WORD = 120.0


class Worker:
    """Makes one shard after the other in a process of its own."""

    def __init__(
        self, config: DatagenConfig, config_digest: str, folder: Location, home: Path
    ) -> None:
        self.config, self.config_digest, self.folder = config, config_digest, folder
        if home.is_dir():
            os.chdir(home)  # relative paths mean the same as where the command was typed

    def make_shard(self, unit: Unit, vectors: dict[str, Vector]) -> ShardInfo:
        """Make the shard of one unit."""
        return self._pipeline.make_shard(self.folder, unit, vectors)

    # Not made on construction: an error there would reach the driver without its kind.
    @cached_property
    def _pipeline(self) -> Pipeline:
        read = [location(source.folder) for _, _, source in folders(self.config.sources)]
        node = socket.gethostname()
        for folder in (self.folder, *read):
            try:
                is_seen = folder.is_dir()
            except UserError as error:
                raise UserError(f"node {node}: {error}") from None
            if not is_seen:
                raise UserError(
                    f"{folder}: node {node} does not see this folder; every node of the cluster "
                    "must see the same file system, or reach the same URL"
                )
        return Pipeline(self.config, self.config_digest)


def make_shards(
    units: Sequence[Unit],
    vectors: dict[str, Vector],
    config: DatagenConfig,
    config_digest: str,
    workers: int,
) -> Iterator[tuple[Unit, ShardInfo]]:
    """Yield each unit with what became of it, as they are done.

    Ray is connected. No more units are under way than there are workers, however many there are
    in all. The unit of a lost worker goes to a new one: a shard made twice is the same shard.
    Raises UserError for a user's mistake found in a worker, and for a unit that again and again
    loses its workers.
    """
    actor: Any = ray.remote(num_cpus=1)(Worker)
    arguments = (config, config_digest, location(config.output), Path.cwd())
    waiting = deque(units)
    idle = [actor.remote(*arguments) for _ in range(min(workers, len(units)))]
    running: dict[ray.ObjectRef, tuple[Any, Unit]] = {}
    losses: Counter[int] = Counter()
    while waiting or running:
        while idle and waiting:
            worker, unit = idle.pop(), waiting.popleft()
            own = {clip.text: vectors[clip.text] for clip in unit.clips}
            running[worker.make_shard.remote(unit, own)] = worker, unit
        done = _first_done(list(running))
        worker, unit = running.pop(done)
        try:
            yield unit, _result(done)
        except LOST as error:
            losses[unit.index] += 1
            _report_loss(unit, losses[unit.index], error)
            waiting.appendleft(unit)
            worker = actor.remote(*arguments)
        if waiting:
            idle.append(worker)
        # A worker without a handle ends and leaves its CPU to one that waits for one.
        del worker


def _report_loss(unit: Unit, losses: int, error: RayError) -> None:
    reason = str(error).strip().splitlines()[0]
    if losses >= MOST_LOSSES:
        clips = ", ".join(clip.name for clip in unit.clips[:3])
        raise UserError(
            f"shard {unit.index}: {losses} workers were lost while making it, perhaps for want of "
            f"memory (clips {clips} ...); try fewer cluster.workers or a smaller clips_per_shard "
            f"({reason})"
        ) from None
    print(f"a worker was lost, shard {unit.index} is made again ({reason})", file=sys.stderr)


def _first_done(references: list[ray.ObjectRef]) -> ray.ObjectRef:
    while True:
        done, _ = ray.wait(references, num_returns=1, timeout=SECONDS_UNTIL_A_WORD)
        if done:
            return done[0]
        free = ray.available_resources().get("CPU", 0)
        print(
            f"no shard was finished in the last {SECONDS_UNTIL_A_WORD:.0f} s; still waiting "
            f"({free:.0f} CPUs of the cluster are free)",
            file=sys.stderr,
            flush=True,
        )


def _result(reference: ray.ObjectRef) -> ShardInfo:
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause)) from None
        raise
