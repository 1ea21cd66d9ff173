"""Finding one clip by its name: in a folder of shards, or in what a configuration reads."""

import difflib
import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location
from datagen.body import Bodies, BodyModel, Mannequin, load_body_model, reference_body
from datagen.config import DatagenConfig, check, open_sources
from datagen.generate import PLAN
from datagen.motion import Array, BadClipError
from datagen.normalize import normalize
from datagen.pipeline import Pipeline, Stretch
from datagen.sample import RATE, Sample
from datagen.shards import read_info, read_shard
from datagen.smoothing import Smoother

NEAREST_SHOWN = 3


@dataclass(frozen=True)
class FoundClip:
    """A clip, as it stands in shards or would stand there.

    Attributes:
        samples: its segments in order.
        model: what makes the bodies that perform it.
        translation_T3: path of the pelvis of the 1.70 m body at 60 Hz, metres, where it is known.
    """

    samples: list[Sample]
    model: BodyModel
    translation_T3: Array | None = None


def clip_of_shards(folder: Location, name: str) -> FoundClip:
    """Read a clip from shards; UserError where there is none of this name or it was bad.

    Shards do not hold the model that made their bodies: the built-in one stands in for another.
    """
    try:
        shards = json.loads((folder / PLAN).read_text())["shards"]
    except OSError:
        raise UserError(f"{folder}: has no {PLAN}: no folder of shards made by datagen") from None
    except ValueError as error:
        raise UserError(f"{folder / PLAN}: not JSON: {error}") from None
    index_of = {clip: shard["index"] for shard in shards for clip in shard["clips"]}
    _refuse_unknown(name, index_of, str(folder))
    info = read_info(folder, index_of[name])
    if info is None:
        raise UserError(f"{name}: its shard {index_of[name]} is not made yet; run generate first")
    samples = []
    if info.samples:
        samples = [s for s in read_shard(info.path(folder)) if s.meta["clip"] == name]
    if not samples:
        reasons = [failure.reason for failure in info.failures if failure.clip == name]
        raise UserError(f"{name}: is a bad clip: {'; '.join(reasons)}")
    return FoundClip(samples, Mannequin())


def clip_of_sources(config: DatagenConfig, name: str) -> FoundClip:
    """Read a clip and make its samples as a run would; UserError as `clip_of_shards` does."""
    check(config)
    sources = open_sources(config.sources)
    refs = {ref.name: ref for source in sources.values() for ref in source.list_clips()}
    _refuse_unknown(name, refs, "this configuration")
    ref = refs[name]
    try:
        pipeline = Pipeline(config, "")
        stretches, _ = pipeline.stretches(ref)
        samples = pipeline.samples(ref, "train", np.zeros(1, dtype=np.float32))
    except BadClipError as error:
        raise UserError(f"{name}: is a bad clip: {error}") from None
    model = load_body_model(config.body)
    return FoundClip(samples, model, _path(stretches, reference_body(model), config.imu.cutoff))


def _path(stretches: list[Stretch], reference: Bodies, cutoff: float) -> Array:
    """Return the pelvis' path (T, 3) at 60 Hz; zero where a glitch was cut out."""
    parts = []
    for stretch in stretches:
        smoother = Smoother(stretch.motion.rate, RATE, cutoff)
        normal = normalize(stretch.motion, reference)
        path_T3 = smoother.apply(normal.translation_T3.T, derivative=0).T
        parts.append((round(stretch.start * RATE), path_T3))
    whole_T3 = np.zeros((max(first + len(path_T3) for first, path_T3 in parts), 3))
    for first, path_T3 in parts:
        whole_T3[first : first + len(path_T3)] = path_T3
    return whole_T3


def _refuse_unknown(name: str, known: Collection[str], where: str) -> None:
    if name in known:
        return
    if not name:
        some = ", ".join(sorted(known)[:NEAREST_SHOWN])
        raise UserError(f"show: give the name of a clip; {where} has {len(known)}, such as {some}")
    near = difflib.get_close_matches(name, known, n=NEAREST_SHOWN, cutoff=0.0)
    raise UserError(f"{name}: no such clip in {where}; the nearest names are {', '.join(near)}")
