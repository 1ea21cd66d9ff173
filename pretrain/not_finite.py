"""Which samples made a loss NaN or infinite, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from pretrain.clips import Batch
from pretrain.world import World

SIGNALS = ("text", "pose", "imu_left", "imu_right")
SHOWN_KEYS, SHOWN_RANKS = 3, 2


@dataclass(frozen=True)
class Part:
    """What of a step went through the model at a time, and the embeddings (B, D) it became."""

    batch: Batch
    embeddings: dict[str, Tensor]


def explain(parts: list[Part], world: World) -> str:
    """Name the samples of all ranks whose signals, or else whose embeddings, are not finite.

    Every rank calls this and gets the same words.
    """
    damaged = _of_all_ranks(
        [_rows_not_finite(part.batch, {s: part.batch[s] for s in SIGNALS}) for part in parts], world
    )
    if damaged:
        return f"the shards hold values that are not finite: {damaged}; make them without these"
    diverged = _of_all_ranks(
        [_rows_not_finite(part.batch, part.embeddings) for part in parts], world
    )
    where = f"embeddings that are not finite: {diverged}; " if diverged else ""
    return (
        f"{where}the data is finite, so start anew in another output with a smaller "
        "optimizer.learning_rate or a longer optimizer.warmup"
    )


def _rows_not_finite(batch: Batch, tensors: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Return, by tensor, the keys of the samples with a value that is not finite."""
    found = {}
    for name, rows in tensors.items():
        bad_B = (~rows.isfinite()).flatten(1).any(1)
        found[name] = [key for key, bad in zip(batch["key"], bad_B.tolist(), strict=True) if bad]
    return found


def _of_all_ranks(parts: list[dict[str, list[str]]], world: World) -> str:
    listed = []
    for name in parts[0]:
        keys = list(dict.fromkeys(key for part in parts for key in part[name]))
        if keys:
            more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
            listed.append(f"{name} of {', '.join(keys[:SHOWN_KEYS])}{more}")
    told = world.gather_words(" and ".join(listed))
    words = [f"{said} (rank {rank})" for rank, said in enumerate(told) if said]
    more_ranks = len(words) - SHOWN_RANKS
    return ", ".join(words[:SHOWN_RANKS]) + (f", {more_ranks} more ranks" if more_ranks > 0 else "")
