"""A part of the clips, for the question how much pre-training data is needed.

Which clips belong to it follows from their names alone, so it is the same in every order and with
every seed, and a larger share holds all of a smaller one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cluster.progress import Progress
from cluster.runs import seed_from
from datagen.shards import WINDOW_FRAMES
from pretrain.shard import Shard, windows_in

Clip = tuple[str, str]


def choose_clips(clips: Iterable[Clip], share: float) -> set[Clip]:
    """Return a share of the clips (source, name) of each source, at least one, by hash."""
    by_source: dict[str, list[Clip]] = {}
    for clip in sorted(set(clips), key=lambda clip: seed_from("share", *clip)):
        by_source.setdefault(clip[0], []).append(clip)
    return {
        clip
        for listed in by_source.values()
        for clip in listed[: max(1, round(share * len(listed)))]
    }


def share_of(shards: Sequence[Shard], share: float, window: int) -> tuple[Shard, ...]:
    """Return what belongs to a share: shards that hold chosen clips, with these.

    Clips shorter than a window belong to none. Shards say how many windows of one second they
    hold and not of which clips, so each is looked into where that is not enough. Raises
    UserError where one cannot be read.
    """
    if share == 1 and window == WINDOW_FRAMES:
        return tuple(shards)
    lengths = []
    with Progress("share", len(shards), "shards") as progress:
        for shard in shards:
            lengths.append([(c, n) for c, n in shard.lengths() if windows_in(n, window)])
            progress.advance()
    chosen = choose_clips(
        (
            (shard.info.source, clip)
            for shard, listed in zip(shards, lengths, strict=True)
            for clip, _ in listed
        ),
        share,
    )
    parts = []
    for shard, listed in zip(shards, lengths, strict=True):
        kept = [(clip, frames) for clip, frames in listed if (shard.info.source, clip) in chosen]
        parts.append(
            replace(
                shard,
                clips=frozenset(clip for clip, _ in kept),
                windows=sum(windows_in(frames, window) for _, frames in kept),
                frames=sum(frames for _, frames in kept),
            )
        )
    return tuple(part for part in parts if part.windows)
