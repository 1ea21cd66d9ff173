"""Synthetic signals against real watches that recorded other people: distributions alone.

Where no motion belongs to a recording, what can be compared is how often which magnitudes occur
and which frequencies they have, for the same kind of activity. The percentile calibration is
fitted on half of the people and judged on the other half, then the other way round. What real
people of one half differ from those of the other is measured too: nothing synthetic can be
expected to come nearer.

Shape letters: T samples at 60 Hz, F frequencies, K kinds of sensor.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import seed_from
from datagen.calibration import Signals, fit_calibration
from datagen.fidelity import FLOOR, WELCH_FRAMES, log_spectral_distance, power_spectrum
from datagen.imu import RATE
from datagen.motion import Array, BadClipError, Source
from datagen.placement import SIDES
from datagen.recording_files import ColumnsConfig, local, read_table, watch_of_table
from datagen.recordings import KINDS, Watch
from datagen.simulator import Simulator
from datagen.sources.listing import files_below
from datagen.unpaired_report import ROWS, Distances, Unpaired


@dataclass
class UnpairedConfig:
    """A folder of recordings, and the motion to compare them with.

    Attributes:
        folder: searched with all its subfolders.
        files: which files in it are recordings.
        person: regular expression whose group finds the person in a file's path.
        label: column with the activity, and which activity counts; "" for all of a file.
        activity: see label.
        clips: regular expression that is found in the names of the clips to compare; "" for all.
        wrist: on which the synthetic watch sits.
    """

    folder: str
    files: str = "*.csv"
    person: str = r"([^/]+)/[^/]*$"
    label: str = ""
    activity: str = ""
    clips: str = ""
    wrist: str = "left"

    def __post_init__(self) -> None:
        if self.wrist not in SIDES:
            raise UserError(f"unpaired.wrist={self.wrist}: give left or right")
        for key in ("person", "clips"):
            try:
                re.compile(getattr(self, key))
            except re.error as error:
                raise UserError(f"unpaired.{key}={getattr(self, key)}: {error}") from None
        if re.compile(self.person).groups != 1:
            raise UserError(f"unpaired.person={self.person}: needs one group in parentheses")


def compare_unpaired(
    config: UnpairedConfig,
    columns: ColumnsConfig,
    sources: Mapping[str, Source],
    simulator: Simulator,
) -> Unpaired:
    """Compare; raises UserError where there is nothing on one side, or one person alone."""
    recorded, bad = _recorded(config, columns)
    people = sorted(recorded, key=lambda person: seed_from("half", person))
    if len(people) < 2:
        raise UserError(
            f"unpaired.person: finds {len(people)} people in {config.folder}; two are needed, one "
            "to fit the calibration and another to judge it"
        )
    made, bad_clips = _made(config, sources, simulator)
    halves = people[: len(people) // 2], people[len(people) // 2 :]
    calibrated, distances = [], []
    for judged, fitted in (halves, halves[::-1]):
        calibration = fit_calibration(
            [Signals("", piece) for piece in made],
            [Signals(person, piece) for person in fitted for piece in recorded[person]],
            fitted,
        )
        theirs = [_magnitudes(calibration.apply(piece)) for piece in made]
        calibrated += theirs
        others = [_magnitudes(piece) for person in fitted for piece in recorded[person]]
        real = [_magnitudes(piece) for person in judged for piece in recorded[person]]
        rows = [_magnitudes(piece) for piece in made], theirs, others
        distances.append(
            {row: _distances(each, real) for row, each in zip(ROWS, rows, strict=True)}
        )
    return Unpaired(
        real=[_magnitudes(piece) for person in people for piece in recorded[person]],
        synthetic=[_magnitudes(piece) for piece in made],
        calibrated=calibrated,
        distances=distances,
        people=(tuple(halves[0]), tuple(halves[1])),
        clips=len(made),
        bad=bad | bad_clips,
    )


def _recorded(
    config: UnpairedConfig, columns: ColumnsConfig
) -> tuple[dict[str, list[Array]], dict[str, str]]:
    """Return each person's stretches (T, 6) at 60 Hz, and the files left out."""
    paths = [local(path) for path in files_below(config.folder, config.files, "recording")]
    labels = [config.label] if config.label else []
    recorded: dict[str, list[Array]] = {}
    bad: dict[str, str] = {}
    with Progress("recordings", len(paths), "files") as progress:
        for path in paths:
            try:
                table = read_table(path, [*columns.numeric, *labels], text=labels)
                watch = watch_of_table(str(path), table, columns)
                found = re.search(config.person, path.as_posix())
                if found is None:
                    raise UserError(f"{path}: unpaired.person={config.person} finds nobody in it")
                stretches = _stretches(watch, table, config, columns)
                recorded.setdefault(found[1], []).extend(stretches)
            except UserError as error:
                bad[path.name] = str(error)
            progress.advance()
    recorded = {person: stretches for person, stretches in recorded.items() if stretches}
    if not recorded:
        reason = next(iter(bad.values()), f"no two seconds are {config.activity}")
        raise UserError(f"{config.folder}: nothing can be compared: {reason}")
    return recorded, bad


