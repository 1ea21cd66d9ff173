"""`python -m datagen ranges FOLDER`: how large signals get, beside those of real watches.

Percentiles of the magnitudes of acceleration (specific force) and angular velocity, over all
bodies and both sensors, for each source and activity.
"""

import argparse
import fnmatch
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.storage import Location, location
from datagen.shards import load_manifest, read_shard

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
# Of a histogram's bins, in m/s2 and rad/s: memory does not grow with the hours.
WIDTH = 0.01
BINS = 100_000
# The same percentiles of recordings of real watches: acceleration, angular velocity.
REAL = {
    # Burns et al. 2018, physiotherapy exercises of the shoulder; as packaged in seglearn.
    "shoulder exercises": ((10.5, 15.8, 28.6, 40.4), (2.0, 4.6, 7.6, 9.4)),
    # Matey-Sanz et al. 2023 (GeoTec): walking, turning, sitting down, seated, standing up.
    "walking, sitting": ((10.0, 12.8, 16.8, 21.2), (1.7, 3.6, 5.9, 8.2)),
}


@dataclass
class Ranges:
    """What is counted of one activity."""

    clips: set[str] = field(default_factory=set)
    frames: int = 0
    acceleration: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    turning: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def percentiles(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the percentiles of acceleration (m/s2) and angular velocity (rad/s)."""
        return _percentiles(self.acceleration), _percentiles(self.turning)


def main(arguments: list[str]) -> int:
    """Print a table and, last, one line of JSON."""
    parser = argparse.ArgumentParser("python -m datagen ranges")
    parser.add_argument("folder", type=location)
    parser.add_argument("--clips", default="*", help="only clips whose names fit, such as 'cmu/*'")
    given = parser.parse_args(arguments)
    measured = measure(given.folder, given.clips)
    _print_table(measured)
    print(json.dumps({"/".join(key): _as_json(each) for key, each in measured.items()}))
    return 0


def measure(folder: Location, clips: str = "*") -> dict[tuple[str, str], Ranges]:
    """Count the magnitudes in a folder of shards by source and activity.

    Args:
        folder: with a manifest.
        clips: shell pattern for the names of the clips.

    Raises UserError for a folder that cannot be read, and where no clip fits.
    """
    found: dict[tuple[str, str], Ranges] = {}
    shards = load_manifest(folder).shards
    with Progress("ranges", len(shards), "shards") as progress:
        for shard in shards:
            for sample in read_shard(shard.path(folder)):
                meta = sample.meta
                if not fnmatch.fnmatchcase(meta["clip"], clips):
                    continue
                ranges = found.setdefault((meta["source"], meta["action"]), Ranges())
                ranges.clips.add(meta["clip"])
                ranges.frames += len(sample.pose_TJ3)
                ranges.acceleration += _counts(sample.acc_NTW3)
                ranges.turning += _counts(sample.gyro_NTW3)
            progress.advance()
    if not found:
        raise UserError(f"{folder}: has no clip whose name fits {clips}")
    return dict(sorted(found.items()))


def _counts(signal_NTW3: NDArray[np.float16]) -> NDArray[np.int64]:
    size = np.linalg.norm(signal_NTW3.astype(np.float32), axis=-1).ravel()
    return np.bincount(np.minimum(size / WIDTH, BINS - 1).astype(np.int64), minlength=BINS)


def _percentiles(counts: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the middles of the bins in which the percentiles lie."""
    below = np.cumsum(counts)
    bins = [np.searchsorted(below, share / 100 * below[-1]) for share in PERCENTILES]
    return tuple(round(float((each + 0.5) * WIDTH), 3) for each in bins)


def _as_json(ranges: Ranges) -> dict[str, Any]:
    acceleration, turning = ranges.percentiles()
    return {"clips": len(ranges.clips), "acceleration": acceleration, "turning": turning}


def _print_table(measured: dict[tuple[str, str], Ranges]) -> None:
    head = "".join(f"{share:>7g}%" for share in PERCENTILES)
    print(f"{'':40s}{'acceleration, m/s2':>32s}{'angular velocity, rad/s':>32s}")
    print(f"{'':28s}{'clips':>6s}{'min':>6s}{head}{head}")
    for (source, action), ranges in measured.items():
        name = f"{source}: {action or 'no label'}"
        minutes = ranges.frames / 60 / 60
        print(f"{name:28.28s}{len(ranges.clips):6d}{minutes:6.1f}{_row(ranges.percentiles())}")
    for name, percentiles in REAL.items():
        print(f"{f'watches: {name}':40s}{_row(percentiles)}")


def _row(percentiles: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    return "".join(f"{value:8.1f}" for row in percentiles for value in row)
