"""From motion files on disk to finished shards on disk: how fast on one core, and on two.

AMASS-layout files go through the pipeline that every Ray worker runs, `Pipeline.make_shard`, in
one process and in two at once, in turn; beside them a plain write of the same bytes. Ray's own
start is measured apart. Rates are given by the clock, and by processor time, which other work on
the machine does not take.
"""

import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import datagen.imu
import datagen.pipeline
from cluster.connect import ClusterConfig, connected
from cluster.progress import Progress
from datagen import plan
from datagen.config import DatagenConfig, SourcesConfig
from datagen.pipeline import Pipeline
from datagen.plan import Unit
from datagen.shards import tar_path
from datagen.sources.amass import AmassConfig
from datagen.text import TextConfig, embed
from tests.datagen.made_smpl import swaying, write_amass

BODIES = 16
CLIPS, SECONDS, CLIPS_PER_SHARD = 48, 20, 8
SOURCE_RATE = 120
ROUNDS = 5
SENTENCES = 256
# How2Sign: hours of fitted poses, and its sentences.
HOURS, HOW2SIGN_SENTENCES = 80, 35_000
CORES = (2, 64, 1024)


def config_of(folder: Path) -> DatagenConfig:
    """Return the configuration of the measured run."""
    return DatagenConfig(
        output=str(folder / "shards"),
        bodies=BODIES,
        clips_per_shard=CLIPS_PER_SHARD,
        sources=SourcesConfig(amass={"amass": AmassConfig(folder=str(folder / "motion"))}),
    )


def write_motion(folder: Path) -> None:
    """Write CLIPS files in the layout of AMASS."""
    frames = SECONDS * SOURCE_RATE
    with Progress("motion files", CLIPS, "files") as progress:
        for clip in range(CLIPS):
            path = folder / "motion" / "Made" / f"{clip:02d}" / f"sways_{clip:02d}_poses.npz"
            write_amass(path, frames, poses=swaying(frames, 156, seed=clip))
            progress.advance(1)


class Measured:
    """Makes all shards again and again, in a process of its own or in this one."""

    def __init__(self, folder: Path) -> None:
        self.config = config_of(folder)
        self.pipeline = Pipeline(self.config, "benchmark")
        clips = self.pipeline._sources["amass"].list_clips()
        self.units = plan.make_plan(
            clips, seed=0, validation_share=0.1, clips_per_shard=CLIPS_PER_SHARD
        )
        self.vectors = {clip.text: np.zeros(384, dtype=np.float32) for clip in clips}

    def make(self, folder: Path) -> tuple[int, float, float]:
        """Return body-frames made, seconds by the clock and seconds of the processor."""
        folder.mkdir(exist_ok=True)
        clock, processor = time.perf_counter(), time.process_time()
        frames = sum(self._frames(folder, unit) for unit in self.units)
        return frames * BODIES, time.perf_counter() - clock, time.process_time() - processor

    def _frames(self, folder: Path, unit: Unit) -> int:
        info = self.pipeline.make_shard(folder, unit, self.vectors)
        assert not info.failures, info.failures
        return info.frames


_measured: Measured


def _start(folder: Path) -> None:
    global _measured
    _measured = Measured(folder)
    _measured.pipeline.warm_up()


def _make(task: tuple[Path, float]) -> tuple[int, float, float]:
    folder, start = task
    time.sleep(max(0.0, start - time.time()))
    return _measured.make(folder)


def in_processes(pool: Pool, folder: Path, count: int) -> dict[str, float]:
    """Return rates of `count` processes that each make all shards, begun at the same moment."""
    start = time.time() + 0.2
    tasks = [(folder / f"process-{number}", start) for number in range(count)]
    made = pool.map(_make, tasks, chunksize=1)
    body_frames = sum(each[0] for each in made)
    return {
        "clock": body_frames / max(each[1] for each in made),
        # Of the processors that they would have had for themselves.
        "processor": count * body_frames / sum(each[2] for each in made),
    }


def stages(measured: Measured, folder: Path) -> dict[str, float]:
    """Return the share of processor time in each stage of one run in this process."""
    spent: Counter[str] = Counter()

    def timed(stage: str, work: Callable[..., Any], inside: str = "") -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return work(*args, **options)
            finally:
                seconds = time.process_time() - start
                spent[stage] += seconds
                spent[inside] -= seconds if inside else 0.0

        return call

    pipeline = measured.pipeline
    plain = {module: dict(vars(module)) for module in (datagen.pipeline, datagen.imu)}
    for stage, name in (
        ("bodies", "draw_bodies"),
        ("kinematics", "normalize"),
        ("kinematics", "resample_pose"),
        ("kinematics", "synthesize"),
        ("to float16", "to_half"),
    ):
        setattr(datagen.pipeline, name, timed(stage, plain[datagen.pipeline][name]))
    product = timed("product", datagen.imu._of_all_bodies, inside="kinematics")
    datagen.imu._of_all_bodies = product
    pipeline._read = timed("reading", pipeline._read)  # type: ignore[method-assign]
    try:
        _, _, total = measured.make(folder)
    finally:
        for module, names in plain.items():
            vars(module).update(names)
        del pipeline._read
    spent["writing"] = total - sum(seconds for stage, seconds in spent.items() if stage)
    return {stage: seconds / total for stage, seconds in spent.items() if stage}


