"""The stream of windows against a plain WebDataset pipeline, and against what the machine allows.

One process, one thread of torch, one reader, no shard kept in memory. Shards of the real layout
are made first. A round goes once through an epoch in each way: this project's stream, shuffled
and collated; the same when every tar is compared with its checksum, as in the first epoch of a
run; plain WebDataset pipelines with the same arithmetic, which cut one window out of each sample,
or all; the same tars read member by member and thrown away; and a copy of the bytes of as many
batches.

Rates are given by the clock and by the CPU time of all threads of the process. Ratios are taken
of the latter, round by round, so that other work on the machine does not decide them.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import webdataset
from webdataset.tariterators import tar_file_expander

from benchmarks.made_shards import make_shards
from benchmarks.plain import one_window, plain_pipeline, windows_of
from pretrain.data import Data, open_data
from pretrain.stream import Stream, StreamConfig

SHARDS, SAMPLES, BATCH, ROUNDS = 12, 32, 256, 5


@dataclass(frozen=True)
class Took:
    """How many windows a way went through, and the seconds by the clock and of CPU time."""

    windows: int
    clock: float
    cpu: float


def measure(work: Callable[[], int]) -> Took:
    """Run `work`, which returns its number of windows."""
    clock, cpu = time.perf_counter(), time.process_time()
    windows = work()
    return Took(windows, time.perf_counter() - clock, time.process_time() - cpu)


class Epochs:
    """An epoch of one stream after the other."""

    def __init__(self, data: Data) -> None:
        self.stream = Stream(data, BATCH, 0, 0, 1, StreamConfig(readers=1, kept_gigabytes=0))

    def first(self) -> int:
        """Go through an epoch, comparing checksums."""
        self.stream = Stream(self.stream.data, BATCH, 0, 0, 1, self.stream.config)
        return self.later()

    def later(self) -> int:
        """Go through an epoch of shards that are known to be whole."""
        batches = self.stream.batches()
        windows = sum(
            len(batch["pose"]) for batch, _ in islice(batches, self.stream.batches_per_epoch)
        )
        batches.close()
        return windows


def count(batches: Iterator[dict[str, Any]]) -> int:
    """Return how many windows there are."""
    return sum(len(batch["pose"]) for batch in batches)


def read_tars(paths: list[Path]) -> None:
    """Read all members as WebDataset does."""
    for path in paths:
        with open(path, "rb") as file:
            for _ in tar_file_expander([{"url": str(path), "stream": file}]):
                pass


def copy(source: dict[str, Any], times: int) -> int:
    """Copy a batch's tensors `times` times."""
    tensors = [value for value in source.values() if isinstance(value, torch.Tensor)]
    target = [torch.empty_like(tensor) for tensor in tensors]
    for _ in range(times):
        for into, tensor in zip(target, tensors, strict=True):
            into.copy_(tensor)
    return times * len(source["pose"])


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        print(f"making {SHARDS} shards of {SAMPLES} samples of 10 to 60 s", flush=True)
        make_shards(Path(folder), SHARDS, SAMPLES)
        data = open_data(Path(folder))
        paths = [Path(str(shard.path)) for shard in data.train]
        epochs = Epochs(data)
        batches = epochs.stream.batches()
        batch, _ = next(batches)
        batches.close()

        def read() -> int:
            read_tars(paths)
            return epochs.stream.windows

        works: dict[str, Callable[[], int]] = {
            "stream": epochs.later,
            "stream, first epoch": epochs.first,
            "WebDataset, one window": lambda: count(plain_pipeline(paths, BATCH, one_window)),
            "WebDataset, all windows": lambda: count(plain_pipeline(paths, BATCH, windows_of)),
            "tars read": read,
            "copy of the batches": lambda: copy(batch, epochs.stream.batches_per_epoch),
        }
        epochs.first()
        rounds = [{name: measure(work) for name, work in works.items()} for _ in range(ROUNDS)]
        report(rounds, data, batch)


def report(rounds: list[dict[str, Took]], data: Data, batch: dict[str, Any]) -> None:
    """Print windows a second, and the medians of the ratios taken round by round."""
    megabytes = sum(shard.info.bytes for shard in data.train) / 1e6
    print(
        f"{rounds[0]['tars read'].windows:,} windows, {megabytes:.0f} MB of tars, batches of "
        f"{len(batch['pose'])}, one reader; webdataset {webdataset.__version__}"
    )
    rates: dict[str, dict[str, float]] = {}
    for name in rounds[0]:
        rates[name] = {
            kind: statistics.median(
                each[name].windows / getattr(each[name], kind) for each in rounds
            )
            for kind in ("clock", "cpu")
        }
        share = ratio(rounds, name)
        print(
            f"{name:24s} {rates[name]['clock']:12,.0f} windows/s  {rates[name]['cpu']:12,.0f} "
            f"windows/s of CPU time   the stream is {share:8.3f} times that"
        )
    fastest = max(each["stream"].windows / each["stream"].clock for each in rounds)
    figures = {
        "windows_per_s": rates["stream"]["clock"],
        "windows_per_s_best_round": fastest,
        "windows_per_cpu_s": rates["stream"]["cpu"],
        "windows_per_cpu_s_first_epoch": rates["stream, first epoch"]["cpu"],
        "share_of_read_limit": ratio(rounds, "tars read"),
        "share_of_copy_limit": ratio(rounds, "copy of the batches"),
        "ratio_webdataset": ratio(rounds, "WebDataset, one window"),
        "ratio_webdataset_all_windows": ratio(rounds, "WebDataset, all windows"),
    }
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def ratio(rounds: list[dict[str, Took]], name: str) -> float:
    """Return how much faster the stream is than way `name`, by CPU time."""
    return statistics.median(
        (each["stream"].windows / each["stream"].cpu) / (each[name].windows / each[name].cpu)
        for each in rounds
    )


if __name__ == "__main__":
    main()
