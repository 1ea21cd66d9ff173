"""What two ranks say to bad input: real ranks of DeepSpeed, forked after everything is imported.

DeepSpeed's launcher needs ten seconds for each start, and there are many ways to go wrong. Here
one start serves all of them, and `launch` watches over the ranks as that launcher does: as soon
as one has failed the others are sent SIGTERM and, when they do not heed it, SIGKILL.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

os.environ["DS_ACCELERATOR"] = "cpu"

# What every rank would import after the fork.
import deepspeed
import matplotlib.pyplot  # noqa: F401
import torch
import torch.utils.tensorboard
from made_shards import make_shards
from training import arguments, free_port

from cluster.errors import exit_with
from pretrain import step, train
from pretrain.clips import Batch
from pretrain.world import World, speak_in_turn

FORK = get_context("fork")
SECONDS_TO_HEED_SIGTERM = 2.0
SECONDS_AT_MOST = 100.0
CASES_AT_A_TIME = 3
Hook = Callable[[int], None]


@dataclass(frozen=True)
class Outcome:
    """What both ranks have said together, their statuses, and the seconds until all had ended."""

    said: str
    statuses: list[int]
    seconds: float


def launch(data: Path, output: Path, *overrides: str, hook: Hook = lambda rank: None) -> Outcome:
    """Run two ranks to their end; `hook` is called first in each of them."""
    began, said, port = time.monotonic(), output.with_suffix(".txt"), free_port()
    line = arguments(data, output, "batch_size=4", "timeout=30", "steps=4", *overrides)
    ranks = [FORK.Process(target=be, args=(rank, port, said, line, hook)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    while any(rank.exitcode is None for rank in ranks):
        if any(rank.exitcode for rank in ranks) or time.monotonic() - began > SECONDS_AT_MOST:
            end(ranks)
        time.sleep(0.1)
    statuses = [rank.exitcode or 0 for rank in ranks]
    return Outcome(said.read_text(), statuses, time.monotonic() - began)


def end(ranks: list[BaseProcess]) -> None:
    for rank in ranks:
        rank.terminate()
    for rank in ranks:
        rank.join(SECONDS_TO_HEED_SIGTERM)
        rank.kill()
        rank.join()


def be(rank: int, port: str, said: Path, line: list[str], hook: Hook) -> None:
    """Be one rank of two, as pretrain/train.py is when the launcher starts it."""
    with said.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"LOCAL_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    # To look whether it has to be compiled takes longer than all that these ranks compute.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    hook(rank)
    exit_with(lambda: speak_in_turn(lambda: train.main(line)))


def made(folder: Path, **how: int | tuple[str, ...]) -> Path:
    make_shards(folder / "shards", **{"train_shards": 4, "samples": 6} | how)  # type: ignore[arg-type]
    return folder / "shards"


def flip(path: Path) -> None:
    """Flip one bit in the middle of the motion of the first clip."""
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


# Each takes an empty folder.


def missing(folder: Path) -> Outcome:
    data = made(folder)
    (data / "shard-000002.tar").unlink()
    return launch(data, folder / "run")


def truncated(folder: Path) -> Outcome:
    data = made(folder)
    os.truncate(data / "shard-000001.tar", 4096)
    return launch(data, folder / "run")


def flipped(folder: Path) -> Outcome:
    """A shard that only the second rank reads: the last of the epoch's line."""
    data = made(folder)
    config = train.read_config(arguments(data, folder, "batch_size=4"))
    [stream] = train.open_stages(config, 1, 2)
    flip(Path(str(stream.data.train[stream.pieces(0)[-1].shard].path)))
    return launch(data, folder / "run", "stream.open_shards=4")


def flipped_validation(folder: Path) -> Outcome:
    data = made(folder)
    flip(data / "shard-000004.tar")
    return launch(data, folder / "run")


def mixed_texts(folder: Path) -> Outcome:
    return launch(made(folder, text_backends=("minilm", "instructor")), folder / "run")


def fewer_shards(folder: Path) -> Outcome:
    return launch(made(folder, train_shards=1, samples=24), folder / "run")


def empty_split(folder: Path) -> Outcome:
    return launch(made(folder, validation_shards=0), folder / "run")


def impossible_zero(folder: Path) -> Outcome:
    return launch(made(folder), folder / "run", "zero=2", "offload=parameters")


def half_a_checkpoint(folder: Path) -> Outcome:
    """The rank that was killed while writing had not yet written its part."""
    data, run = made(folder), folder / "run"
    before = launch(data, run, "zero=1", "save.every=2")
    assert before.statuses == [0, 0], before.said
    last = run / "checkpoints" / "step-00000004"
    (last / "complete.json").unlink()
    (last / "rank-0001.json").unlink()
    (folder / "run.txt").unlink()
    return launch(data, run, "zero=1", "save.every=2")


def full_disk(folder: Path) -> Outcome:
    """No file of the second rank may grow beyond a few kilobytes."""

    def limit(rank: int) -> None:
        if rank == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    return launch(made(folder), folder / "run", "zero=1", "save.every=2", hook=limit)


def full_disk_at_release(folder: Path) -> Outcome:
    def limit(rank: int) -> None:
        if rank == 0:
            save_release = train.save_release

            def on_full_disk(*given: object) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
                try:
                    save_release(*given)  # type: ignore[arg-type]
                finally:
                    infinite = resource.RLIM_INFINITY
                    resource.setrlimit(resource.RLIMIT_FSIZE, (infinite, infinite))

            train.save_release = on_full_disk

    return launch(made(folder), folder / "run", "validation.every=2", hook=limit)


def not_finite(folder: Path) -> Outcome:
    """One window of the second rank is spoilt on its way to the model; it says which."""

    def spoil(rank: int) -> None:
        to_device = step.to_device

        def spoilt(batch: Batch, device: torch.device) -> Batch:
            batch["imu_left"][0, 0, 0] = torch.nan
            print("spoilt:", batch["key"][0], flush=True)
            return to_device(batch, device)

        if rank == 1:
            step.to_device = spoilt

    return launch(made(folder), folder / "run", hook=spoil)


def hung_before_they_met(folder: Path) -> Outcome:
    def hang(rank: int) -> None:
        join_world = train.join_world

        def never(rank: int, ranks: int, timeout: float) -> World:
            os.kill(os.getpid(), signal.SIGSTOP)
            return join_world(rank, ranks, timeout)

        if rank == 1:
            train.join_world = never

    return launch(made(folder), folder / "run", "timeout=3", hook=hang)


CASES = (
    missing,
    truncated,
    flipped,
    flipped_validation,
    mixed_texts,
    fewer_shards,
    empty_split,
    impossible_zero,
    half_a_checkpoint,
    full_disk,
    full_disk_at_release,
    not_finite,
    hung_before_they_met,
)


def main(folder: Path) -> None:
    """Run every case in a folder of its own; leaves their outcomes in `outcomes.json`."""
    folders = [folder / case.__name__ for case in CASES]
    for each in folders:
        each.mkdir()
    with ProcessPoolExecutor(CASES_AT_A_TIME, mp_context=FORK) as pool:
        running = [pool.submit(case, each) for case, each in zip(CASES, folders, strict=True)]
        outcomes = {
            each.name: asdict(task.result()) for each, task in zip(folders, running, strict=True)
        }
    (folder / "outcomes.json").write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
