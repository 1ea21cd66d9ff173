"""Pairs: a motion and the watch that its performer wore, from MM-Fit or named one by one.

Shape letters: T frames at 60 Hz, K kinds of sensor.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location, location
from datagen.alignment import Curve
from datagen.imu import RATE
from datagen.motion import Array, BadClipError, ClipRef, Source
from datagen.placement import SIDES
from datagen.recording_files import (
    CAMERA_RATE,
    ColumnsConfig,
    local,
    mmfit_watch_files,
    read_mmfit_watch,
    read_table,
    read_watch_csv,
)
from datagen.recordings import Watch
from datagen.simulator import Simulator
from datagen.sources.frames import cut, file_of, located
from datagen.sources.joints import MMFIT_POSES, frames_and_positions
from datagen.sources.npz import read_npy

NO_ACTIVITY = "none"


@dataclass
class MmfitConfig:
    """MM-Fit: watches that lie beside 3-D poses.

    Attributes:
        source: which of sources.joints reads the poses.
        people: whose each workout is, such as {w00: p1}; the data do not say. A workout that is
            not named counts as a person of its own.
    """

    source: str = "mmfit"
    people: dict[str, str] = field(default_factory=dict)


@dataclass
class PairConfig:
    """One clip of a source and the recording of one watch that belongs to it.

    Attributes:
        clip: the clip's name, as the source lists it: the source's name, a slash, the file's.
        file: the recording, CSV.
        wrist: left or right.
        person: who performed; "" for whom the source names.
        start: the watch's time stamp at the motion's first frame, in the unit of its column; null
            where it is not known: then both are first taken to start together.
        activities: CSV with the columns start, end (seconds of the motion) and activity; "" for
            one activity, the clip's.
    """

    clip: str
    file: str
    wrist: str = "left"
    person: str = ""
    start: float | None = None
    activities: str = ""

    def __post_init__(self) -> None:
        if self.wrist not in SIDES:
            raise UserError(f"pairs: wrist={self.wrist}: give left or right")


@dataclass(frozen=True)
class Piece:
    """Synthetic magnitudes while one activity goes on."""

    activity: str
    curve: Curve


@dataclass(frozen=True)
class Pair:
    """What one watch recorded, and what it should have.

    Attributes:
        watch: the recording.
        nominal: time of the motion's time 0 on the watch's clock as far as it is known, seconds.
        pieces: of the motion.
        bad: clips that could not be used, with their reasons.
    """

    watch: Watch
    nominal: float
    pieces: tuple[Piece, ...]
    bad: dict[str, str]


@dataclass(frozen=True)
class Job:
    """A pair that is known by name; `load` raises UserError or BadClipError.

    Attributes:
        files: of the recording.
        clips: of the motion.
    """

    name: str
    person: str
    wrist: str
    files: tuple[Location, ...]
    clips: tuple[ClipRef, ...]
    load: Callable[[], Pair]

    def state(self) -> list[tuple[object, ...]]:
        """Return what tells whether it is still the same pair.

        That is what the clips say, and of each file of this machine its size and when it changed.
        """
        places = dict.fromkeys([*self.files, *(file_of(clip.locator) for clip in self.clips)])
        stamps = [
            (str(path), path.stat().st_size, path.stat().st_mtime_ns)
            for place in places
            if isinstance(place, Path)
            for path in [place, *sorted(place.rglob("*"))]
            if path.is_file()
        ]
        return [*map(astuple, self.clips), (self.person,), *stamps]


def named_jobs(
    pairs: dict[str, PairConfig],
    columns: ColumnsConfig,
    sources: dict[str, Source],
    simulator: Simulator,
) -> Iterator[Job]:
    """Yield the pairs of a configuration; raises UserError for a clip that no source lists."""
    refs = {ref.name: ref for source in sources.values() for ref in source.list_clips()}
    for name, pair in pairs.items():
        if pair.clip not in refs:
            raise UserError(
                f"pairs.{name}.clip={pair.clip}: no source lists it; there are "
                f"{', '.join(sorted(refs)[:3])} and so on"
            )
        ref = refs[pair.clip]
        load = partial(_load_named, pair, columns, sources[ref.source], ref, simulator)
        files = tuple(location(path) for path in (pair.file, pair.activities) if path)
        yield Job(name, pair.person or ref.subject or name, pair.wrist, files, (ref,), load)


def _load_named(
    pair: PairConfig, columns: ColumnsConfig, source: Source, ref: ClipRef, simulator: Simulator
) -> Pair:
    watch = read_watch_csv(local(location(pair.file)), columns)
    nominal = watch.span[0]
    if pair.start is not None:
        nominal = pair.start * columns.seconds
    magnitudes_KT = magnitudes(simulator.signals(source.read_clip(ref)))[SIDES.index(pair.wrist)]
    times_T = np.arange(magnitudes_KT.shape[1]) / RATE
    whole = Curve(times_T, magnitudes_KT)
    if pair.activities:
        return Pair(watch, nominal, tuple(_split(whole, local(location(pair.activities)))), {})
    return Pair(watch, nominal, (Piece(ref.action or ref.text, whole),), {})


def _split(whole: Curve, path: Path) -> Iterator[Piece]:
    """Yield the pieces of a curve between activities' starts and ends, in order."""
    table = read_table(path, ["start", "end", "activity"], text=["activity"])
    labels_T = np.full(len(whole.times_T), NO_ACTIVITY, dtype=object)
    for row, (start, end, activity) in enumerate(
        zip(table["start"], table["end"], table["activity"], strict=True), 1
    ):
        if not (isinstance(start, int | float) and isinstance(end, int | float) and start < end):
            raise UserError(f"{path}, row {row}: start and end are not seconds that rise")
        if not activity:
            raise UserError(f"{path}, row {row}: names no activity; do so, or leave the row out")
        labels_T[(whole.times_T >= start) & (whole.times_T < end)] = activity
    borders = np.flatnonzero(labels_T[1:] != labels_T[:-1]) + 1
    for frames in np.split(np.arange(len(labels_T)), borders):
        part = Curve(whole.times_T[frames], whole.magnitudes_KT[:, frames])
        yield Piece(str(labels_T[frames[0]]), part)


