"""Shoulder exercises recorded with a smartwatch, as the package `seglearn` ships them.

Burns et al. 2018 (arXiv 1802.01489): 10 people, 7 exercises, each with the watch on the left and
then on the right wrist, 50 Hz, accelerometer in g, gyroscope in rad/s.

The watch reports gravity with the opposite sign to specific force: lying face up it reads
z = -1 g. With that sign turned its screen axes are the watch frame of `Recording`:

- x: hanging arms (pendulum, trapezius extension) read -9.8 m/s2 on the left and +9.8 on the right
  wrist, so x points towards the hand on the left and towards the elbow on the right;
- y: rotations with the forearm level and the little finger below read -8 to -9;
- z: raised arms read about +4 on average, the back of the hand above;
- gyroscope: on an arm that turns about the shoulder, accelerometer and gyroscope together give
  the sensor's place as 0.36 m from there along x (left) and -0.37 m (right); with the sign of any
  gyroscope axis turned they fit worse. So it follows the right-hand rule in these axes, and
  `gravity_sign` touches the accelerometer alone.

The tests repeat these measurements.
"""

from dataclasses import dataclass, field

import numpy as np

from cluster.errors import UserError
from finetune.targets.mounting import AXES, check_mounting, mount
from finetune.targets.recording import GRAVITY, Recording, Target

RATE = 50.0
KEY = "target.seglearn_watch"
ABOUT = (
    "Shoulder exercises on a smartwatch (Burns et al. 2018, arXiv 1802.01489), the ten people "
    "that the package seglearn ships (BSD-3-Clause)"
)
LABEL_NAMES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius extension",
    "ROW": "upright row",
}


@dataclass
class SeglearnWatchConfig:
    """How the watch sits (see `mounting`); its accelerometer has the other sign of gravity."""

    frame: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = -1


def read(config: SeglearnWatchConfig) -> Target:
    """Read the 140 recordings; UserError when `seglearn` or its data is missing."""
    check_mounting(config.frame, config.gravity_sign, KEY)
    data = _load()
    recordings = []
    for signals_TC, label, side, subject in zip(
        data["X"], data["y"], data["side"], data["subject"], strict=True
    ):
        wrist = int(side)
        signals_TWC = np.zeros((len(signals_TC), 2, 6))
        in_si_TC = signals_TC[:, :6] * np.repeat([GRAVITY, 1.0], 3)
        signals_TWC[:, wrist] = mount(in_si_TC, config.frame, config.gravity_sign, KEY)
        exercise = data["y_labels"][int(label)]
        recordings.append(
            Recording(
                name=f"person {int(subject)}, {exercise}, {('left', 'right')[wrist]} wrist",
                subject=f"{int(subject):02d}",
                signals_TWC=signals_TWC,
                timestamps_T=np.arange(len(signals_TC)) / RATE,
                labels_T=np.full(len(signals_TC), int(label)),
                wrists=(wrist == 0, wrist == 1),
                has_gyroscope=True,
            )
        )
    names = tuple(LABEL_NAMES[name] for name in data["y_labels"])
    return Target("seglearn_watch", ABOUT, names, tuple(recordings))


def _load() -> dict:
    try:
        from seglearn.datasets import load_watch

        return load_watch()
    except (ImportError, OSError) as error:
        raise UserError(
            f"target seglearn_watch: its recordings cannot be read ({error}); "
            "they come with the package seglearn: run make setup"
        ) from None
