"""Data sets one after another: what each stage learns from, how long, and the change to the next.

A stage is to the weights what a run of its own would be: it has its own epochs, its own warm-up
and schedule of the learning rate, its own validation clips, and so its own best release.
"""

from itertools import accumulate as running_sum

from cluster.errors import UserError
from cluster.runs import digest
from pretrain.checkpoint import Found, State
from pretrain.config import StageConfig, TrainConfig
from pretrain.data import check_one_kind, open_data
from pretrain.evaluate import validation_pool
from pretrain.shard import shard_cache
from pretrain.step import Run
from pretrain.stream import Position, Stream


def open_stages(config: TrainConfig, rank: int, ranks: int) -> list[Stream]:
    """Return the stream of each stage; reads no shard but for a share of the data.

    Raises UserError as `open_data` and `Stream` do, where stages have text vectors of several
    kinds, for data that cannot be mirrored, and where a stage's epochs do not fill one step.
    """
    cache = shard_cache(config.stream.cache, config.stream.cache_gigabytes)
    opened = [
        open_data(*stage.folders(), window=config.model.window, cache=cache, share=config.share)
        for stage in config.plan()
    ]
    check_one_kind(
        (shard.path, shard.info) for data in opened for shard in (*data.train, *data.validation)
    )
    for data in opened:
        if config.augment.mirror and not data.watches:
            raise UserError(
                f"augment.mirror: the sensors of {data.place} are not worn as watches, datagen's "
                "default; give augment.mirror=0, or make shards without imu.left and imu.right"
            )
    streams = [
        Stream(data, config.batch_size, config.seed, rank, ranks, config.stream, config.augment)
        for data in opened
    ]
    for stage, stream in zip(config.plan(), streams, strict=True):
        batches = (stage.epochs or 0) * stream.batches_per_epoch
        if stage.epochs is not None and batches < config.accumulate:
            raise UserError(
                f"accumulate: a step takes {config.accumulate} batches, but epochs={stage.epochs} "
                f"of {stream.data.place} has {batches}; accumulate fewer, or give more epochs"
            )
    return streams


def identity_of(streams: list[Stream]) -> str:
    """Return a digest of the shards of all stages, in their order."""
    return digest([stream.data.identity for stream in streams])


def begin(config: TrainConfig, streams: list[Stream], found: Found | None) -> tuple[State, str]:
    """Return where the run stands, and in words what another number of ranks leaves out."""
    plan = config.plan()
    whole = [
        count_steps(config, stage, stream) for stage, stream in zip(plan, streams, strict=True)
    ]
    if found is None:
        return State(ends=list(running_sum(whole))), ""
    state, stream = found.state, streams[found.state.stage]
    if found.ranks == stream.ranks or state.step == state.steps:
        return state, ""
    left_out = ""
    if state.position.batch:
        left_out = (
            f"; made by {found.ranks} ranks: the rest of epoch {state.position.epoch + 1} is left "
            "out, since its order depends on their number"
        )
        state.position = Position(state.position.epoch + 1)
    now, end = plan[state.stage], state.ends[state.stage]
    if now.epochs is not None:
        end = state.step + count_steps(config, now, stream, state.position.epoch)
    done = state.ends[: state.stage]
    state.ends = [*done, *running_sum([end, *whole[state.stage + 1 :]])]
    return state, left_out


def count_steps(
    config: TrainConfig, stage: StageConfig, stream: Stream, epochs_done: int = 0
) -> int:
    """Return the steps of a stage, or of its epochs that are left."""
    if stage.steps is not None:
        return stage.steps
    assert stage.epochs is not None
    left = stage.epochs - epochs_done  # perhaps none of a stage whose last epoch is begun
    return max(1, left * stream.batches_per_epoch // config.accumulate)


def enter_next_stage(run: Run) -> None:
    """Go on to the data of the stage that the state has come to; every rank calls this."""
    config, state = run.config, run.state
    run.batches.close()
    state.position, state.best, state.best_step = Position(), None, 0
    state.stale = state.reductions = 0
    run.stage = state.stage
    run.watch.say(describe_stage(run.streams, run.stage, state, config.optimizer.warmup))
    run.vigil.doing = f"reading the validation windows of stage {run.stage + 1}"
    run.pool = validation_pool(run.data, config.validation.windows, config.seed, run.world.ranks)
    run.batches = run.streams[run.stage].batches()


def describe_stage(streams: list[Stream], stage: int, state: State, warmup: int) -> str:
    """Return in words what a stage learns from, and that it ends within its warm-up if it does."""
    stream, data = streams[stage], streams[stage].data
    name = f"stage {stage + 1} of {len(streams)}, to step {state.ends[stage]}"
    ranks = f" on each of {stream.ranks} ranks" if stream.ranks > 1 else ""
    steps = state.ends[stage] - (state.ends[stage - 1] if stage else 0)
    short = (
        f"; its {steps} steps end within the warm-up of {warmup} (optimizer.warmup), so the "
        "learning rate stays below optimizer.learning_rate"
    )
    return (
        f"{name if len(streams) > 1 else 'data'}: {data.describe()} in {len(data.train)} shards "
        f"of {data.place}; {stream.windows} windows an epoch, {stream.batches_per_epoch} batches "
        f"of {stream.batch_size}{ranks}{short if steps < warmup else ''}"
    )
