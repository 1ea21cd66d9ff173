"""What `datagen inspect` says of a file."""

import csv
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cluster.storage import Location
from datagen.motion import BadClipError, Motion


@dataclass(frozen=True)
class Contents:
    """What a file holds; what a format does not know stays out.

    Attributes:
        source: which source reads it.
        format: the file's format in words.
        clips: how many clips it holds or describes.
        joints: joints that the file itself has.
        frames, rate: of its one clip; frames per second.
        units: which unit its lengths are in, and what that was guessed from.
        skeleton: which skeleton maps know its joints.
        people: who moves, or how many do.
        text: what it says happens.
        problems: what is wrong with it, one line each.
        motion: its one clip as a run would read it, for a look at how it moves.
    """

    source: str
    format: str
    clips: int = 1
    joints: int | None = None
    frames: int | None = None
    rate: float | None = None
    units: str = ""
    skeleton: str = ""
    people: str = ""
    text: str = ""
    problems: tuple[str, ...] = ()
    motion: Motion | None = None


def columns_of(path: Location, separator: str) -> list[str]:
    """Return the names in the first line of a table, or none where it is no text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, delimiter=separator), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def contents_of_clip(
    source: str, form: str, joints: int | None, read: Callable[[], Motion]
) -> Contents:
    """Return what a file of one clip holds, by reading it as a run does."""
    try:
        motion = read()
    except BadClipError as error:
        return Contents(source, form, joints=joints, problems=(str(error),))
    height = float(np.median(motion.translation_T3[:, 1]))
    return Contents(
        source,
        form,
        joints=joints,
        frames=len(motion.rotations_TJ3),
        rate=motion.rate,
        units=f"metres (the pelvis is {height:.2f} m above the origin)",
        people=motion.subject,
        text=motion.text,
        motion=motion,
    )
