"""One recording compared with its motion, kept on disk so that a run can go on.

Shape letters: T frames at 60 Hz, K kinds of sensor.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.runs import replace_when_whole
from datagen.alignment import Alignment, AlignmentConfig, align
from datagen.fidelity import Compared, Measures, measure
from datagen.pairs import Job
from datagen.recordings import KINDS

ARRAYS = ("times_T", "synthetic_KT", "real_KT")


@dataclass(frozen=True)
class Comparison:
    """What came of one pair.

    Attributes:
        name, person, wrist: of the pair.
        alignment: of the watch's clock.
        left_out: samples of the recording that were NaN.
        bad: clips that could not be used, with their reasons.
        activities: of each stretch.
        stretches: synthetic and real magnitudes.
    """

    name: str
    person: str
    wrist: str
    alignment: Alignment
    left_out: int
    bad: dict[str, str]
    activities: tuple[str, ...]
    stretches: tuple[Compared, ...]


def compare(job: Job, config: AlignmentConfig) -> Comparison:
    """Align a pair and lay its magnitudes side by side; raises UserError or BadClipError."""
    pair = job.load()
    curves = [piece.curve for piece in pair.pieces]
    try:
        alignment = align(curves, pair.watch, pair.nominal, config)
    except UserError as error:
        raise UserError(f"{job.name}: {error}") from None
    stretches = [
        Compared(
            curve.times_T,
            curve.magnitudes_KT,
            pair.watch.magnitudes_at(alignment.watch_times(curve.times_T, pair.nominal)),
        )
        for curve in curves
    ]
    return Comparison(
        name=job.name,
        person=job.person,
        wrist=job.wrist,
        alignment=alignment,
        left_out=sum(stream.left_out for stream in pair.watch.streams.values()),
        bad=pair.bad,
        activities=tuple(piece.activity for piece in pair.pieces),
        stretches=tuple(stretches),
    )


def save_comparison(path: Path, comparison: Comparison, config_digest: str) -> None:
    """Write a comparison (.npz), whole or not at all."""
    arrays = {
        f"{name}{number}": getattr(stretch, name)
        for number, stretch in enumerate(comparison.stretches)
        for name in ARRAYS
    }
    about = asdict(replace(comparison, stretches=())) | {"config": config_digest}
    with replace_when_whole(path, "wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)


def load_comparison(path: Path, config_digest: str) -> Comparison | None:
    """Read what `save_comparison` wrote with the same configuration, or None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        about: dict[str, Any] = json.loads(str(stored["about"]))
        if about.pop("config") != config_digest:
            return None
        stretches = tuple(
            Compared(
                *(stored[f"{name}{number}"] for name in ("times_T", "synthetic_KT", "real_KT"))
            )
            for number in range(len(about["activities"]))
        )
    alignment = Alignment(**about.pop("alignment"))
    activities = tuple(about.pop("activities"))
    about.pop("stretches")
    return Comparison(**about, alignment=alignment, activities=activities, stretches=stretches)


def grouped(comparisons: Iterable[Comparison], by: str) -> dict[str, dict[str, Measures]]:
    """Return the measures of each `activity`, `person` or `recording`, and of everything (`all`).

    A group in which nothing was recorded of a kind is left out.
    """
    groups: dict[str, list[Compared]] = {}
    for comparison in comparisons:
        for activity, stretch in zip(comparison.activities, comparison.stretches, strict=True):
            keys = {"activity": activity, "person": comparison.person, "all": "all"}
            groups.setdefault(keys.get(by, comparison.name), []).append(stretch)
    return {
        name: measure(stretches)
        for name, stretches in sorted(groups.items())
        if _recorded(stretches)
    }


def _recorded(stretches: list[Compared]) -> bool:
    known_K = [np.isfinite(each.real_KT).any(axis=1) for each in stretches]
    return bool(np.any(known_K, axis=0).sum() == len(KINDS))
