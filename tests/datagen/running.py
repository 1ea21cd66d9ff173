"""The real command in a process of its own, for the tests that need one."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.datagen.made_bvh import bvh_text, person, smooth_values


def environment(home: Path) -> dict[str, str]:
    """Return an environment with an own home folder and without a Ray cluster."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return mine | {"HOME": str(home), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def start(home: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start `python -m datagen` in `home`, open to SIGINT as background jobs of a shell are not."""
    return subprocess.Popen(
        [sys.executable, "-m", "datagen", *arguments],
        cwd=home,
        env=environment(home) | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def finish(
    process: subprocess.Popen[str], status: int = 0, seconds: float = 240
) -> tuple[str, str]:
    """Wait for the command; returns what it printed and what it complained of."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == status, err
    return out, err


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that happens while `process` runs."""
    while not holds():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def shards_done(folder: Path) -> int:
    """Count the shards that are marked as done."""
    return len(list(folder.glob("shard-*.json")))


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksum of everything a run writes, but for when and how it was run."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name not in ("run.json", "config.yaml")
    }


def write_motion(folder: Path, name: str, seconds: float = 2.0, seed: int = 0) -> Path:
    """Write a BVH with Mixamo names; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    values = smooth_values(person(), round(seconds * 30), np.random.default_rng(seed))
    path = folder / f"{name}.bvh"
    path.write_text(bvh_text(person(), values))
    return path


def sources(folder: str, **more: str) -> list[str]:
    """Return the overrides that make a folder of such files the source `made`."""
    keys = {"skeleton": "mixamo", "folder": folder} | more
    return [f"sources.bvh.made.{key}={value}" for key, value in keys.items()]
