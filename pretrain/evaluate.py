"""How well a model finds, among windows never trained on, the counterpart of each.

Shape letters: V windows, Q queries, K keys, D embedding.
"""

from collections import Counter
from collections.abc import Sequence
from math import comb
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cluster.errors import UserError
from cluster.runs import seed_from
from pretrain.clips import Batch, Clips, Int, cut, join, read_clips
from pretrain.data import Data
from pretrain.gauges import geometry
from pretrain.losses import PAIRS
from pretrain.ranks import gather_rows
from pretrain.shard import Shard
from pretrain.world import World

RECALL_AT = (1, 5, 10)


def validation_pool(data: Data, count: int, seed: int, ranks: int = 1) -> Batch:
    """Return a fixed choice of `count` validation windows, as `draw_pool` draws them.

    The number of windows is a multiple of `ranks`; raises UserError where there is not one for
    each.
    """
    clips, windows_V3 = draw_pool(data.validation, count, seed, data.window)
    share = len(windows_V3) // ranks
    if share == 0:
        raise UserError(
            f"{data.place}: {len(windows_V3)} validation windows for {ranks} ranks; "
            "use fewer ranks, or make more clips"
        )
    return cut(clips, windows_V3[: share * ranks], data.window)


def draw_pool(shards: Sequence[Shard], count: int, seed: int, window: int) -> tuple[Clips, Int]:
    """Return clips and `count` windows (V, 3) of `window` frames in them, or as many as there are.

    Windows do not overlap, and no clip gives a second one before every clip has given one.
    Shards are read in a seeded order until there are enough clips.
    """
    rng = np.random.default_rng(seed_from("validation", seed))
    read: list[Clips] = []
    known: set[int] = set()
    for index in rng.permutation(len(shards)):
        read.append(read_clips(shards[index], check=True))
        known.update(read[-1].clip_S.tolist())
        if len(known) >= count:
            break
    clips = join(read)
    windows_V3 = rng.permutation(_windows_side_by_side(clips, window, rng))
    turn_V = _turns(clips.clip_S[windows_V3[:, 0]])
    return clips, windows_V3[np.argsort(turn_V, kind="stable")[:count]]


def _windows_side_by_side(clips: Clips, window: int, rng: np.random.Generator) -> Int:
    sample_V = np.repeat(np.arange(len(clips.keys)), clips.windows_S(window))
    start_V = _turns(sample_V) * window
    return np.stack([sample_V, start_V, rng.integers(0, clips.bodies_S[sample_V])], axis=1)


def _turns(values_V: Int) -> Int:
    """Return how often each value has come before."""
    seen: Counter[int] = Counter()
    turns = np.empty_like(values_V)
    for place, value in enumerate(values_V.tolist()):
        turns[place] = seen[value]
        seen[value] += 1
    return turns


def recall(similarity_QK: Tensor, correct_QK: Tensor) -> dict[int, float]:
    """Return, for each k of RECALL_AT, the share of queries with a correct key among the first k.

    A wrong key as similar as the best correct one is put before it, so that a model that maps
    everything to one point finds nothing.
    """
    best_Q1 = similarity_QK.masked_fill(~correct_QK, -torch.inf).amax(1, keepdim=True)
    # What is no number is not less than anything: it does not make a key a good one.
    wrong_before_Q = (~(similarity_QK < best_Q1) & ~correct_QK).sum(1)
    return {k: (wrong_before_Q < k).float().mean().item() for k in RECALL_AT}


def chance(correct_QK: Tensor) -> dict[int, float]:
    """Return the recall that drawing keys blindly has on average."""
    keys = correct_QK.shape[1]
    counts = correct_QK.sum(1).tolist()
    return {
        k: float(np.mean([1 - comb(keys - count, m) / comb(keys, m) for count in counts]))
        for k in RECALL_AT
        for m in [min(k, keys)]
    }


def retrieval(embeddings_VD: dict[str, Tensor], caption_V: Tensor) -> dict[str, float]:
    """Score every pair of modalities both ways, and chance.

    To or from text, every window with an equal sentence is correct; otherwise only the same one.
    """
    unit = {name: functional.normalize(rows.float(), dim=1) for name, rows in embeddings_VD.items()}
    itself = torch.eye(len(caption_V), dtype=torch.bool, device=caption_V.device)
    equal = caption_V[:, None] == caption_V
    scores: dict[str, float] = {}
    for pair in PAIRS:
        first, second = pair.split("-")
        correct = equal if "text" in (first, second) else itself
        similarity = unit[first] @ unit[second].T
        for name, matrix in (
            (f"{first}-to-{second}", similarity),
            (f"{second}-to-{first}", similarity.T),
        ):
            scores |= {f"{name}/recall@{k}": share for k, share in recall(matrix, correct).items()}
    for name, correct in (("text", equal), ("others", itself)):
        scores |= {f"chance-{name}/recall@{k}": share for k, share in chance(correct).items()}
    return scores


class Verdict(NamedTuple):
    """What a validation finds.

    Attributes:
        scores: losses (`loss/...`), retrieval (`retrieval/...`), `alignment/...` and
            `uniformity/...`, all of the whole pool.
        shortfall: what the best weights have least of, see `shortfall_of`.
        embeddings: (V, D) by modality, of the whole pool.
        predicted: (B, T, W, C) by decoder, in scaled units, of this rank's part of the pool.
    """

    scores: dict[str, float]
    shortfall: float
    embeddings: dict[str, Tensor]
    predicted: dict[str, Tensor]


def validate(engine: Any, pool: Batch, world: World) -> Verdict:
    """Judge the model; every rank calls this with the same pool and looks at an equal part."""
    share = len(pool["key"]) // world.ranks
    own = to_device(rows(pool, world.rank * share, (world.rank + 1) * share), world.device)
    engine.eval()
    with torch.no_grad():
        output = engine(own)
    engine.train()
    names = list(output.losses)
    losses = world.mean(torch.stack([output.losses[name].float() for name in names]))
    embeddings = {name: gather_rows(part.float()) for name, part in output.embeddings.items()}
    found = retrieval(embeddings, pool["caption"].to(world.device))
    scores = {
        **{f"loss/{name}": value for name, value in zip(names, losses.tolist(), strict=True)},
        **{f"retrieval/{name}": value for name, value in found.items()},
        **geometry(embeddings),
    }
    pairs = engine.module.config.losses.pairs
    return Verdict(scores, shortfall_of(scores, pairs), embeddings, output.predicted)


def shortfall_of(scores: dict[str, float], pairs: Sequence[str]) -> float:
    """Return the share of windows that do not find their counterpart first, mean over the pairs.

    The contrastive loss is a poor judge: with sharp temperatures it rises on clips never seen,
    because what is wrong is wrong with confidence, while more and more is found. Where nothing is
    contrasted it is the loss.
    """
    if not pairs:
        return scores["loss/total"]
    directions = [pair.split("-") for pair in pairs]
    directions += [[second, first] for first, second in directions]
    hits = [scores[f"retrieval/{one}-to-{other}/recall@1"] for one, other in directions]
    return 1 - float(np.mean(hits))


def rows(batch: Batch, first: int, last: int) -> Batch:
    """Return a part of a batch."""
    return {name: value[first:last] for name, value in batch.items()}


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch with its tensors on a device."""
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in batch.items()
    }
