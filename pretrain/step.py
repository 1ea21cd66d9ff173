"""One step of the optimizer, and what the parts of the loop share."""

import math
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cluster.errors import UserError
from cluster.runs import seed_from
from pretrain.cached import CachedContrast, cache_contrast
from pretrain.checkpoint import Saver, State
from pretrain.clips import Batch
from pretrain.config import Contrast, TrainConfig
from pretrain.data import Data
from pretrain.engine import step_and_measure
from pretrain.evaluate import to_device
from pretrain.gauges import gradient_norms, peak_memory
from pretrain.model import ModelOutput
from pretrain.not_finite import Part, explain
from pretrain.schedule import learning_rate
from pretrain.stopping import StopNotice
from pretrain.stream import Position, Stream
from pretrain.vigil import Vigil
from pretrain.watch import Watch
from pretrain.world import World


@dataclass(frozen=True)
class Speed:
    """What a window costs, and what the machines of all ranks can do: operations, and a second."""

    of_window: float
    peak: float


@dataclass
class Run:
    """What the parts of the loop share.

    `stage` is the one whose data `batches` and `pool` are of; `streams` has one for each.
    """

    config: TrainConfig
    folder: Path
    streams: list[Stream]
    stage: int
    world: World
    engine: Any
    batches: Generator[tuple[Batch, Position], None, None]
    pool: Batch
    state: State
    saver: Saver
    speed: Speed
    watch: Watch
    vigil: Vigil
    notice: StopNotice

    @property
    def data(self) -> Data:
        """What the present stage learns from."""
        return self.streams[self.stage].data


def take_step(run: Run) -> tuple[dict[str, float], bool]:
    """Take one step of the optimizer.

    Returns its numbers, named as in TensorBoard, and whether any rank was asked to stop.
    Raises UserError on every rank alike where a loss or the gradient is not finite on any.
    """
    config, state, engine = run.config, run.state, run.engine
    began, fetched = time.perf_counter(), Fetched(run)
    rate = learning_rate(
        config.optimizer, state.step - state.stage_begin, state.stage_steps, state.reductions
    )
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
    # Ranks stop together, so they tell one another with the losses.
    asked_to_stop = summed.new_tensor([float(run.notice.given)])
    *means, stopping = run.world.mean(
        torch.cat([summed / config.accumulate, asked_to_stop])
    ).tolist()
    numbers = {f"loss/{name}": value for name, value in zip(losses, means, strict=True)}
    refuse_if_not_finite(state.step + 1, numbers, parts, run.world)
    if (state.step + 1) % config.validation.every == 0:
        norms = gradient_norms(engine.module, config.zero)
        numbers |= {f"gradient_norm/{part}": norm for part, norm in norms.items()}
    numbers["gradient_norm"] = step_and_measure(engine, config)
    refuse_if_not_finite(state.step + 1, numbers, parts, run.world)
    state.step += 1
    state.position = fetched.position
    taken = time.perf_counter() - began
    samples = config.batch_size * config.accumulate * run.world.ranks / taken
    numbers |= {
        "learning_rate": rate,
        "samples_per_second": samples,
        "flops": samples * run.speed.of_window,
        "mfu": samples * run.speed.of_window / run.speed.peak,
        "memory_bytes": peak_memory(run.world.device),
        "data_wait": fetched.waited / taken,
        **{f"temperature/{pair}": value for pair, value in temperatures(run).items()},
    }
    return numbers, stopping > 0


class Fetched:
    """The batches of one step, as they come."""

    def __init__(self, run: Run) -> None:
        self.run, self.waited, self.position = run, 0.0, run.state.position

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.run.config.accumulate):
            asked = time.perf_counter()
            self.run.vigil.doing = f"waiting for a batch of step {self.run.state.step + 1}"
            batch, self.position = next(self.run.batches)
            self.waited += time.perf_counter() - asked
            self.run.vigil.doing = f"in step {self.run.state.step + 1}"
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
