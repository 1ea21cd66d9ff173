"""The obvious alternative to this project's stream: a plain WebDataset pipeline."""

import io
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset

from cluster.runs import seed_from
from datagen.shards import WINDOW_FRAMES

Window = dict[str, Any]
SHUFFLED = 1000


def plain_pipeline(
    paths: Sequence[Path], batch_size: int, cut: Callable[[dict[str, Any]], Iterable[Window]]
) -> Iterator[dict[str, Any]]:
    """Yield shuffled batches of an epoch; `cut` makes windows of a sample's arrays."""

    def windows(samples: Iterable[dict[str, Any]]) -> Iterator[Window]:
        for sample in samples:
            yield from cut(decoded(sample))

    pipeline = (
        webdataset.WebDataset([str(path) for path in paths], shardshuffle=len(paths))
        .compose(windows)
        .shuffle(SHUFFLED)
        .batched(batch_size, collation_fn=collate, partial=False)
    )
    return iter(pipeline)


def decoded(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a sample's arrays and its description."""
    arrays = {
        name: np.load(io.BytesIO(sample[f"{name}.npy"])) for name in ("pose", "acc", "gyro", "text")
    }
    return {"key": sample["__key__"], "meta": json.loads(sample["meta.json"]), **arrays}


def one_window(sample: dict[str, Any], window: int = WINDOW_FRAMES) -> Iterator[Window]:
    """Yield one window of that many frames at a random start, of a random body."""
    frames, bodies = len(sample["pose"]), len(sample["acc"])
    start, body = random.randint(0, frames - window), random.randrange(bodies)
    gyro_body = min(body, len(sample["gyro"]) - 1)
    there = slice(start, start + window)
    acc, gyro = sample["acc"][body, there], sample["gyro"][gyro_body, there]
    meta = sample["meta"]
    yield {
        "pose": sample["pose"][there],
        "imu_left": np.concatenate([acc[:, 0], gyro[:, 0]], axis=1),
        "imu_right": np.concatenate([acc[:, 1], gyro[:, 1]], axis=1),
        "text": sample["text"],
        "caption": seed_from(meta["text"]) >> 1,
        "clip": seed_from(meta["source"], meta["clip"]) >> 1,
        "key": sample["key"],
    }


def windows_of(sample: dict[str, Any], window: int = WINDOW_FRAMES) -> Iterator[Window]:
    """Yield as many windows as the sample holds without overlap."""
    for _ in range(len(sample["pose"]) // window):
        yield from one_window(sample, window)


def collate(windows: Sequence[Window]) -> dict[str, Any]:
    """Return windows as one batch, poses in float16 as this project's stream does."""
    batch: dict[str, Any] = {"key": [window["key"] for window in windows]}
    for name in ("caption", "clip"):
        batch[name] = torch.tensor([window[name] for window in windows])
    for name in ("pose", "imu_left", "imu_right", "text"):
        batch[name] = torch.from_numpy(np.stack([window[name] for window in windows]))
    return batch | {name: batch[name].float() for name in ("imu_left", "imu_right", "text")}
