"""A datagen job on three nodes that loses a worker, then a node, and gains one.

`make cluster-test` runs it and compares its shards, byte for byte, with those of a run on this
machine that nothing disturbs.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.cluster.ray_nodes import below, ray_nodes
from tests.datagen.running import checksums, environment, finish, shards_done, start, wait_until

JOB = ("generate", "sources.choreography.hours=0.3", "clips_per_shard=2", "validation_share=0.2")
STEP = 3


def makes_shards(process: psutil.Process) -> bool:
    """Say whether a process is a worker that is making a shard."""
    # Processes come and go while they are asked.
    with contextlib.suppress(psutil.Error):
        return any("Worker.make_shard" in part for part in process.cmdline())
    return False


def may_make_shards(process: psutil.Process) -> bool:
    """Say whether a process is a worker, at work or not."""
    with contextlib.suppress(psutil.Error):
        return any("ray::Worker" in part for part in process.cmdline())
    return False


def disturb(
    home: Path, job: Sequence[str], output: str, say: Callable[[str], object] = lambda _: None
) -> None:
    """Run `job` in `home` on a cluster to which everything happens that may happen to one."""
    folder = home / output
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    say("starting a head and two worker nodes")
    with ray_nodes(environment(home) | token, 3) as cluster:
        first, second, third = cluster.nodes
        run = start(home, *job, f"output={output}", RAY_ADDRESS=cluster.address, **token)

        def workers(node: subprocess.Popen[str]) -> list[psutil.Process]:
            return [part for part in below(node) if makes_shards(part)]

        def wait_for_more() -> None:
            wanted = shards_done(folder) + STEP
            wait_until(lambda: shards_done(folder) >= wanted, run)
            say(f"{shards_done(folder)} shards are made")

        wait_for_more()
        wait_until(lambda: bool(workers(second)), run)
        killed = workers(second)[0]
        killed.kill()
        say(f"killed the worker process {killed.pid} on the second node")
        wait_for_more()
        # The job is held while a node and its worker start: it is short, and would be over before.
        run.send_signal(signal.SIGSTOP)
        cluster.kill(third)
        say("killed the third node, with all its processes")
        added = cluster.add()
        held = [part for node in (first, second) for part in below(node) if may_make_shards(part)]
        for worker in held:
            worker.suspend()
        run.send_signal(signal.SIGCONT)
        say("added a node")
        wait_until(lambda: bool(workers(added)), run)
        for worker in held:
            worker.resume()
        say("a worker is at work on the added node")
        _, err = finish(run)
        lost = err.count("a worker was lost")
        say(f"the job is done; it lost {lost} workers and went on")
        assert lost >= 2, err


def main() -> None:
    """Run the job undisturbed and disturbed, and compare; raises where they differ."""
    os.environ.pop("RAY_ADDRESS", None)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        print("a run that nothing disturbs, on a cluster of its own", flush=True)
        finish(start(home, *JOB, "output=undisturbed", "cluster.workers=2"))
        disturb(home, JOB, "disturbed", lambda line: print(line, flush=True))
        here, there = (checksums(home / name) for name in ("undisturbed", "disturbed"))
        differing = sorted(name for name in here | there if here.get(name) != there.get(name))
        if differing:
            sys.exit(f"{len(differing)} of {len(here)} files differ, such as {differing[0]}")
        size = sum(path.stat().st_size for path in (home / "disturbed").glob("*.tar"))
        print(f"{shards_done(home / 'disturbed')} shards, {size / 1e6:.1f} MB: equal byte for byte")


if __name__ == "__main__":
    main()
