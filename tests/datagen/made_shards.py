"""Folders of shards of a few clips, made in this process, and the command that looks at them."""

from pathlib import Path

import numpy as np

from datagen.config import DatagenConfig, SourcesConfig, data_digest, licences, open_sources
from datagen.generate import PLAN
from datagen.motion import BadClipError
from datagen.pipeline import Pipeline, placement
from datagen.plan import describe, make_plan
from datagen.shards import write_json, write_manifest
from datagen.sources.choreography import ChoreographyConfig

TEXT_SIZE = 8


def made_shards(folder: Path, bad: str = "", **keys) -> Path:
    """Make shards of half a minute of choreography, as `generate` does but without Ray.

    The clip whose name holds `bad` is a bad one; `keys` go to the configuration.
    """
    choreography = ChoreographyConfig(hours=0.012, clip_seconds_max=12.0)
    config = DatagenConfig(
        **{"bodies": 3, "clips_per_shard": 2, "validation_share": 0.3, **keys},
        sources=SourcesConfig(choreography=choreography),
    )
    pipeline = Pipeline(config, data_digest(config))
    if bad:
        good = pipeline.stretches

        def stretches(clip):
            if bad in clip.name:
                raise BadClipError("has 12 NaN values")
            return good(clip)

        pipeline.stretches = stretches
    clips = open_sources(config.sources)["choreography"].list_clips()
    units = make_plan(
        clips,
        seed=config.seed,
        validation_share=config.validation_share,
        clips_per_shard=config.clips_per_shard,
    )
    vectors = {clip.text: np.zeros(TEXT_SIZE, dtype=np.float32) for clip in clips}
    infos = [pipeline.make_shard(folder, unit, vectors) for unit in units]
    write_json(folder / PLAN, describe(units))
    write_manifest(
        folder,
        infos,
        config_digest=pipeline.config_digest,
        seed=config.seed,
        bodies=config.bodies,
        body=pipeline.body,
        placement=placement(config),
        licences=licences(config.sources),
        text_backend="made",
        text_size=TEXT_SIZE,
    )
    return folder
