"""Checkpoints: DeepSpeed's files and, written last, the JSON that marks them whole.

`checkpoints/step-00000100/` holds what DeepSpeed saves: weights, optimizer, counters. Every rank
copies its part in memory and writes it in the background, then `rank-0000.json` with the sizes of
its files; once all of these are there, the leading rank writes `complete.json`: where the run
stands, and the size of every file. A folder without it, or with a file of another size, is not a
checkpoint. Nothing of chance needs saving: every step seeds its generators from (seed, step,
rank).
"""

import json
import os
import pickle
import shutil
import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cluster.errors import UserError
from cluster.runs import write_json
from pretrain.stream import Position
from pretrain.world import World, ranks_started

if TYPE_CHECKING:
    from pretrain.background import Task

COMPLETE = "complete.json"
FOLDER = "checkpoints"
# What another node has written may take a moment to be seen here.
SECONDS_TO_BE_SEEN = 30.0
SECONDS_BETWEEN_LOOKS = 0.05
# A run that ends badly still lets a checkpoint become whole that is nearly so.
SECONDS_OF_GRACE = 5.0
# What DeepSpeed's converter to universal checkpoints asks the program to have written.
CLIENT_STATE = {"universal_checkpoint_info": {"universal_checkpoint_version": 0.4}}


@dataclass
class State:
    """Where a run stands; with the seed, all that the next step needs beside the weights.

    Attributes:
        step: steps of the optimizer taken.
        position: of the stream: the next batch to come.
        ends: the step after which each stage ends.
        best: least shortfall in validation of the stage so far, found after step `best_step`.
        stale: validations since then, or since the rate was last lowered.
        reductions: how often schedule `plateau` has lowered the rate.
    """

    step: int = 0
    position: Position = field(default_factory=Position)
    ends: list[int] = field(default_factory=list)
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    reductions: int = 0

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.ends[-1]

    @property
    def stage(self) -> int:
        """The stage to which the next step belongs, from 0; after the last step, the last."""
        return min(bisect_right(self.ends, self.step), len(self.ends) - 1)

    @property
    def stage_begin(self) -> int:
        """The step after which the stage began."""
        return self.ends[self.stage - 1] if self.stage else 0

    @property
    def stage_steps(self) -> int:
        """Steps of the whole stage."""
        return self.ends[self.stage] - self.stage_begin


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


class Saver:
    """Writes the checkpoints of a run; every rank has one and calls it at the same steps."""

    def __init__(self, engine: Any, run: Path, identity: Identity, world: World, keep: int) -> None:
        from pretrain.background import BackgroundWriter

        self.engine, self.run, self.identity = engine, run, identity
        self.world, self.keep = world, keep
        self.writer = engine.checkpoint_engine = BackgroundWriter()
        # This rank's part, and on the leading rank what marks the checkpoint as whole.
        self._own: Task | None = None
        self._mark: Task | None = None
        self._given_up = threading.Event()

    def save(self, state: State) -> None:
        """Begin to write a checkpoint, once the one before is on disk.

        Raises UserError on every rank where any could not write the one before.
        """
        from pretrain.background import Task

        self.finish()
        path = self.run / FOLDER / f"step-{state.step:08d}"
        if self.world.leads:
            shutil.rmtree(path, ignore_errors=True)
            path.parent.mkdir(parents=True, exist_ok=True)
        self.world.wait()
        self.engine.save_checkpoint(
            str(path.parent), tag=path.name, client_state=CLIENT_STATE, save_latest=False
        )
        record = {"state": asdict(state), "identity": asdict(self.identity)}

        def sign(written: list[str]) -> None:
            sizes = {Path(name).name: Path(name).stat().st_size for name in written}
            write_json(path / f"rank-{self.world.rank:04d}.json", sizes)

        def mark() -> None:
            if own.outcome() is None:
                write_json(path / COMPLETE, record | {"files": self._files_of_all(path)})
                keep_latest(self.run, self.keep)

        self._given_up.clear()
        self._own = own = self.writer.write(sign)
        self._mark = Task(mark) if self.world.leads else None

    def finish(self) -> None:
        """Return once the last checkpoint is whole; raises UserError as `save` does."""
        # Who marks it waits for the parts of all, so first all say whether theirs are written.
        self._agree(self._own)
        self._give_up_after(SECONDS_TO_BE_SEEN)
        self._agree(self._mark)
        self._own = self._mark = None

    def close(self) -> None:
        """Wait no longer for the parts of other ranks; what this one is writing, it writes."""
        self._give_up_after(SECONDS_OF_GRACE)

    def _give_up_after(self, seconds: float) -> None:
        if self._mark is not None:
            self._mark.join(seconds)
        self._given_up.set()

    def _agree(self, task: "Task | None") -> None:
        """Raise UserError on every rank where the work of any has failed."""
        error = task.outcome() if task else None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0] if error else ""
        for rank, told in enumerate(self.world.gather_words(reason)):
            if told:
                self._given_up.set()
                by = f" by rank {rank}" if self.world.ranks > 1 else ""
                raise UserError(
                    f"{self.run / FOLDER}: the checkpoint could not be written{by}: {told}; make "
                    "room and give the same command again: it goes on from the last whole one"
                )

    def _files_of_all(self, path: Path) -> dict[str, int]:
        """Return the sizes of every rank's files, waiting for ranks that are still writing."""
        files: dict[str, int] = {}
        for rank in range(self.world.ranks):
            part = path / f"rank-{rank:04d}.json"
            while not part.exists():
                if self._given_up.wait(SECONDS_BETWEEN_LOOKS):
                    raise TimeoutError(f"{part.name} is not there; all nodes must share the output")
            files |= json.loads(part.read_text())
        return files


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
    # What else lies there is the user's, whatever it is called.
    return sorted(folder.glob(f"step-{'[0-9]' * 8}"), reverse=True)


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


