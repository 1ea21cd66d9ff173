"""Any folder of CSV recordings, described by a few lines of configuration (see docs/targets.md)."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import MISSING

from cluster.errors import UserError
from finetune.targets import units
from finetune.targets.assemble import Stream, assemble, assemble_with_segments
from finetune.targets.file_pattern import FilePattern
from finetune.targets.labels import Segments, check_segments, label_indices
from finetune.targets.mounting import AXES, check_mounting, mount
from finetune.targets.recording import Recording, Target
from finetune.targets.tables import (
    Dialect,
    check_columns,
    check_dialect,
    existing_folder,
    numbers,
    read_table,
    with_progress,
)

KEY = "target.csv"
SEGMENT_COLUMNS = ("start", "end", "label")
SIDES = {"left": 0, "l": 0, "right": 1, "r": 1}
WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+")


@dataclass
class CsvConfig:
    """What the files hold. Paths are below `folder`.

    Attributes:
        folder: holds all files.
        files: pattern of the recordings' paths, such as `{person}/{session}_{wrist}.csv`; `*`
            stands for anything, a name in braces for a part that other keys may use again. Files
            of segments, labels that a classifier wrote beside a recording, and what is hidden are
            left out.
        separator: what parts the cells: one character, or tab.
        decimal: a point or a comma, before the tenths of a number.
        accelerometer: columns of the three axes.
        accelerometer_unit: m/s2 or g.
        gyroscope: columns of the three axes; none when empty.
        gyroscope_unit: rad/s or deg/s.
        time: column of the time stamps; without one `rate` says it all.
        time_unit: s, ms, us, ns or iso.
        rate: samples a second of files without time stamps.
        person: column that names the person, where `files` has no {person}.
        wrist: left, right or a column that says so, where `files` has no {wrist}.
        label: column with a label for every sample, where there is no `segments`.
        segments: pattern of a file with columns start, end and label for a recording, in the
            unit and from the zero of its time stamps.
        classes: labels to tell apart; all that occur when empty.
        unlabelled: labels that mean none.
        frame: the sensor's axes along x, y and z of the watch frame (see `mounting`).
        frame_right: the same on the right wrist, where it differs.
        gravity_sign: 1 when a resting sensor reads +9.81 upwards, -1 when it reads -9.81.
    """

    folder: str = MISSING
    files: str = "{person}/*.csv"
    separator: str = ","
    decimal: str = "."
    accelerometer: list[str] = field(default_factory=lambda: ["ax", "ay", "az"])
    accelerometer_unit: str = "m/s2"
    gyroscope: list[str] = field(default_factory=lambda: ["gx", "gy", "gz"])
    gyroscope_unit: str = "rad/s"
    time: str | None = None
    time_unit: str = "s"
    rate: float | None = None
    person: str | None = None
    wrist: str | None = None
    label: str | None = None
    segments: str | None = None
    classes: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    frame: list[str] = field(default_factory=lambda: list(AXES))
    frame_right: list[str] = field(default_factory=list)
    gravity_sign: int = 1


@dataclass(frozen=True)
class Unlabelled:
    """A recording whose labels are still names: of each sample, or of segments."""

    name: str
    person: str
    stream: Stream
    sample_labels: np.ndarray | None
    segments: pd.DataFrame | None
    segments_path: Path


def read(config: CsvConfig) -> Target:
    """Read every file that the pattern finds; UserError for what cannot be read."""
    pattern = _check(config)
    folder = existing_folder(config.folder, KEY)
    paths = _recordings(pattern.find(folder), folder, config)
    if not paths:
        raise UserError(f"{KEY}.files is {config.files}; no file in {folder} fits it")
    progress = with_progress("reading csv", sorted(paths.items()), "files")
    parts = list(
        itertools.chain.from_iterable(
            _read_file(path, parts, folder, config) for path, parts in progress
        )
    )
    config = replace(
        config,
        classes=list(map(_spelt, config.classes)),
        unlabelled=list(map(_spelt, config.unlabelled)),
    )
    found = _labels_of(parts)
    if not found:
        raise UserError(f"{folder}: not one sample has a label; see {KEY}.label and {KEY}.segments")
    _check_unlabelled(config.unlabelled, found)
    names = tuple(config.classes) or tuple(sorted(found - set(config.unlabelled)))
    if not names:
        raise UserError(f"{KEY}.unlabelled: names every label that there is; leave one out")
    recordings = tuple(_labelled(part, names, config) for part in parts)
    return Target(f"csv {folder.name}", f"CSV files of {folder.name}", names, recordings)


def _check(config: CsvConfig) -> FilePattern:
    pattern = FilePattern(config.files, f"{KEY}.files")
    for key, columns, counts in (
        ("accelerometer", config.accelerometer, (3,)),
        ("gyroscope", config.gyroscope, (0, 3)),
    ):
        if len(columns) not in counts:
            raise UserError(f"{KEY}.{key} is {columns}; name the columns of x, y and z")
    columns = [*config.accelerometer, *config.gyroscope, *([config.time] if config.time else [])]
    check_columns(columns, f"{KEY}.")
    _dialect(config)
    units.factor(units.ACCELERATION, config.accelerometer_unit, f"{KEY}.accelerometer_unit")
    units.factor(units.TURNING, config.gyroscope_unit, f"{KEY}.gyroscope_unit")
    units.factor({**units.TIME, units.ISO: 1.0}, config.time_unit, f"{KEY}.time_unit")
    if (config.time is None) == (config.rate is None) or _is_no_rate(config.rate):
        raise UserError(f"{KEY}.time and {KEY}.rate: name a column, or give samples a second")
    if (config.label is None) == (config.segments is None):
        raise UserError(f"{KEY}.label and {KEY}.segments: name a column, or a pattern of files")
    for part, column in (("person", config.person), ("wrist", config.wrist)):
        if (part in pattern.parts) == (column is not None):
            raise UserError(f"{KEY}.{part}: give it, or {{{part}}} in {KEY}.files, and not both")
    if config.wrist == "both":
        raise UserError(
            f"{KEY}.wrist is both; columns of two wrists side by side cannot be read: write a file "
            "for each"
        )
    classes = list(map(_spelt, config.classes))
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{KEY}.classes: names {twice!r} twice")
    check_mounting(config.frame, config.gravity_sign, KEY)
    check_mounting(config.frame_right or config.frame, config.gravity_sign, KEY)
    return pattern


def _is_no_rate(rate: float | None) -> bool:
    return rate is not None and not rate > 0


def _dialect(config: CsvConfig) -> Dialect:
    return check_dialect(config.separator, config.decimal, f"{KEY}.")


def _recordings(
    found: dict[Path, dict[str, str]], folder: Path, config: CsvConfig
) -> dict[Path, dict[str, str]]:
    """Return of the files found those that do not hold the labels of another one."""
    # This is what `python -m finetune predict` writes beside a recording.
    labels = {path.with_name(f"{labelled_name(path)}.labels.csv") for path in found}
    if config.segments is not None:
        labels |= {_segments_path(parts, folder, config.segments) for parts in found.values()}
    return {path: parts for path, parts in found.items() if path not in labels}


def labelled_name(path: Path) -> str:
    """Return what files of a recording's labels are called after: its name, without .csv."""
    return path.stem if path.suffix.lower() == ".csv" else path.name


