"""`python -m finetune predict`: an unlabelled CSV recording in, labels over time and a picture out.

Shape letters: T samples, W wrists, C channels.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cluster.config import keys_of, load_config
from cluster.errors import UserError
from cluster.storage import check_writable, local_folder
from finetune.classifier_release import load_classifier
from finetune.final import FitConfig
from finetune.recogniser import BOTH, COLUMNS
from finetune.targets import units
from finetune.targets.assemble import Stream, assemble
from finetune.targets.checks import implausible
from finetune.targets.choose import READERS
from finetune.targets.csv_folder import SIDES, labelled_name
from finetune.targets.doubts import doubts_of
from finetune.targets.mounting import AXES, check_mounting, mount
from finetune.targets.recording import UNLABELLED, WRISTS, Recording
from finetune.targets.tables import Dialect, check_columns, check_dialect, numbers, read_table
from finetune.timeline import drawn_from, write_timeline

# A recording's columns are told without them.
PLACES = ("release=none", "output=none", "target.csv.folder=none")


@dataclass
class RecordingConfig:
    """What the columns of a recording hold; the keys are those of the target `csv`.

    Attributes:
        separator: what parts the cells: one character, or tab.
        decimal: a point or a comma, before the tenths of a number.
        accelerometer: columns of the three axes; of both wrists, those of the left one, then those
            of the right one.
        accelerometer_unit: m/s2 or g.
        gyroscope: columns of its axes, likewise; none when empty.
        gyroscope_unit: rad/s or deg/s.
        time: column of the time stamps; without one `rate` says it all.
        time_unit: s, ms, us, ns or iso.
        rate: samples a second of a file without time stamps.
        wrist: left, right or both.
        frame: the sensor's axes along x, y and z of the watch frame (see `targets/mounting.py`), on
            either wrist.
        gravity_sign: 1 when a resting sensor reads +9.81 upwards, -1 when it reads -9.81.
        output: folder of what is written; that of the recording when empty.
    """

    separator: str = ","
    decimal: str = "."
    accelerometer: list[str] = field(default_factory=lambda: ["ax", "ay", "az"])
    accelerometer_unit: str = "m/s2"
    gyroscope: list[str] = field(default_factory=lambda: ["gx", "gy", "gz"])
    gyroscope_unit: str = "rad/s"
    time: str | None = None
    time_unit: str = "s"
    rate: float | None = None
    wrist: str = "left"
    frame: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = 1
    output: str = ""


def load_recording_config(path: Path | None, overrides: Sequence[str]) -> RecordingConfig:
    """Return the keys of a recording: a file's own, or those of the target `csv` in it.

    Overrides come last. Raises UserError as `load_config` does, and for another target.
    """
    if path is None or "target" not in keys_of(path):
        return load_config(RecordingConfig, path, overrides)
    choice = load_config(FitConfig, path, PLACES).target
    target = choice.csv
    others = [name for name in READERS if name != "csv" and getattr(choice, name) is not None]
    if target is None or others:
        raise UserError(f"{path}: its target is not csv; give the keys of the recording")
    given = load_config(RecordingConfig, None, overrides)
    named = {override.partition("=")[0] for override in overrides}
    known = {
        each.name: getattr(target, each.name)
        for each in fields(RecordingConfig)
        if each.name not in ("wrist", "output")
    }
    side = (target.wrist or "").lower()
    known["wrist"] = WRISTS[SIDES[side]] if side in SIDES else given.wrist
    found = replace(given, **{name: known[name] for name in known.keys() - named})
    if found.wrist == "right" and target.frame_right and "frame" not in named:
        found = replace(found, frame=target.frame_right)
    return found


def predict_file(model: Path, path: Path, config: RecordingConfig) -> str:
    """Write NAME.labels.csv and NAME.labels.png of a recording NAME.csv; return what to tell.

    Raises UserError for a folder that holds no classifier, columns that are missing, units that
    do not fit, and a recording too short for one window.
    """
    classifier = load_classifier(model)
    folder = local_folder(config.output, "output") if config.output else path.parent
    name = labelled_name(path)
    table, picture = (folder / f"{name}.labels.{kind}" for kind in ("csv", "png"))
    _check_output(table, picture, path)
    recording = read_recording(path, config)
    for text in doubts_of(recording, classifier.windows.max_gap):
        print(f"warning: {text}", file=sys.stderr)
    channels = 6 if recording.has_gyroscope else 3
    signals_TWC = recording.signals_TWC[:, list(recording.wrists), :channels]
    try:
        predictions = classifier.predict(signals_TWC, recording.timestamps_T, config.wrist)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    predictions.write_csv(table)
    write_timeline(predictions, path, picture)
    most = max(set(predictions.labels), key=predictions.labels.count)
    return (
        f"{path.name}: {len(predictions)} windows of {classifier.windows.seconds} s in "
        f"{recording.timestamps_T[-1]:.1f} s, most of them {most}\n{table}\n{picture}"
    )


def _check_output(table: Path, picture: Path, recording: Path) -> None:
    """Raise UserError for a place where labels cannot be written, or where others are."""
    check_writable(table.parent, "output")
    if not table.exists():
        return
    header = ",".join(COLUMNS)
    with table.open(errors="replace") as file:
        written_here = file.readline().startswith(f"{header},")
    if not written_here:
        raise UserError(
            f"{table}: was not written by predict, whose files begin with {header},CLASSES; give "
            "another folder as output=FOLDER"
        )
    source = drawn_from(picture)
    if source not in ("", str(recording.resolve())):
        raise UserError(
            f"{table}: holds the labels of {source}; give another folder as output=FOLDER"
        )


def read_recording(path: Path, config: RecordingConfig) -> Recording:
    """Read an unlabelled recording; samples that cannot be used are dropped as for a target.

    Its time begins with the first sample that can be used. Raises UserError.
    """
    dialect = _check(config)
    table = read_table(path, _columns(config), dialect=dialect)
    if config.time:
        times_T = units.seconds(table[config.time], config.time_unit, "time_unit", str(path))
    else:
        times_T = np.arange(len(table)) / (config.rate or 1.0)
    streams = [
        Stream(WRISTS.index(name), times_T, _signals(table, place, path, config))
        for place, name in enumerate(_worn(config))
    ]
    recording = assemble(str(path), "", streams, np.full(len(times_T), UNLABELLED))
    for reason in implausible(recording):
        raise UserError(reason)
    return recording


def _columns(config: RecordingConfig) -> list[str]:
    return [*config.accelerometer, *config.gyroscope, *([config.time] if config.time else [])]


def _worn(config: RecordingConfig) -> tuple[str, ...]:
    return WRISTS if config.wrist == BOTH else (config.wrist,)


def _signals(table: pd.DataFrame, place: int, path: Path, config: RecordingConfig) -> np.ndarray:
    """Return what the columns at a wrist's place hold, (T, C) in the watch frame."""
    own = slice(3 * place, 3 * place + 3)
    scale = units.factor(units.ACCELERATION, config.accelerometer_unit, "accelerometer_unit")
    signals_TC = scale * numbers(table, config.accelerometer[own], path)
    if config.gyroscope:
        scale = units.factor(units.TURNING, config.gyroscope_unit, "gyroscope_unit")
        turning_T3 = scale * numbers(table, config.gyroscope[own], path)
        signals_TC = np.concatenate([signals_TC, turning_T3], axis=1)
    return mount(signals_TC, config.frame, config.gravity_sign, "recording")


def _check(config: RecordingConfig) -> Dialect:
    """Return how the file is written; UserError for what no recording can be."""
    if config.wrist not in (*WRISTS, BOTH):
        raise UserError(f"wrist is {config.wrist}; left, right or both")
    count = 3 * len(_worn(config))
    if len(config.accelerometer) != count or len(config.gyroscope) not in (0, count):
        each = " of the left wrist, then of the right one" if config.wrist == BOTH else ""
        raise UserError(
            f"accelerometer and gyroscope: name the columns of x, y and z{each}; a recording "
            "without gyroscope says gyroscope=[]"
        )
    if (config.time is None) == (config.rate is None) or (
        config.rate is not None and not config.rate > 0
    ):
        raise UserError("time and rate: name the column of time stamps, or give samples a second")
    check_columns(_columns(config), "")
    check_mounting(config.frame, config.gravity_sign, "recording")
    return check_dialect(config.separator, config.decimal, "")
