"""Pre-train Multi3Net: shards in, release out.

    deepspeed pretrain/train.py --config configs/pretrain/small.yaml data=SHARDS output=RUN
    deepspeed --num_accelerators 2 pretrain/train.py --config ... key=value

The same command continues a run that was stopped, from its last checkpoint, as if it had not been.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The launcher runs this file as a script, which puts this folder first in the path: its
    # modules would hide others of the same names, and `pretrain` might be another copy.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cluster.config import load_config
from cluster.errors import UserError, exit_with
from cluster.runs import git_commit, seed_from, write_run_record
from datagen.shards import WINDOW_FRAMES
from pretrain import checkpoint
from pretrain.cached import CachedContrast, cache_contrast
from pretrain.checkpoint import Identity, State
from pretrain.clips import Batch
from pretrain.config import Contrast, Precision, TrainConfig
from pretrain.data import Data, open_data
from pretrain.evaluate import to_device, validate, validation_pool
from pretrain.model import ModelOutput, Multi3Net, parameter_count
from pretrain.not_finite import Part, explain
from pretrain.release import ReleaseCard, save_release
from pretrain.schedule import Schedule, learning_rate, make_optimizer
from pretrain.stream import Position, Stream
from pretrain.watch import Watch
from pretrain.world import World, join_world, ranks_started, speak_in_turn


@dataclass
class Run:
    """What the parts of the loop share."""

    config: TrainConfig
    folder: Path
    data: Data
    world: World
    engine: Any
    batches: Iterator[tuple[Batch, Position]]
    pool: Batch
    state: State
    steps: int
    identity: Identity
    watch: Watch


def main(arguments: Sequence[str]) -> int:
    """Train from a command line without the program's name; returns the exit status."""
    config = read_config(arguments)
    data = open_data(Path(config.data))
    rank, ranks = ranks_started()
    stream = Stream(data, config.batch_size, config.seed, rank, ranks, config.stream)
    steps = count_steps(config, stream)
    folder = Path(config.output)
    found = find_checkpoint(config)
    model = make_model(config, data)
    world = join_world(rank, ranks)
    engine = start_engine(model, config)
    identity = Identity(config.binding(), data.identity, ranks)
    state = checkpoint.load(engine, found, identity) if found else State()
    if world.leads:
        write_run_record(folder, config, config.seed)
    watch = Watch(folder, state.step, steps, world.leads)
    introduce(watch, data, stream, model, steps, found)
    pool = validation_pool(data, config.validation.windows, config.seed, ranks)
    batches = stream.batches(state.position)
    run = Run(config, folder, data, world, engine, batches, pool, state, steps, identity, watch)
    try:
        loop(run)
    finally:
        batches.close()
        watch.close()
    return 0


def read_config(arguments: Sequence[str]) -> TrainConfig:
    """Read the command line; raises UserError for what no run can have."""
    parser = argparse.ArgumentParser(prog="deepspeed pretrain/train.py", description=__doc__)
    parser.add_argument("--config", type=Path, help="a preset, such as configs/pretrain/small.yaml")
    parser.add_argument("--local_rank", type=int, help="given by the launcher")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_args(arguments)
    config = load_config(TrainConfig, given.config, given.overrides)
    config.check()
    return config


