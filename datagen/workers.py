"""Ray actors that make shards: one unit each at a time, retried when a worker or its node dies."""

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from cluster.errors import UserError
from datagen.config import DatagenConfig
from datagen.pipeline import Pipeline
from datagen.plan import Unit
from datagen.shards import ShardInfo
from datagen.text import Vector

# A unit whose workers die again and again is itself what kills them.
MOST_DEATHS = 5
SECONDS_UNTIL_A_WORD = 120.0


class Worker:
    """Makes one shard after the other in a process of its own."""

    def __init__(self, config: DatagenConfig, config_digest: str, folder: Path, home: Path) -> None:
        self.config, self.config_digest, self.folder = config, config_digest, folder
        if home.is_dir():
            os.chdir(home)  # relative paths mean the same as where the command was typed

    def make_shard(self, unit: Unit, vectors: dict[str, Vector]) -> ShardInfo:
        """Make the shard of one unit."""
        return self._pipeline.make_shard(self.folder, unit, vectors)

    # Not made on construction: an error there would reach the driver without its kind.
    @cached_property
    def _pipeline(self) -> Pipeline:
        folders = [self.folder, *(Path(bvh.folder) for bvh in self.config.sources.bvh.values())]
        for folder in folders:
            if not folder.expanduser().is_dir():
                raise UserError(
                    f"{folder}: node {socket.gethostname()} does not see this folder; every node "
                    "of the cluster must see the same file system"
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
    in all. Raises UserError for a user's mistake found in a worker, and for a unit that kills
    its workers.
    """
    actor: Any = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=MOST_DEATHS)(Worker)
    folder = Path(config.output)
    arguments = (config, config_digest, folder, Path.cwd())
    idle = [actor.remote(*arguments) for _ in range(min(workers, len(units)))]
    waiting = iter(units)
    running: dict[ray.ObjectRef, tuple[Any, Unit]] = {}
    while True:
        while idle and (unit := next(waiting, None)) is not None:
            own = {clip.text: vectors[clip.text] for clip in unit.clips}
            worker = idle.pop()
            running[worker.make_shard.remote(unit, own)] = worker, unit
        if not running:
            return
        done = _first_done(list(running))
        worker, unit = running.pop(done)
        yield unit, _result(done, unit)
        idle.append(worker)


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


def _result(reference: ray.ObjectRef, unit: Unit) -> ShardInfo:
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause)) from None
        raise
    except RayActorError:
        clips = ", ".join(clip.name for clip in unit.clips[:3])
        raise UserError(
            f"shard {unit.index}: {MOST_DEATHS + 1} workers died of it, perhaps for want of "
            f"memory (clips {clips} ...); try fewer cluster.workers or a smaller clips_per_shard"
        ) from None
