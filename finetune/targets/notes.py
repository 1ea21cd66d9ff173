"""What every command says of recordings that it can use, but not as they are.

Shape letters: T samples, N windows.
"""

from collections.abc import Sequence

import numpy as np

from finetune.targets.checks import implausible, worn_wrists
from finetune.targets.recording import GRAVITY, UNLABELLED, WRISTS, Recording, Target
from finetune.windows import Windows

# The widest accelerometers and gyroscopes of watches end at half of these.
LARGEST_FORCE = 32 * GRAVITY
LARGEST_TURNING = 70.0


def notes(recordings: Sequence[Recording]) -> list[str]:
    """Return what a reader could not use, and samples that read what no watch can."""
    return [*_dropped(recordings), *_segments(recordings), *_impossible(recordings)]


def without_windows(target: Target, windows: Windows, seconds: int) -> list[str]:
    """Return how many recordings with labels have no window, and which people and classes."""
    used = [set(np.unique(part.labels_T).tolist()) - {UNLABELLED} for part in target.recordings]
    cut = set(windows.recordings_N.tolist())
    missing = [
        part for place, part in enumerate(target.recordings) if used[place] and place not in cut
    ]
    people = sorted({part.subject for part in missing} - set(windows.subjects_N.tolist()))
    classes = sorted(set().union(*used) - set(windows.labels_N.tolist()))
    found = []
    if missing:
        whose = f", nor has any other of {', '.join(people)}" if people else ""
        found.append(
            f"{len(missing)} recordings have no window of {seconds} s with a label, the first "
            f"{missing[0].name}{whose}: too short, too many gaps, or the wrist that is left out"
        )
    if classes:
        found.append(
            f"there is no window of {seconds} s of "
            f"{', '.join(repr(target.label_names[each]) for each in classes)}, which never lasts "
            "for most of one"
        )
    return found


def _dropped(recordings: Sequence[Recording]) -> list[str]:
    found = []
    for count, said in (
        ([part.not_rising for part in recordings], "whose time stamp does not rise"),
        ([part.without_value for part in recordings], "without a value"),
    ):
        if sum(count):
            several = sum(number > 0 for number in count)
            found.append(f"{sum(count):,} samples {said} dropped, in {several} recordings")
    return found


def _segments(recordings: Sequence[Recording]) -> list[str]:
    found = []
    for name, said in (
        ("segments_beyond", "reach beyond their recording, the first in {}: another unit, or "
         "another zero of time?"),
        ("segments_overlapping", "overlap others of another label, the first in {}: of two the one "
         "that starts later counts"),
    ):  # fmt: skip
        having = [part for part in recordings if getattr(part, name)]
        if having:
            count = sum(getattr(part, name) for part in having)
            found.append(f"{count:,} labelled segments {said.format(having[0].name)}")
    return found


def _impossible(recordings: Sequence[Recording]) -> list[str]:
    """Return where samples stand for none; recordings in a wrong unit are refused elsewhere."""
    sound = [part for part in recordings if not implausible(part)]
    found = []
    for channels, largest, unit in (
        (slice(0, 3), LARGEST_FORCE, "m/s2"),
        (slice(3, 6), LARGEST_TURNING, "rad/s"),
    ):
        for wrist, name in enumerate(WRISTS):
            lengths = [
                (part, np.linalg.norm(part.signals_TWC[:, wrist, channels], axis=1))
                for part in sound
                if wrist in worn_wrists(part)
            ]
            having = [part for part, length_T in lengths if (length_T > largest).any()]
            if having:
                count = sum(int((length_T > largest).sum()) for _, length_T in lengths)
                found.append(
                    f"{name} wrist: {count:,} samples read more than {largest:.0f} {unit}, which "
                    f"no watch can, the first in {having[0].name}: leave such cells empty"
                )
    return found