def _segments_path(parts: dict[str, str], folder: Path, segments: str) -> Path:
    return folder / FilePattern(segments, f"{KEY}.segments").fill(parts)


def _read_file(
    path: Path, parts: dict[str, str], folder: Path, config: CsvConfig
) -> Iterator[Unlabelled]:
    """Yield a recording for each person and wrist that the file holds."""
    by_column = [config.person]
    if (config.wrist or "").lower() not in SIDES:
        by_column.append(config.wrist)
    grouping = [column for column in by_column if column is not None]
    text = grouping if config.label is None else [*grouping, config.label]
    time = [] if config.time is None else [config.time]
    columns = [*config.accelerometer, *config.gyroscope, *time, *text]
    table = read_table(path, list(dict.fromkeys(columns)), text, _dialect(config))
    if grouping and (table[grouping] == "").any(axis=None):
        raise UserError(f"{path}: a cell of column {' or '.join(grouping)} is empty; fill it in")
    if config.person is not None:
        table = table.assign(**{config.person: _text(table[config.person])})
    groups = table.groupby(grouping, sort=True) if grouping else [((), table)]
    for key, rows in groups:
        said = dict(zip(grouping, map(str, key), strict=True))
        person = parts["person"] if config.person is None else said[config.person]
        side = parts.get("wrist") or said.get(config.wrist or "") or config.wrist or ""
        name = " ".join([str(path.relative_to(folder)), *said.values()])
        if side.lower() not in SIDES:
            raise UserError(f"{path}: wrist {side!r}; left or right (or l, r)")
        segments, own = None, path
        if config.segments is not None:
            own = _segments_path(parts, folder, config.segments)
            if not own.exists():
                raise UserError(
                    f"{own}: no such file; where {path.name} shows no activity, write one with the "
                    f"header {','.join(SEGMENT_COLUMNS)}"
                )
            segments = read_table(own, SEGMENT_COLUMNS, ["label"], _dialect(config), True)
        yield Unlabelled(
            name=name,
            person=person,
            stream=_stream(rows, path, SIDES[side.lower()], config),
            sample_labels=None if config.label is None else _text(rows[config.label]),
            segments=segments,
            segments_path=own,
        )


