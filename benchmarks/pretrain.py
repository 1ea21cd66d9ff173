"""The loop of pre-training against what its arithmetic alone costs, and against a plain loop.

Preset `demo` on made shards of the real layout. One process takes in turn a step of the real
loop, a step of the same modules on ready tensors, and a step of a plain DistributedDataParallel
loop over a plain WebDataset pipeline. Then, in turn, one rank on one core and two ranks on two,
with the same batch for each rank, as the launcher starts them. Medians of ratios of neighbours,
since the machine is seldom quiet.

The memory of the loss at a global batch of 16,384 is not measured here, since that takes minutes
(`make bench-loss` does): it is told from both ways at 4,096, where at once grows with the square
and in chunks at most with the batch.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.loss import COMPARED, GLOBAL_BATCH, Case
from benchmarks.made_shards import make_shards

SHARDS, SAMPLES = 8, 16
BATCH, STEPS = 256, 22
ROUNDS, STEPS_OF_ROUND = 3, 10
# The first steps pay for what is set up at first use.
WARM_UP = 2
CORES = sorted(os.sched_getaffinity(0))


def train(folder: Path, ranks: int, steps: int, batch: int, *options: str) -> list[dict[str, Any]]:
    """Run the trainer on as many cores as ranks; returns the times of each rank."""
    record = Path(tempfile.mkdtemp(dir=folder)) / "times"
    python = [sys.executable, "-m"]
    launcher = ["deepspeed", "-q", "--num_accelerators", str(ranks), "--module"]
    run = [
        "benchmarks.steps",
        f"--record={record}",
        *options,
        "--config=configs/pretrain/demo.yaml",
        f"data={folder}",
        f"output={record.parent}",
        f"steps={steps}",
        f"batch_size={batch}",
        "validation.windows=32",
    ]
    subprocess.run(
        ["taskset", "-c", ",".join(map(str, CORES[:ranks]))]
        + (python if ranks == 1 else launcher)
        + run,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    times = [json.loads(Path(f"{record}-{rank}.json").read_text()) for rank in range(ranks)]
    lines = (record.parent / "losses.jsonl").read_text().splitlines()
    waits = [each["data_wait"] for each in map(json.loads, lines) if each["kind"] == "train"]
    return [{**each, "data_wait": waits[WARM_UP:]} for each in times]


def steps_of(times: dict[str, Any], way: str, clock: bool) -> list[float]:
    """Return the seconds of each step after the first, by the clock or of CPU time."""
    return [seconds[0 if clock else 1] for seconds in times[way][WARM_UP:]]


def ratio(times: dict[str, Any], way: str, to: str, clock: bool) -> float:
    """Return the median of how much longer `way` takes than `to`, step by step."""
    both = zip(steps_of(times, way, clock), steps_of(times, to, clock), strict=False)
    return statistics.median(one / other for one, other in both)


def scaling(one: dict[str, Any], two: list[dict[str, Any]], clock: bool) -> float:
    """Return how many times the samples a second of one rank two have."""
    seconds = statistics.median(steps_of(one, "loop", clock))
    return 2 * seconds / max(statistics.median(steps_of(each, "loop", clock)) for each in two)


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_shards(folder, SHARDS, SAMPLES)
        print(f"preset demo, batch {BATCH}, one thread: a step of each way in turn", flush=True)
        [beside] = train(folder, 1, STEPS, BATCH, "--beside")
        for way in ("loop", "ready", "plain"):
            clock, cpu = (statistics.median(steps_of(beside, way, each)) for each in (True, False))
            print(f"  {way:6s} {clock:7.3f} s  {cpu:7.3f} s of CPU time", flush=True)
        print(f"1 and 2 ranks, a core and a batch of {BATCH} each", flush=True)
        rounds = []
        for _ in range(ROUNDS):
            [one], two = (train(folder, ranks, STEPS_OF_ROUND, BATCH) for ranks in (1, 2))
            rounds.append((one, two))
            print(
                f"  {scaling(one, two, True):.2f} times the samples/s, "
                f"{scaling(one, two, False):.2f} by CPU time",
                flush=True,
            )
    print(f"memory of the loss at {COMPARED:,} samples", flush=True)
    at_once, in_chunks = (Case(way, COMPARED).measure() for way in ("at once", "in chunks"))
    figures = {
        "overhead": ratio(beside, "loop", "ready", True) - 1,
        "overhead_cpu": ratio(beside, "loop", "ready", False) - 1,
        "data_wait": statistics.mean(wait for one, _ in rounds for wait in one["data_wait"]),
        "scaling_2": statistics.median(scaling(*each, True) for each in rounds),
        "scaling_2_cpu": statistics.median(scaling(*each, False) for each in rounds),
        "loss_memory_ratio": GLOBAL_BATCH / COMPARED * at_once["bytes"] / in_chunks["bytes"],
        "ratio_ddp": ratio(beside, "plain", "loop", True),
        "ratio_ddp_cpu": ratio(beside, "plain", "loop", False),
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