def _stretches(
    watch: Watch, table: Any, config: UnpairedConfig, columns: ColumnsConfig
) -> list[Array]:
    """Return every stretch of two seconds or more with the activity, (T, 6) at 60 Hz."""
    first, last = watch.span
    times_T = np.arange(first, last, 1 / RATE)
    known_T = np.isfinite(watch.magnitudes_at(times_T)).all(axis=0)
    if config.label:
        stamps = table[columns.time].to_numpy(np.float64) * columns.seconds
        nearest = np.clip(np.searchsorted(stamps, times_T), 0, len(stamps) - 1)
        known_T &= (table[config.label] == config.activity.strip()).to_numpy()[nearest]
    signals_T6 = np.stack(
        [
            np.interp(times_T, stream.times_S, stream.values_S3[:, axis])
            for stream in (watch.streams[kind] for kind in KINDS)
            for axis in range(3)
        ],
        axis=1,
    )
    edges = np.flatnonzero(np.diff(np.r_[False, known_T, False].astype(int)))
    return [
        signals_T6[a:b]
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a >= WELCH_FRAMES
    ]


def _made(
    config: UnpairedConfig, sources: Mapping[str, Source], simulator: Simulator
) -> tuple[list[Array], dict[str, str]]:
    """Return the synthetic signals (T, 6) of every clip that is asked for, and the bad ones."""
    refs = [
        ref
        for source in sources.values()
        for ref in source.list_clips()
        if re.search(config.clips, ref.name)
    ]
    made: list[Array] = []
    bad: dict[str, str] = {}
    with Progress("synthetic", len(refs), "clips") as progress:
        for ref in refs:
            try:
                signals_TW6 = simulator.signals(sources[ref.source].read_clip(ref))
                if len(signals_TW6) < WELCH_FRAMES:
                    raise BadClipError("is shorter than 2 s")
                made.append(signals_TW6[:, SIDES.index(config.wrist)])
            except BadClipError as error:
                bad[ref.name] = str(error)
            progress.advance()
    if not made:
        reason = next(iter(bad.values()), f"no clip's name fits unpaired.clips={config.clips}")
        raise UserError(f"sources: nothing can be compared: {reason}")
    return made, bad


def _magnitudes(signals_T6: Array) -> Array:
    """Return (K, T)."""
    return np.stack(
        [np.linalg.norm(signals_T6[:, :3], axis=1), np.linalg.norm(signals_T6[:, 3:], axis=1)]
    )


def _distances(made: Sequence[Array], real: Sequence[Array]) -> dict[str, Distances]:
    distances = {}
    for row, kind in enumerate(KINDS):
        made_pieces = [piece[row] for piece in made]
        real_pieces = [piece[row] for piece in real]
        spectra = power_spectrum(made_pieces), power_spectrum(real_pieces)
        distances[kind] = Distances(
            float(wasserstein_distance(np.concatenate(made_pieces), np.concatenate(real_pieces))),
            log_spectral_distance(spectra[0], spectra[1], FLOOR[kind]),
        )
    return distances