def _stream(rows: pd.DataFrame, path: Path, wrist: int, config: CsvConfig) -> Stream:
    scale = units.factor(units.ACCELERATION, config.accelerometer_unit, KEY)
    values_NX = scale * numbers(rows, config.accelerometer, path)
    if config.gyroscope:
        scale = units.factor(units.TURNING, config.gyroscope_unit, KEY)
        values_NX = np.concatenate([values_NX, scale * numbers(rows, config.gyroscope, path)], 1)
    if config.time is not None:
        times_N = units.seconds(rows[config.time], config.time_unit, f"{KEY}.time_unit", str(path))
    else:
        times_N = np.arange(len(rows)) / (config.rate or 1)
    frame = config.frame_right if wrist and config.frame_right else config.frame
    return Stream(wrist, times_N, mount(values_NX, frame, config.gravity_sign, KEY))


def _text(names: pd.Series) -> np.ndarray:
    """Return names as they are spelt, but whole numbers alike."""
    return names.map(_spelt).to_numpy(dtype=object)


def _spelt(name: str) -> str:
    """Return a name as it is spelt, but 2.0 as 2.

    Tables write whole numbers with a point in files in which a cell is empty, and without it in
    others.
    """
    whole = WHOLE_NUMBER.fullmatch(name)
    return whole[1] if whole else name


def _labels_of(parts: list[Unlabelled]) -> set[str]:
    """Return all labels that occur."""
    found: set[str] = set()
    for part in parts:
        if part.sample_labels is not None:
            found |= set(part.sample_labels)
        if part.segments is not None:
            found |= set(_text(part.segments["label"]))
    return found - {""}


def _check_unlabelled(unlabelled: list[str], found: set[str]) -> None:
    """Raise UserError for a label that means none and never occurs: it would be a class."""
    for name in unlabelled:
        if name not in found:
            raise UserError(
                f"{KEY}.unlabelled: {name!r} does not occur; there are "
                f"{', '.join(sorted(found))} (YAML reads yes, no, on, off and 01 otherwise: quote "
                "them)"
            )


def _labelled(part: Unlabelled, names: tuple[str, ...], config: CsvConfig) -> Recording:
    mend = f"add it to {KEY}.classes, or to {KEY}.unlabelled"

    def indices(labels: np.ndarray) -> np.ndarray:
        kept = np.where(np.isin(labels, config.unlabelled), "", labels)
        return label_indices(kept, names, part.name, mend)

    if part.sample_labels is not None:
        return assemble(part.name, part.person, [part.stream], indices(part.sample_labels))
    assert part.segments is not None  # one of both, as the configuration's check holds
    starts_S, ends_S = (
        units.seconds(
            part.segments[name], config.time_unit, f"{KEY}.time_unit", str(part.segments_path)
        )
        for name in ("start", "end")
    )
    check_segments(starts_S, ends_S, part.segments_path)
    labels_S = indices(_text(part.segments["label"]))
    segments = Segments(starts_S, ends_S, labels_S)
    return assemble_with_segments(part.name, part.person, [part.stream], segments)