def count_steps(config: TrainConfig, stream: Stream) -> int:
    """Return the steps of the whole run."""
    if config.steps is not None:
        return config.steps
    assert config.epochs is not None
    return max(1, config.epochs * stream.batches_per_epoch // config.accumulate)


def find_checkpoint(config: TrainConfig) -> Path | None:
    """Return where to continue from: the run's own latest checkpoint, or the one asked for."""
    own = checkpoint.find(Path(config.output), asked_for=False)
    if own is None and config.resume is not None:
        return checkpoint.find(Path(config.resume), asked_for=True)
    return own


def make_model(config: TrainConfig, data: Data) -> Multi3Net:
    """Return the model with the weights that the seed decides."""
    if config.model.window != WINDOW_FRAMES:
        raise UserError(f"model.window: shards are cut into windows of {WINDOW_FRAMES} frames")
    torch.manual_seed(config.seed)
    return Multi3Net(config.model, data.text_size)


def start_engine(model: Multi3Net, config: TrainConfig) -> Any:
    """Return DeepSpeed's engine around the model."""
    import deepspeed

    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=make_optimizer(model, config.optimizer),
        config={
            "train_micro_batch_size_per_gpu": config.batch_size,
            "gradient_accumulation_steps": config.accumulate,
            # Without ZeRO, DeepSpeed clips but does not tell the norm: `clip` does both.
            "gradient_clipping": config.optimizer.clip if config.zero else 0.0,
            "zero_optimization": {"stage": config.zero},
            "torch_autocast": {
                "enabled": config.precision is Precision.bf16,
                "dtype": "bfloat16",
            },
        },
    )
    return engine


def loop(run: Run) -> None:
    """Train to the last step."""
    every, state = run.config.validation.every, run.state
    while state.step < run.steps:
        numbers = take_step(run)
        run.watch.step(state.step, numbers)
        last = state.step == run.steps
        if last or state.step % every == 0:
            judge(run)
        if last or state.step % run.config.save.every == 0:
            checkpoint.save(run.engine, run.folder, state, run.identity, run.world)
            if run.world.leads:
                checkpoint.keep_latest(run.folder, run.config.save.keep)
    release = run.folder / "release"
    run.watch.say(
        f"done: {release} holds the weights after step {state.best_step}, the best in validation "
        f"(loss {state.best:.4f})\n"
        f"look at it: tensorboard --logdir {run.folder}\n"
        "go on: python -m finetune run --config configs/finetune/demo.yaml "
        f"release={release} output={run.folder.with_name('finetune')}"
    )


def take_step(run: Run) -> dict[str, float]:
    """Take one step of the optimizer; returns its numbers, named as in TensorBoard.

    Raises UserError on every rank alike where a loss or the gradient is not finite on any.
    """
    config, state, engine = run.config, run.state, run.engine
    began, fetched = time.perf_counter(), Fetched(run)
    rate = learning_rate(config.optimizer, state.step, run.steps, state.reductions)
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
    summed, parts = torch.zeros((), device=run.world.device), list[Part]()
    for part, (batch, cached) in enumerate(parts_of_step(run, fetched)):
        output = run_part(run, part, batch, cached=cached)
        losses = output.losses
        parts.append(Part(batch, {name: e.detach() for name, e in output.embeddings.items()}))
        engine.backward(losses["total"])
        summed = summed + torch.stack([loss.detach().float() for loss in losses.values()])
        if part < config.accumulate - 1:
            engine.step()
    means = run.world.mean(summed / config.accumulate).tolist()
    numbers = {f"loss/{name}": value for name, value in zip(losses, means, strict=True)}
    refuse_if_not_finite(state.step + 1, numbers, parts, run.world)
    numbers["gradient_norm"] = step_and_measure(engine, config)
    refuse_if_not_finite(state.step + 1, numbers, parts, run.world)
    state.step += 1
    state.position = fetched.position
    taken = time.perf_counter() - began
    return numbers | {
        "learning_rate": rate,
        "samples_per_second": config.batch_size * config.accumulate * run.world.ranks / taken,
        "data_wait": fetched.waited / taken,
        **{f"temperature/{pair}": value for pair, value in temperatures(run).items()},
    }


class Fetched:
    """The batches of one step, as they come."""

    def __init__(self, run: Run) -> None:
        self.run, self.waited, self.position = run, 0.0, run.state.position

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.run.config.accumulate):
            asked = time.perf_counter()
            batch, self.position = next(self.run.batches)
            self.waited += time.perf_counter() - asked
            yield batch


