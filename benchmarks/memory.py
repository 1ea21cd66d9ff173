"""Peak resident memory of a datagen run, for an input and for ten times as much.

The command itself runs, twice, on clips of AMASS's layout with a sentence of its own for each.
Every process below it is looked at while it runs: the driver, the workers that make shards, and
Ray's own processes together. The kernel keeps each one's peak (VmHWM), so that no peak is missed
between two looks but the last one's.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import psutil

from datagen.plan import make_plan
from datagen.sources.amass import AmassConfig, AmassSource
from datagen.text import TextConfig, embed
from tests.datagen.made_smpl import write_amass
from tests.datagen.running import environment

CLIPS = 400
TIMES = 10
FRAMES = 480
WORKERS = 2
SHARD = 16
SECONDS_BETWEEN_LOOKS = 0.1
WORDS = "walks runs waves turns bends sits jumps lifts points claps throws kicks".split()


def write_clips(folder: Path, count: int) -> Path:
    """Write one motion under `count` names, each with words of its own."""
    motion = write_amass(folder.with_suffix(".npz"), FRAMES)
    sentences = itertools.islice(itertools.product(WORDS, repeat=4), count)
    for number, words in enumerate(sentences):
        path = folder / f"person{number % 50}" / f"{'_'.join(words)}_poses.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(motion, path)
    return folder


def peak(process: psutil.Process) -> int:
    """Return the largest resident size of a process so far, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def role(process: psutil.Process, driver: int) -> str:
    """Return what a process is for."""
    if process.pid == driver:
        return "driver"
    return "worker" if "ray::" in " ".join(process.cmdline()) else "ray"


def peaks_of_run(home: Path, clips: int) -> dict[str, int]:
    """Run datagen on so many clips; returns the peaks of the driver, the worst worker and Ray."""
    folder = write_clips(home / f"clips{clips}", clips)
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "datagen", "generate", f"output={home}/shards{clips}"),
            *(f"sources.amass.made.folder={folder}", f"text.cache={home}/text{clips}"),
            *(f"cluster.workers={WORKERS}", f"clips_per_shard={SHARD}"),
        ],
        env=environment(home),
        stdout=subprocess.DEVNULL,
    )
    found: dict[int, tuple[str, int]] = {}
    while run.poll() is None:
        above = psutil.Process(run.pid)
        for process in [above, *above.children(recursive=True)]:
            # One that ends while it is looked at has no peak any more.
            with contextlib.suppress(psutil.Error, OSError):
                if size := peak(process):
                    found[process.pid] = role(process, run.pid), size
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if run.returncode:
        sys.exit(f"datagen failed with {run.returncode}")
    of: dict[str, list[int]] = {}
    for kind, size in found.values():
        of.setdefault(kind, []).append(size)
    return {"driver": max(of["driver"]), "worker": max(of["worker"]), "ray": sum(of["ray"])}


def held_by_driver(home: Path, clips: int) -> int:
    """Return the bytes of what a driver keeps from beginning to end: its plan and the vectors."""
    tracemalloc.start()
    source = AmassSource(AmassConfig(name="made", folder=str(home / f"clips{clips}")))
    units = make_plan(source.list_clips(), seed=0, validation_share=0.1, clips_per_shard=SHARD)
    sentences = [clip.text for unit in units for clip in unit.clips]
    vectors = embed(sentences, TextConfig(cache=f"{home}/text{clips}"))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(vectors) == len(set(sentences)) == clips
    return held


def main() -> None:
    """Measure and print a table, then one JSON object."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        small, large = (peaks_of_run(home, clips) for clips in (CLIPS, TIMES * CLIPS))
        held = [held_by_driver(home, clips) for clips in (CLIPS, TIMES * CLIPS)]
    print(f"{'peak resident memory, MB':<26} {CLIPS:>6} clips {TIMES * CLIPS:>6} clips  ratio")
    for name in small:
        sizes = f"{small[name] / 1e6:12.0f} {large[name] / 1e6:12.0f}"
        print(f"{name:<26} {sizes} {large[name] / small[name]:6.2f}")
    grown = (held[1] - held[0]) / (CLIPS * (TIMES - 1))
    print(f"plan and vectors, which the driver keeps, take {grown:,.0f} bytes for each clip")
    result = {"clips": [CLIPS, TIMES * CLIPS], "driver_bytes_per_clip": round(grown)}
    for name in small:
        result[f"{name}_bytes"] = [small[name], large[name]]
        result[f"{name}_ratio"] = round(large[name] / small[name], 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
