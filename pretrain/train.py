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
import shlex
from collections.abc import Sequence
from contextlib import ExitStack, closing, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cluster.config import load_config
from cluster.errors import UserError, exit_with
from cluster.lock import locked
from cluster.memory import keep_freed_memory
from cluster.runs import git_commit, write_run_record
from cluster.storage import local_folder, local_path, told_when_full
from pretrain import checkpoint
from pretrain.attention import checkpoint_activations
from pretrain.checkpoint import Found, Identity, Saver, State
from pretrain.config import Precision, TrainConfig
from pretrain.data import licences_of
from pretrain.describe import operations_of_window
from pretrain.engine import start_engine, whole_weights
from pretrain.evaluate import rows, to_device, validate, validation_pool
from pretrain.gauges import flat, peak_flops
from pretrain.model import Multi3Net, parameter_count
from pretrain.pictures import SHOWN, signals_figure
from pretrain.release import ReleaseCard, save_release
from pretrain.schedule import Schedule
from pretrain.stages import begin, describe_stage, enter_next_stage, identity_of, open_stages
from pretrain.step import Run, Speed, take_step
from pretrain.stopping import STATUS_OF_SIGTERM, StopNotice
from pretrain.stream import Stream
from pretrain.universal import remove_universal, to_universal, universal_place
from pretrain.vigil import Vigil
from pretrain.watch import Watch
from pretrain.world import World, join_world, ranks_started, speak_in_turn

RELEASE = "release"


def main(arguments: Sequence[str]) -> int:
    """Train from a command line without the program's name; returns the exit status."""
    keep_freed_memory()
    config = read_config(arguments)
    folder = output_folder(config)
    rank, ranks = ranks_started()
    if rank == 0:
        git_commit()  # here, because another commit may be checked out while the run goes on
    streams = open_stages(config, rank, ranks)
    with locked(folder, "output") if rank == 0 else nullcontext():
        return train(config, folder, streams, rank, ranks)


def train(config: TrainConfig, folder: Path, streams: list[Stream], rank: int, ranks: int) -> int:
    """Train on what was opened, in a folder that is this run's alone; returns the exit status."""
    text_size = streams[0].data.text_size
    identity = Identity(config.binding(), identity_of(streams), ranks)
    place = find_checkpoint(folder, config.resume)
    found = checkpoint.read(place, identity) if place else None
    model = make_model(config, text_size)
    of_window = operations_of_window(config.model, text_size)
    with (
        closing(Vigil(folder, rank, ranks, config.timeout)) as vigil,
        ExitStack() as afterwards,
        vigil.naming_the_lost(),
        told_when_full(folder),
    ):
        world = join_world(rank, ranks, config.timeout)
        # Before the ranks have met SIGTERM ends them at once, since there is nothing to save; from
        # then on also those that still have to name a lost one go on.
        notice = afterwards.enter_context(closing(StopNotice()))
        state, left_out = begin(config, streams, found)
        stream = streams[state.stage]
        fits = found is None or found.fits(ranks, config.zero)
        engine = start_engine(model, config, universal=not fits)
        if world.leads:
            remove_universal(folder)
        if found:
            continue_from(found, engine, folder, config, world)
            left_out += forget_best(found, folder)
        # A run at its end takes no step: its record tells of those that were taken.
        if world.leads and (state.step < state.steps or not (folder / "run.json").exists()):
            write_run_record(folder, config, config.seed)
        watch = Watch(folder, state.step, state.steps, world.leads)
        introduce(watch, config, streams, model, state, found, left_out)
        run = Run(
            config=config,
            folder=folder,
            streams=streams,
            stage=state.stage,
            world=world,
            engine=engine,
            batches=stream.batches(state.position),
            pool=validation_pool(stream.data, config.validation.windows, config.seed, ranks),
            state=state,
            saver=Saver(engine, folder, identity, world, config.save.keep),
            speed=Speed(of_window, measure_peak(config, world)),
            watch=watch,
            vigil=vigil,
            notice=notice,
        )
        try:
            return loop(run)
        finally:
            run.batches.close()
            run.saver.close()
            watch.close()


def measure_peak(config: TrainConfig, world: World) -> float:
    """Return the operations a second that the machines of all ranks reach at the same time."""
    dtype = torch.bfloat16 if config.precision is Precision.bf16 else torch.float32
    own = torch.tensor([peak_flops(world.device, dtype)], device=world.device)
    return float(world.mean(own).item()) * world.ranks


def continue_from(
    found: Found, engine: Any, folder: Path, config: TrainConfig, world: World
) -> None:
    """Put a checkpoint into the engine, converted first where another number of ranks made it."""
    place = found.path
    if found.fits(world.ranks, config.zero):
        checkpoint.load(engine, place)
        return
    if world.leads:
        print(f"converting {place} from {found.ranks} ranks to {world.ranks}", flush=True)
        to_universal(place, folder)
    world.wait()
    checkpoint.load(engine, universal_place(place, folder))
    world.wait()
    if world.leads:
        remove_universal(folder)


def forget_best(found: Found, folder: Path) -> str:
    """Forget the best in validation where its release is not in the folder; returns that in words.

    The release of another run is not taken along: it may be of a later step than the checkpoint.
    """
    own = found.path.parent == folder / checkpoint.FOLDER
    if found.state.best is None or (own and (folder / RELEASE).is_dir()):
        return ""
    found.state.best = None
    return "; the release of its best is not in this folder, so the best is found anew"


