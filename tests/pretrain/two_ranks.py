"""What two real ranks have to show; started by DeepSpeed's launcher from test_train_ranks.py."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from made_shards import TEXT_SIZE
from small_model import small_config
from training import arguments, kept_states, results

from pretrain import train
from pretrain.batch_norm import BatchNorm1d
from pretrain.cached import cache_contrast
from pretrain.clips import Batch
from pretrain.config import Contrast, TrainConfig
from pretrain.data import open_data
from pretrain.evaluate import rows
from pretrain.model import Multi3Net
from pretrain.stream import Stream, StreamConfig
from pretrain.world import World, join_world, ranks_started

BATCH = 16
# ZeRO stages that are continued by another number of ranks.
STAGES_FOR_ONE = (0, 1, 3)
# The first stage of data, in steps; and after which steps one rank goes on: then, and later.
FIRST_STAGE = 4
STAGED_STOPS = (4, 8)
Gradients = dict[str, torch.Tensor]


def staged(data: Path, output: Path) -> list[str]:
    """Return the command line of a run in two stages: some steps, then an epoch."""
    stages = f"[{{data: {data}, steps: {FIRST_STAGE}}}, {{data: [{data}], epochs: 1}}]"
    overrides = ("batch_size=4", "steps=null", "zero=1", f"stages={stages}")
    return [each for each in arguments(data, output, *overrides) if not each.startswith("data=")]


def make_model() -> Multi3Net:
    torch.manual_seed(0)
    return Multi3Net(small_config(), TEXT_SIZE)


def alone(batch: Batch, prepare: Callable[[Multi3Net], None]) -> tuple[float, Gradients]:
    """Loss and gradients of the whole batch on one rank, without DeepSpeed."""
    model = make_model()
    prepare(model)
    loss = model(batch).losses["total"]
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def together(batch: Batch, world: World, zero: int) -> tuple[float, Gradients]:
    """The same from DeepSpeed's engine, each rank holding its half of the batch."""
    from deepspeed.utils import safe_get_full_grad

    config = TrainConfig(batch_size=BATCH // 2, zero=zero)
    model = make_model()
    engine = train.start_engine(model, config)
    half = rows(batch, world.rank * BATCH // 2, (world.rank + 1) * BATCH // 2)
    loss = engine(half).losses["total"]
    engine.backward(loss)
    gradients = {
        name: p.grad if zero == 0 else safe_get_full_grad(p) for name, p in model.named_parameters()
    }
    return world.mean(loss.detach()).item(), gradients


def fix_batch_norm(model: Multi3Net) -> None:
    """Let BatchNorm use its running statistics, since with cached gradients it sees parts alone."""
    for part in model.modules():
        if isinstance(part, BatchNorm1d):
            part.eval()


def with_cached_gradients(batch: Batch, world: World, zero: int) -> tuple[float, Gradients]:
    """The same from DeepSpeed's engine, each rank holding its half of the batch in two parts."""
    from deepspeed.utils import safe_get_full_grad

    size = BATCH // 4
    config = TrainConfig(batch_size=size, accumulate=2, contrast_over=Contrast.step, zero=zero)
    model = make_model()
    fix_batch_norm(model)
    engine = train.start_engine(model, config)
    firsts = (world.rank * 2 * size, world.rank * 2 * size + size)
    parts = [rows(batch, first, first + size) for first in firsts]
    total = torch.zeros(())
    cached = cache_contrast(
        model.contrastive, parts, lambda _, part: engine(part, embed_only=True).embeddings
    )
    for number, (part, contrast) in enumerate(cached):
        loss = engine(part, contrast).losses["total"]
        engine.backward(loss)
        total = total + loss.detach() / 2
        if number == 0:
            engine.step()
    gradients = {
        name: p.grad if zero == 0 else safe_get_full_grad(p) for name, p in model.named_parameters()
    }
    return world.mean(total).item(), gradients


def difference(one: Gradients, other: Gradients) -> float:
    """The largest difference of an entry, against the largest entry of all."""
    largest = max(gradient.abs().max().item() for gradient in one.values())
    return max((one[name] - other[name]).abs().max().item() for name in one) / largest


def stopped_after(steps: int, run: Callable[[], Any]) -> None:
    """Run until `steps` steps are taken, then break off as an interruption would."""
    take_step = train.take_step

    def stop(run: train.Run) -> tuple[dict[str, float], bool]:
        if run.state.step == steps:
            raise KeyboardInterrupt
        return take_step(run)

    train.take_step = stop
    try:
        run()
    except KeyboardInterrupt:
        pass
    finally:
        train.take_step = take_step


def main(data: Path, output: Path) -> None:
    stream = Stream(open_data(data), BATCH, 0, 0, 1, StreamConfig())
    batch, _ = next(stream.batches())
    truths = {
        "plain": (together, *alone(batch, lambda model: None)),
        "cached": (with_cached_gradients, *alone(batch, fix_batch_norm)),
    }
    world = join_world(*ranks_started(), timeout=600)
    told: dict[str, Any] = {}
    for name, (ranks_do, expected_loss, expected) in truths.items():
        told[name] = {"losses": [], "gradients": []}
        for zero in (0, 1, 2, 3):
            loss, gradients = ranks_do(batch, world, zero)
            told[name]["losses"].append(abs(loss - expected_loss) / expected_loss)
            told[name]["gradients"].append(difference(expected, gradients))
            assert gradients.keys() >= expected.keys()

    def run(name: str, *overrides: str) -> int:
        return train.main(arguments(data, output / name, "batch_size=4", "steps=8", *overrides))

    for zero in (0, 2):
        run(f"whole{zero}", f"zero={zero}")
        stopped_after(6, lambda zero=zero: run(f"broken{zero}", f"zero={zero}"))  # type: ignore[misc]
        run(f"broken{zero}", f"zero={zero}")
    for zero in STAGES_FOR_ONE:
        with kept_states() as kept:
            run(f"from_one{zero}", f"zero={zero}")
            torch.save(kept["loaded"], output / f"loaded{zero}-{world.rank}.pt")
        with kept_states() as kept:
            stopped_after(6, lambda zero=zero: run(f"from_two{zero}", f"zero={zero}"))  # type: ignore[misc]
            torch.save(kept["saved"], output / f"saved{zero}-{world.rank}.pt")
    for steps in STAGED_STOPS:
        with kept_states() as kept:
            line = staged(data, output / f"staged{steps}")
            stopped_after(steps + 1, lambda line=line: train.main(line))  # type: ignore[misc]
            torch.save(kept["saved"], output / f"staged{steps}-{world.rank}.pt")
    if world.leads:
        told["equal"] = [
            results(output / f"whole{zero}") == results(output / f"broken{zero}") for zero in (0, 2)
        ]
    named = Path("/dev/shm").glob(f"*_{os.environ['MASTER_PORT']}_*")
    told["shared_memory"] = [path.name for path in named]
    (output / f"told{world.rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[-2]), Path(sys.argv[-1]))
