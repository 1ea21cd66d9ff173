"""Shards of what a text-to-motion model wrote: a few sentences and positions of a moving body."""

from pathlib import Path

import numpy as np

from datagen.config import DatagenConfig, SourcesConfig, data_digest, open_sources
from datagen.pipeline import Pipeline, placement
from datagen.plan import make_plan
from datagen.shards import write_manifest
from datagen.sources.joints import JointsConfig
from tests.datagen.test_joints import smpl_positions

SENTENCES = {"a": "a person walks slowly.", "b": "Someone WAVES.", "c": "a person sits."}
CLASSES = {"walk": "class 0", "waves|greets": "class 1"}


def make_shards(folder: Path) -> Path:
    """Make the files and, as `generate` does but without Ray, shards of them."""
    for number, (name, sentence) in enumerate(SENTENCES.items()):
        np.save(folder / f"{name}.npy", smpl_positions(100 + 20 * number).astype(np.float32))
        (folder / f"{name}.txt").write_text(sentence)
    joints = JointsConfig(folder=str(folder), texts=str(folder), name="t2m")
    config = DatagenConfig(bodies=2, sources=SourcesConfig(joints={"t2m": joints}))
    pipeline = Pipeline(config, data_digest(config))
    clips = [
        clip for source in open_sources(config.sources).values() for clip in source.list_clips()
    ]
    units = make_plan(clips, seed=0, validation_share=0.3, clips_per_shard=2)
    vectors = {clip.text: np.zeros(8, dtype=np.float32) for clip in clips}
    infos = [pipeline.make_shard(folder / "shards", unit, vectors) for unit in units]
    write_manifest(
        folder / "shards",
        infos,
        config_digest=data_digest(config),
        seed=0,
        bodies=config.bodies,
        body=pipeline.body,
        placement=placement(config),
        licences={},
        text_backend="made",
        text_size=8,
    )
    return folder / "shards"
