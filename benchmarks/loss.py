"""The contrastive loss in chunks against the same with all logits at once, forward and backward.

Every figure is of a fresh process: its CPU time, and the growth of its peak resident memory while
the loss runs. At once, six pairs at a global batch of 16,384 take more than most machines have,
since each of twelve directions keeps matrices of 1 GiB until the backward pass. So the two are
compared with six pairs at 4,096, and the memory of the one at once is multiplied by 16; one
direction of one pair, at 4,096 and 8,192, shows that it grows with the square.
"""

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.losses import MODALITIES, PAIRS, ContrastiveLoss, LossConfig

EMBEDDING, CAPTIONS, WINDOWS_OF_A_CLIP = 256, 200, 4
GLOBAL_BATCH, COMPARED, DOUBLE = 16_384, 4_096, 8_192
ROUNDS = 3
MEBIBYTE = 2**20


def at_once(
    embeddings: dict[str, Tensor], caption: Tensor, clip: Tensor, config: LossConfig
) -> Tensor:
    """Return the sum over pairs of the loss as one writes it first: whole matrices, autograd."""
    unit = {name: functional.normalize(rows, dim=1) for name, rows in embeddings.items()}
    same = torch.eye(len(caption), dtype=torch.bool)
    equal = caption[:, None] == caption
    foreign = clip[:, None] != clip
    total = torch.zeros(())
    for pair in config.pairs:
        first, second = pair.split("-")
        positive = equal if first == "text" else same
        negative = foreign & ~positive
        ways = [(first, second), (second, first)][: 1 + config.both_directions]
        for query, key in ways:
            logits = unit[query] @ unit[key].T / config.temperature
            against = logits.masked_fill(~negative, -math.inf).logsumexp(1, keepdim=True)
            costs = -functional.logsigmoid(logits - against)
            total = total + ((costs * positive).sum(1) / positive.sum(1)).mean() / len(ways)
    return total


def in_chunks(
    embeddings: dict[str, Tensor], caption: Tensor, clip: Tensor, config: LossConfig
) -> Tensor:
    """Return the same from this project's loss."""
    return torch.stack([*ContrastiveLoss(config)(embeddings, caption, clip).values()]).sum()


WAYS = {"at once": at_once, "in chunks": in_chunks}


def step(way: str, samples: int, config: LossConfig) -> tuple[float, int, float]:
    """Return seconds, bytes by which the peak memory grew, and the loss."""
    torch.manual_seed(0)
    embeddings = {name: torch.randn(samples, EMBEDDING).requires_grad_() for name in MODALITIES}
    caption = torch.randint(CAPTIONS, (samples,))
    clip = torch.arange(samples) // WINDOWS_OF_A_CLIP
    before = peak_memory()
    began = time.process_time()
    loss = WAYS[way](embeddings, caption, clip, config)
    loss.backward()
    return time.process_time() - began, peak_memory() - before, loss.item()


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(frozen=True)
class Case:
    """What is measured: which way, of how many samples, pairs and directions."""

    way: str
    samples: int
    pairs: int = len(PAIRS)
    directions: int = 2

    def measure(self) -> dict[str, float]:
        """Return seconds, bytes and loss of a fresh process, and print them."""
        command = [sys.executable, "-m", "benchmarks.loss", json.dumps(asdict(self))]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"{self.samples:6,d} samples  {self.pairs} x {self.directions} directions  "
            f"{self.way:9s}  {found['bytes'] / MEBIBYTE:8,.0f} MiB  {found['seconds']:7.2f} s",
            flush=True,
        )
        return found

    def run(self) -> None:
        """Do it in this process and print the figures as JSON."""
        config = LossConfig(pairs=list(PAIRS[: self.pairs]), both_directions=self.directions == 2)
        step(self.way, 64, config)  # loads what is loaded at first use
        seconds, memory, loss = step(self.way, self.samples, config)
        print(json.dumps({"seconds": seconds, "bytes": memory, "loss": loss}))


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    torch.set_num_threads(1)
    if sys.argv[1:]:
        Case(**json.loads(sys.argv[1])).run()
        return
    print(f"D {EMBEDDING}, {LossConfig().chunk} queries a chunk, one thread")
    for samples in (COMPARED, DOUBLE):
        Case("at once", samples, pairs=1, directions=1).measure()
    rounds = [{way: Case(way, COMPARED).measure() for way in WAYS} for _ in range(ROUNDS)]
    for each in rounds:
        assert math.isclose(each["at once"]["loss"], each["in chunks"]["loss"], rel_tol=1e-5)
    print(f"{GLOBAL_BATCH:6,d} samples in chunks: some minutes", flush=True)
    large = Case("in chunks", GLOBAL_BATCH).measure()
    square = (GLOBAL_BATCH / COMPARED) ** 2
    whole = square * statistics.median(each["at once"]["bytes"] for each in rounds)
    print(f"{GLOBAL_BATCH:6,d} samples at once would take {whole / MEBIBYTE:,.0f} MiB")

    def ratio(figure: str) -> float:
        return statistics.median(
            each["at once"][figure] / each["in chunks"][figure] for each in rounds
        )

    figures = {
        "loss_memory_ratio": whole / large["bytes"],
        "loss_memory_ratio_at_4096": ratio("bytes"),
        "time_ratio": ratio("seconds"),
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