def plain_write(folder: Path, shards: Path, units: list[Unit]) -> float:
    """Return the bytes a second at which the shards' bytes are written in a row and synced."""
    blocks = [tar_path(shards, unit.index).read_bytes() for unit in units]
    start = time.perf_counter()
    with open(folder / "plain", "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return sum(map(len, blocks)) / (time.perf_counter() - start)


def text_rate(folder: Path) -> float:
    """Return sentences a second, the loading of the model left out."""
    texts = TextConfig(cache=str(folder / "text"))
    embed(["a person walks"], texts)
    sentences = [f"a person signs that number {number} is the one" for number in range(SENTENCES)]
    start = time.perf_counter()
    embed(sentences, texts)
    return SENTENCES / (time.perf_counter() - start)


def ray_start() -> float:
    """Return the seconds that it takes to start Ray with two workers on this machine, and stop."""
    start = time.perf_counter()
    with connected(ClusterConfig(workers=2), ()):
        pass
    return time.perf_counter() - start


def main() -> None:
    """Measure, print tables and, last, one line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_motion(folder)
        measured = Measured(folder)
        measured.pipeline.warm_up()
        body_frames, _, _ = measured.make(folder / "here")
        shares = stages(measured, folder / "here")
        made_bytes = sum(tar_path(folder / "here", u.index).stat().st_size for u in measured.units)
        rounds = []
        spawn = multiprocessing.get_context("spawn")
        with (
            spawn.Pool(1, _start, (folder,)) as one,
            spawn.Pool(2, _start, (folder,)) as two,
            Progress("rounds", ROUNDS, "rounds") as progress,
        ):
            for _ in range(ROUNDS):
                rounds.append(
                    {
                        "one": in_processes(one, folder, 1),
                        "two": in_processes(two, folder, 2),
                        "disk": plain_write(folder, folder / "here", measured.units),
                    }
                )
                progress.advance(1)
        sentences_per_s = text_rate(folder)
    report(rounds, shares, made_bytes / body_frames, sentences_per_s, ray_start())


def report(
    rounds: list[dict[str, Any]],
    shares: dict[str, float],
    bytes_per_body_frame: float,
    sentences_per_s: float,
    ray_seconds: float,
) -> None:
    """Print what was measured, medians over the rounds, and what follows for How2Sign."""

    def median(value: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(map(value, rounds))

    rate = median(lambda each: each["one"]["processor"])
    by_clock = median(lambda each: each["one"]["clock"])
    scaling = median(lambda each: each["two"]["processor"] / each["one"]["processor"])
    scaling_by_clock = median(lambda each: each["two"]["clock"] / each["one"]["clock"])
    disk = median(lambda each: each["disk"])
    share = median(lambda each: each["one"]["clock"] * bytes_per_body_frame / each["disk"])
    print(f"{CLIPS} clips of {SECONDS} s at {SOURCE_RATE} Hz, {BODIES} bodies, {ROUNDS} rounds")
    print(f"{'':24s}{'one process':>14s}{'two processes':>14s}{'ratio':>8s}")
    for title, one, ratio in (
        ("body-frames/s, processor", rate, scaling),
        ("body-frames/s, clock", by_clock, scaling_by_clock),
    ):
        print(f"{title:24s}{one:14,.0f}{one * ratio:14,.0f}{ratio:8.2f}")
    print("share of the time: " + ", ".join(f"{key} {value:.0%}" for key, value in shares.items()))
    print(f"plain write and sync: {disk / 1e6:,.0f} MB/s; one process writes {share:.1%} of that")
    print(
        f"text: {sentences_per_s:,.0f} new sentences/s; Ray: {ray_seconds:.1f} s to start and stop"
    )
    hours = {}
    for cores in CORES:
        body_frames = HOURS * 3600 * 60 * BODIES
        parts = {
            "pipeline": body_frames / (rate * cores * scaling / 2),
            "one disk": body_frames * bytes_per_body_frame / disk,
            "text": HOW2SIGN_SENTENCES / sentences_per_s,
        }
        hours[cores] = (parts["text"] + max(parts["pipeline"], parts["one disk"])) / 3600
        print(
            f"How2Sign on {cores:4d} cores, projected: "
            + ", ".join(f"{key} {seconds:,.1f} s" for key, seconds in parts.items())
        )
    figures = {
        "body_frames_per_s": rate,
        "body_frames_per_s_clock": by_clock,
        "scaling_2": scaling,
        "scaling_2_clock": scaling_by_clock,
        "bytes_per_s": rate * bytes_per_body_frame,
        "share_of_disk": share,
        "sentences_per_s": sentences_per_s,
        **{f"share_{key.replace(' ', '_')}": value for key, value in shares.items()},
        **{f"projected_hours_{cores}": value for cores, value in hours.items()},
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