def parts_of_step(
    run: Run, batches: Iterable[Batch]
) -> Iterable[tuple[Batch, CachedContrast | None]]:
    """Return the batches of a step, each with the contrast over the step where that is wanted."""
    if run.config.contrast_over is Contrast.batch:
        return ((batch, None) for batch in batches)

    def embed(part: int, batch: Batch) -> dict[str, torch.Tensor]:
        return run_part(run, part, batch, embed_only=True).embeddings

    return cache_contrast(run.engine.module.contrastive, batches, embed)


def run_part(run: Run, part: int, batch: Batch, **how: Any) -> ModelOutput:
    """Put a part of the step through the model, with the dropout that belongs to it."""
    # Dropout depends on this seed alone, so that no generator's state has to be saved.
    torch.manual_seed(seed_from(run.config.seed, run.state.step, part, run.world.rank))
    return run.engine(to_device(batch, run.world.device), **how)


def step_and_measure(engine: Any, config: TrainConfig) -> float:
    """Clip the gradient, take the step, return the norm that the gradient had before clipping."""
    if config.zero:
        engine.step()
        return float(engine.get_global_grad_norm())
    bound = config.optimizer.clip or math.inf
    norm = float(torch.nn.utils.clip_grad_norm_(engine.module.parameters(), bound))
    if math.isfinite(norm):
        engine.step()
    return norm


def refuse_if_not_finite(
    step: int, numbers: dict[str, float], parts: list[Part], world: World
) -> None:
    """Raise UserError naming the first number that is NaN or infinite, and the samples."""
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise UserError(f"step {step}: {name} is {value}; {explain(parts, world)}")


def temperatures(run: Run) -> dict[str, float]:
    """Return the temperature of each pair of modalities."""
    current = run.engine.module.contrastive.temperatures
    with torch.no_grad():
        return {pair: 1 / float(current.scale(pair)) for pair in run.config.model.losses.pairs}


def judge(run: Run) -> None:
    """Validate; where the loss is the best so far, write the release."""
    state, optimizer = run.state, run.config.optimizer
    scores = validate(run.engine, run.pool, run.world)
    best = state.best is None or scores["loss/total"] < state.best
    if best:
        state.best, state.best_step, state.stale = scores["loss/total"], state.step, 0
        if run.world.leads:
            release(run, scores)
    else:
        state.stale += 1
    if optimizer.schedule is Schedule.plateau and state.stale >= optimizer.patience:
        state.stale, state.reductions = 0, state.reductions + 1
    run.watch.validation(state.step, scores, best)


def release(run: Run, scores: dict[str, float]) -> None:
    """Write the present weights as the run's release."""
    card = ReleaseCard(
        data=run.data.describe(),
        data_licence="that of the sources named above",
        steps=run.state.step,
        scores=scores,
        commit=git_commit(),
        text_backend=run.data.text_backend,
        placement=run.data.placement,
    )
    save_release(run.folder / "release", run.engine.module, run.config.model, card)


def introduce(
    watch: Watch, data: Data, stream: Stream, model: Multi3Net, steps: int, found: Path | None
) -> None:
    """Say what is about to happen."""
    watch.say(
        f"data: {data.describe()} in {len(data.train)} shards of {data.folder}; "
        f"{stream.windows} windows an epoch, {stream.batches_per_epoch} batches of "
        f"{stream.batch_size}{f' on each of {stream.ranks} ranks' if stream.ranks > 1 else ''}"
    )
    parts = parameter_count(model)
    watch.say(
        f"model: {sum(parts.values()) / 1e6:.2f} million parameters ("
        + ", ".join(f"{name} {count / 1e6:.2f}" for name, count in parts.items() if count)
        + ")"
    )
    watch.say(f"continuing from {found}" if found else f"starting: {steps} steps")


if __name__ == "__main__":
    exit_with(lambda: speak_in_turn(lambda: main(sys.argv[1:])))
