"""A part of the clips, for the question how much pre-training data is needed.

Which clips belong to it follows from their names alone, so it is the same in every order and with
every seed, and a larger share holds all of a smaller one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from cluster.progress import Progress
from cluster.runs import seed_from
from datagen.shards import WINDOW_FRAMES
from pretrain.shard import Shard, windows_in

Clip = tuple[str, str]


class Share(NamedTuple):
    """What is learned from.

    Attributes:
        shards: those that hold chosen clips, with these.
        too_short: of the motion of each source that has any, the part that is left out because
            it lies in stretches shorter than a window.
    """

    shards: tuple[Shard, ...]
    too_short: dict[str, float]


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


def share_of(shards: Sequence[Shard], share: float, window: int) -> Share:
    """Return what belongs to a share of the clips that have a stretch as long as a window.

    Shards say how many windows of one second they hold and not of which clips, so each is looked
    into where that is not enough. Raises UserError where one cannot be read.
    """
    if share == 1 and window == WINDOW_FRAMES:
        return Share(tuple(shards), {})
    lengths = []
    with Progress("clips", len(shards), "shards") as progress:
        for shard in shards:
            lengths.append(shard.lengths())
            progress.advance()
    long = [[(c, n) for c, n in listed if windows_in(n, window)] for listed in lengths]
    chosen = choose_clips(
        (
            (shard.info.source, clip)
            for shard, listed in zip(shards, long, strict=True)
            for clip, _ in listed
        ),
        share,
    )
    parts = []
    for shard, listed in zip(shards, long, strict=True):
        kept = [(clip, frames) for clip, frames in listed if (shard.info.source, clip) in chosen]
        parts.append(
            replace(
                shard,
                clips=frozenset(clip for clip, _ in kept),
                windows=sum(windows_in(frames, window) for _, frames in kept),
                frames=sum(frames for _, frames in kept),
            )
        )
    sources = [shard.info.source for shard in shards]
    return Share(
        tuple(part for part in parts if part.windows), _too_short(sources, lengths, window)
    )


def _too_short(
    sources: Sequence[str], lengths: Sequence[Sequence[tuple[str, int]]], window: int
) -> dict[str, float]:
    """Return the part of each source's frames in stretches shorter than a window, if any is."""
    short, whole = Counter[str](), Counter[str]()
    for source, listed in zip(sources, lengths, strict=True):
        whole[source] += sum(frames for _, frames in listed)
        short[source] += sum(frames for _, frames in listed if frames < window)
    return {source: frames / whole[source] for source, frames in short.items() if frames}
