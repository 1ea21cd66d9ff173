"""Walking, turning, sitting down and standing up with a smartwatch: the GeoTec recordings.

Matey-Sanz et al. 2023 (Data in Brief 109809, CC BY 4.0): 23 people, 223 recordings, about 104 Hz at
uneven times, accelerometer in m/s2 with gravity, gyroscope in rad/s, a label for every sample.
Files `sXX/sXX_YY_sw.csv`.

Nothing in the files names the wrist or the frame. By the signals it is the left one, and an
Android watch's axes are the watch frame of `Recording`: all 23 people read -8.6 to -12.1 m/s2 along
x while they walk, so x points down along the hanging arm, towards the hand, as it does on the left
wrist; seated, with the hand on the thigh, all read +5.2 to +9.5 along z, out of the back of the
hand, so the sign of gravity is that of specific force. The tests repeat these measurements, and
that the gyroscope turns gravity as the accelerometer sees it turn.
"""

from dataclasses import dataclass, field

from omegaconf import MISSING

from cluster.errors import UserError
from finetune.targets.assemble import Stream, assemble
from finetune.targets.labels import label_indices
from finetune.targets.mounting import AXES, check_mounting, check_wrist, mount
from finetune.targets.recording import WRISTS, Target
from finetune.targets.tables import existing_folder, numbers, read_table, with_progress

ABOUT = (
    "Walking, turning, sitting down and standing up with a smartwatch (Matey-Sanz et al. 2023, "
    "Data in Brief 109809, CC BY 4.0)"
)
CHANNELS = ("x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro")
LABELS = ("WALKING", "TURNING", "SITTING_DOWN", "SEATED", "STANDING_UP")
KEY = "target.geotec"


@dataclass
class GeotecConfig:
    """The folder with the folders s01 to s23, and how the watch sits (see `mounting`)."""

    folder: str = MISSING
    wrist: str = "left"
    frame: list[str] = field(default_factory=lambda: list(AXES))
    gravity_sign: int = 1


def read(config: GeotecConfig) -> Target:
    """Read every recording of the watch; UserError for what cannot be read."""
    check_mounting(config.frame, config.gravity_sign, KEY)
    check_wrist(config.wrist, KEY)
    paths = sorted(existing_folder(config.folder, KEY).glob("s*/*_sw.csv"))
    if not paths:
        raise UserError(f"{KEY}.folder is {config.folder}; it holds no file s01/s01_01_sw.csv")
    recordings = []
    for path in with_progress("reading geotec", paths, "recordings"):
        table = read_table(path, [*CHANNELS, "timestamp", "label"], ["label"])
        signals_NC = mount(numbers(table, CHANNELS, path), config.frame, config.gravity_sign, KEY)
        times_N = numbers(table, ["timestamp"], path)[:, 0] / 1000
        labels_N = label_indices(table["label"].to_numpy(), LABELS, str(path), "mend the file")
        stream = Stream(WRISTS.index(config.wrist), times_N, signals_NC)
        recordings.append(assemble(str(path), path.parent.name, [stream], labels_N))
    names = tuple(label.lower().replace("_", " ") for label in LABELS)
    return Target("geotec", ABOUT, names, tuple(recordings))
