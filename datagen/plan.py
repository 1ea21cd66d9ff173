"""Clips to work units: which clip goes into which shard of which split.

A pure function of the clips' names and subjects and of the configuration, so that every machine
and every continuation comes to the same plan.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.errors import UserError
from cluster.runs import digest, seed_from
from datagen.motion import ClipRef
from datagen.shards import SPLITS
from datagen.sources.frames import PART

NAME = re.compile(r"[A-Za-z0-9_/-]+")


@dataclass(frozen=True)
class Unit:
    """The work that makes one shard: clips of one source and one split."""

    index: int
    source: str
    split: str
    clips: tuple[ClipRef, ...]


def make_plan(
    clips: Sequence[ClipRef], *, seed: int, validation_share: float, clips_per_shard: int
) -> list[Unit]:
    """Return the units in order of their shards' indices.

    A subject's clips never stand on both sides of the split; a clip without a subject stands for
    itself. Within a split the clips are shuffled, and spread evenly over the shards.
    Raises UserError for a name that two clips share or that cannot be the name of a sample.
    """
    _check_names(clips)
    validation = _validation_groups(clips, validation_share)
    units: list[Unit] = []
    for source in dict.fromkeys(clip.source for clip in clips):
        for split in SPLITS:
            chosen = [
                clip
                for clip in clips
                if clip.source == source and (_group(clip) in validation) == (split == SPLITS[1])
            ]
            chosen.sort(key=lambda clip: seed_from(seed, "order", clip.name))
            for part in _even_parts(chosen, clips_per_shard):
                units.append(Unit(len(units), source, split, tuple(part)))
    return units


def describe(units: Iterable[Unit]) -> dict[str, Any]:
    """Return the plan as JSON: which clips stand in which shard, and a digest of all they say.

    Where a file lies is left out: a folder may be mounted elsewhere on another day. Which part of
    a file a clip is belongs to what is said of it.
    """
    clips = {
        clip.name: [clip.text, clip.action, clip.subject, *PART.findall(clip.locator)]
        for unit in units
        for clip in unit.clips
    }
    shards = [
        {
            "index": unit.index,
            "source": unit.source,
            "split": unit.split,
            "clips": [clip.name for clip in unit.clips],
        }
        for unit in units
    ]
    return {"clips_digest": digest(clips), "shards": shards}


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Say in a few words how two descriptions of plans differ, or "" where they are the same."""
    if old == new:
        return ""
    names = [{name for shard in plan["shards"] for name in shard["clips"]} for plan in (old, new)]
    parts = []
    for found, word in ((names[1] - names[0], "new"), (names[0] - names[1], "gone")):
        if found:
            parts.append(f"{len(found)} clips are {word}, such as {min(found)}")
    if not parts and old["clips_digest"] == new["clips_digest"]:
        return "the sources stand in another order"
    return " and ".join(parts) or "sentences, actions, subjects or times of clips have changed"


def _check_names(clips: Sequence[ClipRef]) -> None:
    for name, count in Counter(clip.name for clip in clips).items():
        if count > 1:
            raise UserError(f"{name}: {count} clips have this name; clips need names of their own")
        if not NAME.fullmatch(name):
            raise UserError(
                f"{name}: a clip's name is made of letters, digits, _, - and / alone; rename it"
            )


def _group(clip: ClipRef) -> tuple[str, str, str]:
    return (
        (clip.source, "subject", clip.subject) if clip.subject else (clip.source, "clip", clip.name)
    )


def _validation_groups(clips: Sequence[ClipRef], share: float) -> set[tuple[str, str, str]]:
    """Return what is held out of each source: by a hash, but never nothing and never all.

    A group keeps its side when others are added; where the hash would hold out nothing or
    everything of a source, the group nearest to the border changes its side.
    """
    chosen = set()
    for source in {clip.source for clip in clips}:
        groups = {_group(clip) for clip in clips if clip.source == source}
        order = sorted(groups, key=lambda group: seed_from("split", *group))
        count = sum(seed_from("split", *group) < share * 2**64 for group in order)
        if share > 0 and len(order) > 1:
            count = min(max(count, 1), len(order) - 1)
        chosen.update(order[:count])
    return chosen


def _even_parts(clips: list[ClipRef], largest: int) -> list[list[ClipRef]]:
    parts = -(-len(clips) // largest)
    return [
        clips[len(clips) * part // parts : len(clips) * (part + 1) // parts]
        for part in range(parts)
    ]