def read_config(arguments: Sequence[str]) -> TrainConfig:
    """Read the command line; raises UserError for what no run can have."""
    parser = argparse.ArgumentParser(prog="deepspeed pretrain/train.py", description=__doc__)
    parser.add_argument("--config", type=Path, help="a preset, such as configs/pretrain/small.yaml")
    parser.add_argument("--local_rank", type=int, help="given by the launcher")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(TrainConfig, given.config, given.overrides)
    config.check()
    return config


def output_folder(config: TrainConfig) -> Path:
    """Return the folder of the run; raises UserError for what cannot be one."""
    if not config.output:
        raise UserError("output: has no value; give a folder for the run")
    folder = local_folder(config.output, "output")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UserError(f"output={folder}: {there} is a file; give a folder")
    return folder


def find_checkpoint(folder: Path, resume: str | None) -> Path | None:
    """Return where to continue from: the run's own latest checkpoint, or the one asked for."""
    own = checkpoint.find(folder, asked_for=False)
    if own is None and resume is not None:
        return checkpoint.find(local_path(resume), asked_for=True)
    return own


def make_model(config: TrainConfig, text_size: int) -> Multi3Net:
    """Return the model with the weights that the seed decides."""
    torch.manual_seed(config.seed)
    model = Multi3Net(config.model, text_size)
    if config.activation_checkpointing:
        checkpoint_activations(model)
    return model


def loop(run: Run) -> int:
    """Train to the last step, or until SIGTERM; returns the exit status."""
    every, state = run.config.validation.every, run.state
    while state.step < state.steps:
        numbers, stopping = take_step(run)
        run.watch.step(state.step, numbers)
        last = state.step == state.steps
        if state.stage != run.stage or last or state.step % every == 0:
            judge(run)
        if state.stage != run.stage:
            enter_next_stage(run)
        if last or stopping or state.step % run.config.save.every == 0:
            run.vigil.doing = f"saving after step {state.step}"
            run.saver.save(state)
        if stopping and not last:
            run.saver.finish()
            run.watch.say(
                f"stopped after step {state.step} as SIGTERM asked; the same command continues"
            )
            return STATUS_OF_SIGTERM
    if state.best is None:  # the run had come to its end, but its release is not here
        judge(run)
        run.saver.save(state)
    run.saver.finish()
    release = run.folder / RELEASE
    run.watch.say(
        f"done: {release} holds the weights after step {state.best_step}, the best in validation\n"
        f"look at it: tensorboard --logdir {shlex.quote(str(run.folder))}\n"
        "go on: python -m finetune run --config configs/finetune/demo.yaml "
        + shlex.join([f"release={release}", f"output={run.folder.parent / 'finetune'}"])
    )
    return 0


def judge(run: Run) -> None:
    """Validate; where the shortfall is the least so far, write the release."""
    state, optimizer = run.state, run.config.optimizer
    run.vigil.doing = f"validating after step {state.step}"
    scores, shortfall, embeddings, predicted = validate(run.engine, run.pool, run.world)
    best = state.best is None or shortfall < state.best
    if best:
        state.best, state.best_step, state.stale = shortfall, state.step, 0
        release(run, scores)
    else:
        state.stale += 1
    if optimizer.schedule is Schedule.plateau and state.stale >= optimizer.patience:
        state.stale, state.reductions = 0, state.reductions + 1
    run.watch.validation(state.step, scores, best)
    show(run, predicted)
    if state.step == state.steps:
        assert state.best is not None
        settings = flat(run.config.binding())
        run.watch.sum_up(state.step, embeddings, run.pool["sentence"], settings, state.best)


def show(run: Run, predicted: dict[str, Tensor]) -> None:
    """Show what the decoders predict of the first windows, over what is true."""
    model = run.engine.module
    first = to_device(rows(run.pool, 0, SHOWN), run.world.device)
    true_VTWC = model.imu_left.scale.to_si(model.true_imu(first)).cpu()
    for name, signals in predicted.items():
        shown_VTWC = model.imu_left.scale.to_si(signals[:SHOWN].float()).cpu()
        draw = partial(signals_figure, true_VTWC, shown_VTWC, first["sentence"])
        run.watch.show_signals(run.state.step, name, draw)


def release(run: Run, scores: dict[str, float]) -> None:
    """Write the present weights as the run's release; every rank calls this."""
    weights = whole_weights(run.engine, run.config)
    if not run.world.leads:
        return
    learned = [stream.data for stream in run.streams[: run.stage + 1]]
    card = ReleaseCard(
        data=", then ".join(data.describe() for data in learned),
        data_licence="; ".join(map(": ".join, licences_of(learned).items())),
        steps=run.state.step,
        scores=scores,
        commit=git_commit(),
        text_backend=run.data.text_backend,
        placement=run.data.placement,
    )
    save_release(run.folder / RELEASE, run.engine.module, run.config.model, card, weights)


def introduce(
    watch: Watch,
    config: TrainConfig,
    streams: list[Stream],
    model: Multi3Net,
    state: State,
    found: Found | None,
    left_out: str,
) -> None:
    """Say what is about to happen."""
    for stage in range(len(streams)):
        watch.say(describe_stage(streams, stage, state, config.optimizer.warmup))
    parts = parameter_count(model)
    watch.say(
        f"model: {sum(parts.values()) / 1e6:.2f} million parameters ("
        + ", ".join(f"{name} {count / 1e6:.2f}" for name, count in parts.items() if count)
        + ")"
    )
    watch.say(
        f"continuing from {found.path}{left_out}" if found else f"starting: {state.steps} steps"
    )


if __name__ == "__main__":
    exit_with(lambda: speak_in_turn(lambda: main(sys.argv[1:])))