def mmfit_jobs(config: MmfitConfig, sources: dict[str, Source], simulator: Simulator) -> list[Job]:
    """Return two pairs, left and right, for each workout; raises UserError for no workout."""
    if config.source not in sources:
        raise UserError(f"mmfit.source={config.source}: sources.joints has none of this name")
    source = sources[config.source]
    workouts: dict[Path, list[ClipRef]] = {}
    for ref in source.list_clips():
        place, span = located(ref.locator)
        path = local(place)
        if span is not None and path.name.endswith(MMFIT_POSES):
            workouts.setdefault(path, []).append(ref)
    if not workouts:
        raise UserError(
            f"sources.joints.{config.source}: holds no workout of MM-Fit, which is "
            "wNN_pose_3d.npy with wNN_labels.csv beside it"
        )

    @lru_cache(maxsize=1)  # left and right are asked for one after the other
    def performed(poses: Path) -> tuple[list[tuple[str, float, Array]], dict[str, str]]:
        return _perform(poses, workouts[poses], source, simulator)

    def load(poses: Path, workout: str, side: str) -> Pair:
        watch, nominal = read_mmfit_watch(poses, workout, side)
        sets, bad = performed(poses)
        pieces = []
        for activity, start, magnitudes_WKT in sets:
            magnitudes_KT = magnitudes_WKT[SIDES.index(side)]
            times_T = start + np.arange(magnitudes_KT.shape[1]) / RATE
            pieces.append(Piece(activity, Curve(times_T, magnitudes_KT)))
        if not pieces:
            clip, reason = next(iter(bad.items()))
            raise BadClipError(f"no set can be used; {clip} {reason}")
        return Pair(watch, nominal, tuple(pieces), bad)

    jobs = []
    for poses in workouts:
        workout = poses.name.removesuffix(MMFIT_POSES)
        person = config.people.get(workout, workout)
        for side in SIDES:
            files = tuple(mmfit_watch_files(poses, workout, side).values())
            clips = tuple(workouts[poses])
            read = partial(load, poses, workout, side)
            jobs.append(Job(f"{workout}-{side}", person, side, files, clips, read))
    return jobs


def _perform(
    poses: Path, refs: Sequence[ClipRef], source: Source, simulator: Simulator
) -> tuple[list[tuple[str, float, Array]], dict[str, str]]:
    """Return activity, start and magnitudes of each set of a workout, and the bad ones."""
    sets, bad = [], {}
    for ref in refs:
        try:
            numbers_S, _ = frames_and_positions(read_npy(poses))
            first = float(numbers_S[cut(numbers_S, located(ref.locator)[1])][0])
            made = magnitudes(simulator.signals(source.read_clip(ref)))
            sets.append((ref.action, first / CAMERA_RATE, made))
        except BadClipError as error:
            bad[ref.name] = str(error)
    return sets, bad


def magnitudes(signals_TW6: Array) -> Array:
    """Return the magnitudes (W, K, T) of accelerometer and gyroscope."""
    triads_TWK3 = signals_TW6.reshape(*signals_TW6.shape[:2], 2, 3)
    return np.linalg.norm(triads_TWK3, axis=-1).transpose(1, 2, 0)
