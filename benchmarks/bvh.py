"""Reading BVH against the other ways to get its numbers, on one thread.

Measured in turn, in one run, in seconds of the processor, which other programs change least, on
a file that the benchmark writes, 25 s of 22 joints at 120 Hz: `read_bvh` of this project, which
also parses the hierarchy and checks the file; a plain reader in Python, line by line, as most BVH
readers are; `numpy.fromstring` and pandas on the numbers alone.
"""

import io
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from datagen.sources.bvh_file import read_bvh
from tests.datagen.made_bvh import bvh_text, person, smooth_values

FRAMES = 3000
ROUNDS = 9


def line_by_line(path: Path) -> list[dict[str, dict[str, float]]]:
    """Read a BVH as readers in plain Python do: for each frame, each joint's channels by name."""
    joints: list[tuple[str, list[str]]] = []
    frames = []
    with path.open() as file:
        for line in file:
            words = line.split()
            if words[0] in ("ROOT", "JOINT"):
                name = words[1]
            elif words[0] == "CHANNELS":
                joints.append((name, words[2:]))
            elif words[0] == "Frames:":
                count = int(words[1])
            elif words[0] == "Frame":
                break
        for _ in range(count):
            words = file.readline().split()
            frame, column = {}, 0
            for name, channels in joints:
                values = {}
                for channel in channels:
                    values[channel] = float(words[column])
                    column += 1
                frame[name] = values
            frames.append(frame)
    return frames


def numbers_of(path: Path) -> str:
    """Return the text below `Frame Time:`."""
    return path.read_text().split("Frame Time:")[1].partition("\n")[2]


def with_fromstring(path: Path) -> object:
    """Read the numbers by `numpy.fromstring`, which numpy has deprecated for bad input alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.fromstring(numbers_of(path), sep=" ")


def with_pandas(path: Path) -> object:
    """Read the numbers by pandas' compiled parser."""
    return pd.read_csv(io.StringIO(numbers_of(path)), sep=" ", header=None)


READERS: dict[str, Callable[[Path], object]] = {
    "read_bvh": read_bvh,
    "line by line in Python": line_by_line,
    "numpy.fromstring": with_fromstring,
    "pandas.read_csv": with_pandas,
}


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    values = smooth_values(person(), FRAMES, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.bvh"
        path.write_text(bvh_text(person(), values, frame_time=1 / 120))
        size = path.stat().st_size
        for reader in READERS.values():
            reader(path)
        rounds = [
            {name: size / _seconds(reader, path) for name, reader in READERS.items()}
            for _ in range(ROUNDS)
        ]
    report(rounds, size)


def _seconds(reader: Callable[[Path], object], path: Path) -> float:
    start = time.process_time()
    reader(path)
    return time.process_time() - start


def report(rounds: list[dict[str, float]], size: int) -> None:
    """Print bytes a second and the median of the ratios taken round by round."""

    def ratio(name: str) -> float:
        return statistics.median(each["read_bvh"] / each[name] for each in rounds)

    print(f"a file of {size / 1e6:.1f} MB, {FRAMES} frames, one thread")
    for name in READERS:
        speed = statistics.median(each[name] for each in rounds) / 1e6
        print(f"{name:24s} {speed:8,.0f} MB/s   read_bvh is {ratio(name):6.1f} times that")
    figures = {
        "mb_per_s": statistics.median(each["read_bvh"] for each in rounds) / 1e6,
        "ratio_python": ratio("line by line in Python"),
        "ratio_fromstring": ratio("numpy.fromstring"),
        "ratio_pandas": ratio("pandas.read_csv"),
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
