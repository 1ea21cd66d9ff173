"""`python -m finetune predict`: an unlabelled CSV recording in, labels over time and a picture out.

Shape letters: T samples, X columns, C channels.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from finetune.classifier_release import load_classifier
from finetune.targets import units
from finetune.targets.assemble import Stream, assemble
from finetune.targets.checks import implausible
from finetune.targets.mounting import AXES, check_mounting, mount
from finetune.targets.recording import UNLABELLED, WRISTS, Recording
from finetune.targets.tables import numbers, read_table
from finetune.timeline import write_timeline


@dataclass
class RecordingConfig:
    """What the columns of a recording hold; the keys are those of the target `csv`.

    Attributes:
        accelerometer: columns of the three axes.
        accelerometer_unit: m/s2 or g.
        gyroscope: columns of the three axes; none when empty.
        gyroscope_unit: rad/s or deg/s.
        time: column of the time stamps; without one `rate` says it all.
        time_unit: s, ms, us, ns or iso.
        rate: samples a second of a file without time stamps.
        wrist: left or right.
        frame: the sensor's axes along x, y and z of the watch frame (see `targets/mounting.py`).
        gravity_sign: 1 when a resting sensor reads +9.81 upwards, -1 when it reads -9.81.
        output: folder of what is written; that of the recording when empty.
    """

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


def predict_file(model: Path, path: Path, config: RecordingConfig) -> str:
    """Write NAME.labels.csv and NAME.labels.png for a recording NAME.csv; return what to tell.

    Raises UserError for a folder that holds no classifier, columns that are missing, units that
    do not fit, and a recording too short for one window.
    """
    classifier = load_classifier(model)
    recording = read_recording(path, config)
    wrist = WRISTS.index(config.wrist)
    signals_TC = recording.signals_TWC[:, wrist, : 6 if recording.has_gyroscope else 3]
    try:
        predictions = classifier.predict(signals_TC, recording.timestamps_T, config.wrist)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    folder = Path(config.output) if config.output else path.parent
    table, picture = (folder / f"{path.stem}.labels.{kind}" for kind in ("csv", "png"))
    predictions.write_csv(table)
    write_timeline(predictions, path.name, picture)
    most = max(set(predictions.labels), key=predictions.labels.count)
    return (
        f"{path.name}: {len(predictions)} windows of {classifier.windows.seconds} s in "
        f"{recording.timestamps_T[-1]:.1f} s, most of them {most}\n{table}\n{picture}"
    )


def read_recording(path: Path, config: RecordingConfig) -> Recording:
    """Read an unlabelled recording; samples that cannot be used are dropped as for a target.

    Its time begins with the first sample that can be used. Raises UserError.
    """
    _check(config)
    columns = [*config.accelerometer, *config.gyroscope, *([config.time] if config.time else [])]
    table = read_table(path, columns)
    scale = units.factor(units.ACCELERATION, config.accelerometer_unit, "accelerometer_unit")
    signals_TX = scale * numbers(table, config.accelerometer, path)
    if config.gyroscope:
        scale = units.factor(units.TURNING, config.gyroscope_unit, "gyroscope_unit")
        turning_T3 = scale * numbers(table, config.gyroscope, path)
        signals_TX = np.concatenate([signals_TX, turning_T3], axis=1)
    if config.time:
        times_T = units.seconds(table[config.time], config.time_unit, "time_unit", str(path))
    else:
        times_T = np.arange(len(table)) / (config.rate or 1.0)
    mounted_TX = mount(signals_TX, config.frame, config.gravity_sign, "recording")
    stream = Stream(WRISTS.index(config.wrist), times_T, mounted_TX)
    recording = assemble(str(path), "", [stream], np.full(len(times_T), UNLABELLED))
    for reason in implausible(recording):
        raise UserError(reason)
    return recording


def _check(config: RecordingConfig) -> None:
    if len(config.accelerometer) != 3 or len(config.gyroscope) not in (0, 3):
        raise UserError(
            "accelerometer and gyroscope: name the columns of x, y and z; a recording without "
            "gyroscope says gyroscope=[]"
        )
    if (config.time is None) == (config.rate is None) or (config.rate or 1) <= 0:
        raise UserError("time and rate: name the column of time stamps, or give samples a second")
    if config.wrist not in WRISTS:
        raise UserError(f"wrist is {config.wrist}; left or right")
    check_mounting(config.frame, config.gravity_sign, "recording")
