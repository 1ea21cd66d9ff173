"""Running the trainer in tests: in this process, or as a user does."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pretrain import checkpoint

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


def wait_for_step(output: Path, step: int) -> None:
    """Wait until a run in another process has recorded a step."""
    until = time.monotonic() + 120
    while not any(record["step"] >= step for record in records(output)):
        assert time.monotonic() < until, "the run does not get on"
        time.sleep(0.005)


def results(output: Path) -> list[dict[str, float]]:
    """Return every recorded number that does not depend on the clock."""
    return [
        {name: value for name, value in record.items() if name not in CLOCKED}
        for kind in ("train", "validation")
        for record in records(output, kind)
    ]


# What depends on the clock or on the machine.
CLOCKED = ("samples_per_second", "data_wait", "flops", "mfu", "memory_bytes")
Weights = dict[str, tuple[torch.Tensor, ...]]


def whole_state(engine: Any) -> Weights:
    """Return buffers, weights and moments, gathered from all ranks; each calls this."""
    from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

    state: Weights = {name: (buffer,) for name, buffer in engine.module.named_buffers()}
    if engine.zero_optimization() and not engine.zero_optimization_partition_weights():
        # Saving and loading lose DeepSpeed's links from parameters to their moments.
        engine.optimizer._hp_optimizer_states_linked = False
        engine.optimizer._lazy_init_hp_params_optimizer_state()
    for name, p in engine.module.named_parameters():
        if engine.zero_optimization():
            moments = [safe_get_full_optimizer_state(p, key) for key in ("exp_avg", "exp_avg_sq")]
            state[name] = safe_get_full_fp32_param(p), *moments
        else:
            own = engine.optimizer.state[p]
            state[name] = p.data, own["exp_avg"], own["exp_avg_sq"]
    return {name: tuple(part.clone().flatten() for part in parts) for name, parts in state.items()}


@contextmanager
def kept_states() -> Iterator[dict[str, Weights]]:
    """Give the state after a checkpoint was loaded, and when the last one was saved."""
    kept: dict[str, Weights] = {}
    load, save = checkpoint.load, checkpoint.Saver.save

    def watched_load(engine: Any, path: Path) -> None:
        load(engine, path)
        kept["loaded"] = whole_state(engine)

    def watched_save(saver: checkpoint.Saver, state: checkpoint.State) -> None:
        save(saver, state)
        kept["saved"] = whole_state(saver.engine)

    checkpoint.load, checkpoint.Saver.save = watched_load, watched_save  # type: ignore[method-assign]
    try:
        yield kept
    finally:
        checkpoint.load, checkpoint.Saver.save = load, save  # type: ignore[method-assign]


def equal(one: Weights, other: Weights) -> bool:
    """Whether two states are the same, bit for bit."""
    return one.keys() == other.keys() and all(
        torch.equal(a, b) for name in one for a, b in zip(one[name], other[name], strict=True)
    )