@dataclass(frozen=True)
class Found:
    """A whole checkpoint to continue from, and the ranks that made it."""

    path: Path
    state: State
    ranks: int

    def fits(self, ranks: int, zero: int) -> bool:
        """Whether so many ranks can load it as it is; without ZeRO every rank has everything."""
        return zero == 0 or ranks == self.ranks


def read(path: Path, identity: Identity) -> Found:
    """Read where a checkpoint stands.

    Raises UserError, naming the key, where it belongs to another configuration or other data.
    """
    record = json.loads((path / COMPLETE).read_text())
    saved = Identity(**record["identity"])
    _check_identity(path, saved, identity)
    state = record["state"]
    return Found(path, State(**(state | {"position": Position(**state["position"])})), saved.ranks)


def load(engine: Any, path: Path) -> None:
    """Put a checkpoint into the engine; every rank calls this.

    Raises UserError where DeepSpeed cannot read it.
    """
    try:
        with weights_only():
            loaded, _ = engine.load_checkpoint(str(path.parent), tag=path.name)
            if engine.load_universal_checkpoint():
                _load_buffers(engine.module, path)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: DeepSpeed cannot read it: {reason}; delete it") from None
    if loaded is None:  # DeepSpeed's way to say that there is nothing
        raise UserError(f"{path}: DeepSpeed cannot read it: a file is missing; delete it")


def _load_buffers(model: nn.Module, path: Path) -> None:
    """Restore the statistics of BatchNorm, which DeepSpeed's universal loading passes over."""
    saved = torch.load(min(path.glob("*model_states.pt")), map_location="cpu")["module"]
    kept = model.state_dict().keys()
    for name, buffer in model.named_buffers():
        if name in kept:
            buffer.copy_(saved[name])


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


def _zero_stage(kind: type, name: str) -> Any:
    """Return a member of ZeroStageEnum; Python before 3.11.4 pickles one as getattr(kind, name)."""
    from deepspeed.runtime.zero.config import ZeroStageEnum

    members = ZeroStageEnum.__members__
    if kind is not ZeroStageEnum or name not in members:
        raise pickle.UnpicklingError(f"getattr of {kind} is not allowed")
    return members[name]


@contextmanager
def weights_only() -> Iterator[None]:
    """Let torch.load unpickle tensors and DeepSpeed's own few types, and nothing else."""
    from deepspeed.runtime.fp16.loss_scaler import LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(switch)
    os.environ[switch] = "1"
    try:
        types = [LossScaler, ZeroStageEnum, fragment_address]
        with torch.serialization.safe_globals([*types, (_zero_stage, "builtins.getattr")]):
            yield
    finally:
        os.environ.pop(switch)
        if before is not None:
            os.environ[switch] = before
