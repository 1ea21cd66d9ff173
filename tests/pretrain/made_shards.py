"""Small shards made of numbers that say where they come from."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from datagen.placement import SIDES, Placement, watch
from datagen.sample import SCHEMA, Sample
from datagen.shards import Manifest, write_manifest, write_shard

TEXT_SIZE = 8
SENTENCES = ("A person waves.", "A person walks.", "A person writes.", "A person claps.")


def made_sample(name: str, number: int, bodies: int, split: str, length: int) -> Sample:
    """A smooth, distinct motion; its signals follow from its pose so that they can be learnt."""
    rng = np.random.default_rng(number)
    time_T = np.arange(length) / 60
    rate_J3, phase_J3 = rng.uniform(0.3, 2, (52, 3)), rng.uniform(0, 6, (52, 3))
    pose_TJ3 = 0.7 * np.sin(time_T[:, None, None] * rate_J3 + phase_J3)
    wrists_TW3 = pose_TJ3[:, 20:22]
    factor_N = 1 + 0.1 * np.arange(bodies)
    shared = number % 2 == 0
    sentence = number % len(SENTENCES)
    return Sample(
        key=name,
        pose_TJ3=pose_TJ3.astype(np.float16),
        acc_NTW3=(9.81 * factor_N[:, None, None, None] * np.cos(wrists_TW3)).astype(np.float16),
        gyro_NTW3=(wrists_TW3[None] * factor_N[: 1 if shared else None, None, None, None]).astype(
            np.float16
        ),
        shape_N10=np.zeros((bodies, 10), np.float32),
        text_E=np.random.default_rng(1000 + sentence).normal(size=TEXT_SIZE).astype(np.float16),
        meta={
            "schema": SCHEMA,
            "source": "made",
            "clip": name,
            "subject": f"person{number % 3}",
            "split": split,
            "text": SENTENCES[sentence],
            "action": SENTENCES[sentence].split()[-1],
            "rate": 60,
            "placement": {side: asdict(watch(side)) for side in SIDES},
            "body": "made",
            "start": 0,
        },
    )


def make_shards(
    folder: Path,
    train_shards: int = 5,
    validation_shards: int = 1,
    samples: int = 4,
    length: int = 200,
    text_backends: tuple[str, ...] = ("made",),
    placements: tuple[Placement, Placement] = (watch("left"), watch("right")),
) -> Manifest:
    """Write a finished folder; sample lengths and numbers of bodies differ."""
    infos = []
    splits = ["train"] * train_shards + ["validation"] * validation_shards
    for index, split in enumerate(splits):
        numbers = range(index * samples, (index + 1) * samples)
        infos.append(
            write_shard(
                folder,
                index,
                [
                    made_sample(f"clip{n:04d}", n, 2 + n % 2, split, length + 17 * (n % 5))
                    for n in numbers
                ],
                source="made",
                split=split,
                config_digest="made",
                text_backend=text_backends[index % len(text_backends)],
                clips=samples,
                failures=[],
            )
        )
    return write_manifest(
        folder,
        infos,
        seed=0,
        config_digest="made",
        bodies=2,
        body="made",
        placement=dict(zip(SIDES, map(asdict, placements), strict=True)),
        licences={"made": "CC0-1.0"},
        text_backend=text_backends[0],
        text_size=TEXT_SIZE,
    )
