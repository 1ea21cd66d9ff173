"""Running the trainer in tests: in this process, or as a user does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "pretrain" / "tiny.yaml"
TRAINER = "pretrain/train.py"
PROGRAMS = Path(sys.executable).parent


def arguments(data: Path, output: Path, *overrides: str) -> list[str]:
    """Return the trainer's command line for the tiny model."""
    return ["--config", str(TINY), f"data={data}", f"output={output}", *overrides]


def start(*command: str) -> subprocess.Popen[str]:
    """Start a command of the environment in the repository, in a process group of its own."""
    settings = {
        name: value
        for name, value in os.environ.items()
        if name not in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    }
    return subprocess.Popen(
        [str(PROGRAMS / command[0]), *command[1:]],
        cwd=ROOT,
        env=settings | {"OMP_NUM_THREADS": "1", "PATH": f"{PROGRAMS}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(*command: str) -> tuple[int, str]:
    """Run a command to its end; returns its status and what it said."""
    process = start(*command)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def free_port() -> str:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def records(output: Path, kind: str = "train") -> list[dict[str, Any]]:
    """Return what a run has recorded, of whole lines only."""
    path = output / "losses.jsonl"
    text = path.read_text() if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in lines if line["kind"] == kind]


def results(output: Path) -> list[dict[str, float]]:
    """Return every recorded number that does not depend on the clock."""
    return [
        {
            name: value
            for name, value in record.items()
            if name not in ("samples_per_second", "data_wait")
        }
        for kind in ("train", "validation")
        for record in records(output, kind)
    ]
