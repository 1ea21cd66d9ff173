"""Make three pairs for docs/fidelity.md: composed motion, and what watches might have read.

python docs/images/made_pair.py FOLDER

The motion is synthesized for the performer's left wrist, worn askew and 4 cm higher up the arm
than a watch usually is, with more bandwidth and the errors of a watch-grade part, and written at
100 Hz on a clock that is off and drifts. The third recording is paired with a motion that is not
its own.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from datagen.body import BodyConfig
from datagen.imu import ImuConfig
from datagen.placement import watch
from datagen.sensor import SensorConfig
from datagen.simulator import Simulator
from datagen.sources.choreography import ChoreographyConfig, ChoreographySource

CLOCK, DRIFT = 1_700_000_003.21, 150e-6
COLUMNS = "time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z"
PEOPLE = {"one": 0, "two": 1, "stranger": 2}


def main() -> None:
    """Write the recordings and the configuration of the command."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    keys = ChoreographyConfig(hours=0.05, clip_seconds_min=60, clip_seconds_max=60)
    source = ChoreographySource(keys)
    clips = source.list_clips()
    up_the_arm = replace(watch("left"), share=0.75)
    part = SensorConfig(part="lsm6dso32")
    simulator = Simulator(BodyConfig(), ImuConfig(cutoff=20.0, left=up_the_arm, sensor=part))
    mounting = Rotation.from_euler("xyz", [10, -25, 15], degrees=True)
    lines = [
        "output: runs/fidelity/made",
        "sources: {choreography: {hours: 0.05, clip_seconds_min: 60, clip_seconds_max: 60}}",
        "alignment: {search: 10, drift: 300}",
        "pairs:",
    ]
    for number, (person, clip) in enumerate(PEOPLE.items()):
        signals = simulator.signals(source.read_clip(clips[clip]))[:, 0]
        own = np.arange(len(signals)) / 60
        times = np.arange(0, own[-1], 0.01)
        worn = np.hstack([mounting.apply(signals[:, :3]), mounting.apply(signals[:, 3:])])
        table = np.stack([np.interp(times, own, channel) for channel in worn.T], axis=1)
        stamps = CLOCK + number + (1 + DRIFT) * times
        path = folder / f"{person}.csv"
        rows = np.column_stack([stamps, table])
        np.savetxt(path, rows, "%.6f", ",", header=COLUMNS, comments="")
        named = clips[min(clip, 1)].name
        lines.append(f"  {person}: {{clip: {named}, file: {path}, start: 1700000000}}")
    (folder / "made.yaml").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
