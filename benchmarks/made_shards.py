"""Shards of the real layout for benchmarks: random motion of real lengths, made in seconds."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from datagen.motion import JOINTS
from datagen.placement import SIDES, watch
from datagen.sample import RATE, SCHEMA, Sample
from datagen.shards import write_manifest, write_shard

BODIES, TEXT_SIZE, SENTENCES = 8, 384, 100
SHORTEST, LONGEST = 10, 60  # seconds


def made_sample(number: int, split: str) -> Sample:
    """Return a sample of 10 to 60 s for 8 bodies whose values lie where real ones do."""
    rng = np.random.default_rng(number)
    frames = int(rng.integers(SHORTEST * RATE, LONGEST * RATE + 1))

    def noise(size: float, *shape: int) -> np.ndarray:
        return (size * rng.standard_normal(shape, dtype=np.float32)).astype(np.float16)

    sentence = number % SENTENCES
    text = np.random.default_rng(sentence).standard_normal(TEXT_SIZE).astype(np.float16)
    return Sample(
        key=f"made{number:06d}",
        pose_TJ3=noise(0.5, frames, JOINTS, 3),
        acc_NTW3=noise(10, BODIES, frames, 2, 3),
        gyro_NTW3=noise(2, 1, frames, 2, 3),
        shape_N10=np.zeros((BODIES, 10), np.float32),
        text_E=text,
        meta={
            "schema": SCHEMA,
            "source": "made",
            "clip": f"made{number:06d}",
            "subject": "nobody",
            "split": split,
            "text": f"A person does what number {sentence} says.",
            "action": f"number {sentence}",
            "rate": RATE,
            "placement": {side: asdict(watch(side)) for side in SIDES},
            "body": "made",
            "start": 0,
        },
    )


def make_shards(folder: Path, train: int, samples: int) -> None:
    """Write `train` training shards and one for validation, `samples` samples each."""
    infos = []
    for index, split in enumerate(["train"] * train + ["validation"]):
        numbers = range(index * samples, (index + 1) * samples)
        infos.append(
            write_shard(
                folder,
                index,
                (made_sample(number, split) for number in numbers),
                source="made",
                split=split,
                config_digest="made",
                text_backend="made",
                clips=samples,
                failures=[],
            )
        )
    write_manifest(
        folder,
        infos,
        seed=0,
        config_digest="made",
        bodies=BODIES,
        body="made",
        placement={side: asdict(watch(side)) for side in SIDES},
        licences={"made": "CC0-1.0"},
        text_backend="made",
        text_size=TEXT_SIZE,
    )
