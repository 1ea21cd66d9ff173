"""Checkpoints: DeepSpeed's files and, written last, the JSON that marks them whole.

`checkpoints/step-00000100/` holds what DeepSpeed saves: weights, optimizer, counters.
`complete.json` in it holds where the run stands and the size of every file; a folder without it,
or with a file of another size, is not a checkpoint. Nothing of chance needs saving: every step
seeds its generators from (seed, step, rank).
"""

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from cluster.errors import UserError
from cluster.runs import write_json
from pretrain.stream import Position
from pretrain.world import World, ranks_started

COMPLETE = "complete.json"
FOLDER = "checkpoints"


@dataclass
class State:
    """Where a run stands; with the seed, all that the next step needs beside the weights.

    Attributes:
        step: steps of the optimizer taken.
        position: of the stream: the next batch to come.
        best: lowest validation loss so far, found after step `best_step`.
        stale: validations since then, or since the rate was last lowered.
        reductions: how often schedule `plateau` has lowered the rate.
    """

    step: int = 0
    position: Position = field(default_factory=Position)
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    reductions: int = 0


@dataclass(frozen=True)
class Identity:
    """What a run must share with a checkpoint to continue from it exactly.

    Attributes:
        config: the keys that decide results, with their values.
        data: digest of the shards.
        ranks: how many ranks train together.
    """

    config: dict[str, Any]
    data: str
    ranks: int


def save(engine: Any, run: Path, state: State, identity: Identity, world: World) -> Path:
    """Write a checkpoint into `run`; every rank calls this. Half a checkpoint is never used."""
    path = run / FOLDER / f"step-{state.step:08d}"
    if world.leads:
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    world.wait()
    engine.save_checkpoint(str(path.parent), tag=path.name, save_latest=False)
    world.wait()
    if world.leads:
        files = {file.name: file.stat().st_size for file in _sync(path)}
        write_json(
            path / COMPLETE, {"state": asdict(state), "identity": asdict(identity), "files": files}
        )
    world.wait()
    return path


def _sync(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        yield path


def keep_latest(run: Path, count: int) -> None:
    """Delete all but the latest `count` whole checkpoints of a run."""
    listed = _steps(run / FOLDER)
    kept = [path for path in listed if _problem(path) is None][:count]
    for path in listed:
        if path not in kept:
            # Without its mark a half-deleted folder is not taken for a checkpoint.
            (path / COMPLETE).unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)


def find(place: Path, asked_for: bool) -> Path | None:
    """Return the latest whole checkpoint of a run's folder, or `place` where it is itself one.

    Says so where a later one is not whole. Returns None where there is none; raises UserError
    instead where the user has asked for one.
    """
    listed = [place] if (place / COMPLETE).is_file() else _steps(place / FOLDER)
    for path in listed:
        problem = _problem(path)
        if problem is None:
            return path
        if ranks_started()[0] == 0:
            print(f"{path}: passed over, {problem}", flush=True)
    if asked_for:
        there = "no whole checkpoint in it" if place.is_dir() else "no such folder"
        raise UserError(f"{place}: {there}; resume= takes the folder of a run or a checkpoint")
    return None


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"), reverse=True)


def _problem(path: Path) -> str | None:
    try:
        files = json.loads((path / COMPLETE).read_text())["files"]
        for name, size in files.items():
            if (path / name).stat().st_size != size:
                return f"{name} is cut off"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (ValueError, KeyError):
        return f"{COMPLETE} cannot be read"
    return None


def load(engine: Any, path: Path, identity: Identity) -> State:
    """Put a checkpoint into the engine and return where it stands; every rank calls this.

    Raises UserError, naming the key, where it belongs to another configuration, other data or
    another number of ranks, and where DeepSpeed cannot read it.
    """
    record = json.loads((path / COMPLETE).read_text())
    _check_identity(path, Identity(**record["identity"]), identity)
    try:
        with _weights_only():
            loaded, _ = engine.load_checkpoint(str(path.parent), tag=path.name)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: DeepSpeed cannot read it: {reason}; delete it") from None
    if loaded is None:  # DeepSpeed's way to say that there is nothing
        raise UserError(f"{path}: DeepSpeed cannot read it: a file is missing; delete it")
    state = record["state"]
    return State(**(state | {"position": Position(**state["position"])}))


def _check_identity(path: Path, saved: Identity, now: Identity) -> None:
    for key in sorted(saved.config.keys() | now.config.keys()):
        before, after = saved.config.get(key), now.config.get(key)
        if before != after:
            raise UserError(
                f"{key}: is {after}, but {path} was made with {before}; "
                "give the old value, or another output to start anew"
            )
    if saved.data != now.data:
        raise UserError(f"data: not the shards that {path} was trained on; give another output")
    if saved.ranks != now.ranks:
        raise UserError(
            f"{path}: made by {saved.ranks} ranks, this run has {now.ranks}; "
            f"start {saved.ranks}, or give another output"
        )


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let torch.load unpickle tensors and DeepSpeed's own few types, and nothing else."""
    from deepspeed.runtime.fp16.loss_scaler import LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(switch)
    os.environ[switch] = "1"
    try:
        with torch.serialization.safe_globals([LossScaler, ZeroStageEnum, fragment_address]):
            yield
    finally:
        os.environ.pop(switch)
        if before is not None:
            os.environ[switch] = before
