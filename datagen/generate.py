"""A datagen run from configuration to manifest: begin or continue, make what is missing, sum up."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from omegaconf import OmegaConf

import cluster
import datagen
from cluster.connect import connected
from cluster.errors import UserError
from cluster.lock import locked
from cluster.progress import Progress
from cluster.runs import write_json, write_run_record
from cluster.storage import Location, location, remove_parts
from datagen import plan
from datagen.config import (
    DatagenConfig,
    check,
    data_digest,
    data_keys,
    file_contents,
    licences,
    open_sources,
)
from datagen.pipeline import Pipeline, placement
from datagen.plan import Unit
from datagen.shards import (
    MANIFEST,
    Manifest,
    ShardInfo,
    info_path,
    read_infos,
    write_manifest,
)
from datagen.text import embed, vectors_name

PLAN = "plan.json"
CODE = (cluster, datagen)


@dataclass(frozen=True)
class Outcome:
    """What a run leaves, and what it did for it this time."""

    manifest: Manifest
    shards_made: int
    body_frames_made: int
    seconds: float


def generate(config: DatagenConfig) -> Outcome:
    """Make every shard that is missing in `config.output`, then the manifest.

    Raises UserError for a mistake in the configuration or the sources, and for a folder that was
    begun with another configuration or that another run is writing to.
    """
    check(config)
    start = time.monotonic()
    contents = file_contents(config)
    config_digest = data_digest(config, contents)
    pipeline = Pipeline(config, config_digest)
    units = _plan(config)
    folder = location(config.output)
    with locked(folder, "output"), _tidy(folder):
        _begin_or_continue(folder, config, contents, units)
        infos = read_infos(folder)
        missing = [unit for unit in units if unit.index not in infos]
        if missing:
            pipeline.warm_up()
        for info in _make(missing, units, config, config_digest) if missing else ():
            infos[info.index] = info
        manifest = write_manifest(
            folder,
            [infos[unit.index] for unit in units],
            config_digest=config_digest,
            seed=config.seed,
            bodies=config.bodies,
            body=pipeline.body,
            placement=placement(config),
            licences=licences(config.sources),
            text_backend=vectors_name(config.text),
            text_size=max(info.text_size for info in infos.values()),
        )
    frames = sum(infos[unit.index].frames for unit in missing)
    return Outcome(manifest, len(missing), frames * config.bodies, time.monotonic() - start)


def check_bad_share(manifest: Manifest, config: DatagenConfig) -> None:
    """Raise UserError when too large a share of the clips is bad, or all of them."""
    bad = len(manifest.failures)
    share = bad / manifest.clips
    if manifest.samples and share <= config.max_bad_share:
        return
    first = manifest.failures[0]
    raise UserError(
        f"{config.output}: {bad} of {manifest.clips} clips are bad ({share:.0%}; max_bad_share is "
        f"{config.max_bad_share:.0%}), such as {first.clip}: {first.reason}; all reasons stand in "
        f"{location(config.output) / MANIFEST}, and what was made stays"
    )


def _plan(config: DatagenConfig) -> list[Unit]:
    clips = []
    for name, source in open_sources(config.sources).items():
        listed = source.list_clips()
        if odd := {clip.source for clip in listed} - {name}:
            raise ValueError(f"the source {name} lists clips of {odd}")
        if not listed:
            raise UserError(f"sources: {name} has no clip; give it another folder, or leave it out")
        clips.extend(listed)
    return plan.make_plan(
        clips,
        seed=config.seed,
        validation_share=config.validation_share,
        clips_per_shard=config.clips_per_shard,
    )


@contextmanager
def _tidy(folder: Location) -> Iterator[None]:
    """Remove what killed runs and killed workers were writing, before and after."""
    remove_parts(folder)
    try:
        yield
    finally:
        remove_parts(folder)


def _begin_or_continue(
    folder: Location, config: DatagenConfig, contents: Mapping[str, str], units: list[Unit]
) -> None:
    """Record a fresh run, or make sure that the folder holds the beginning of this very one."""
    record = plan.describe(units)
    if not (folder / PLAN).is_file():
        if info_path(folder, 0).exists():
            raise UserError(f"{folder}: holds shards but no {PLAN}; choose another output")
        write_run_record(folder, config, config.seed)
        # Last: marks the folder as begun.
        write_json(folder / PLAN, record | {"files": contents})
        return
    stored = _read_plan(folder)
    known = stored.pop("files", {})
    if unlike := _unlike(folder, config, known, contents):
        raise UserError(
            f"{folder}: was begun with another configuration: {unlike}; give the same, or "
            "choose another output"
        )
    if unlike := plan.difference(stored, record):
        raise UserError(f"{folder}: was begun with other clips: {unlike}; choose another output")
    if contents.keys() - known.keys():  # a run ends where a model is missing, and continues with it
        write_json(folder / PLAN, record | {"files": {**known, **contents}})


def _unlike(
    folder: Location, config: DatagenConfig, known: Mapping[str, str], contents: Mapping[str, str]
) -> str:
    """Say how the configuration differs; of a file with one known content, its name counts."""
    both = known.keys() & contents.keys()
    stored: Any = OmegaConf.to_container(OmegaConf.create((folder / "config.yaml").read_text()))
    there = data_keys(stored, {key: known[key] for key in both})
    here = data_keys(asdict(config), {key: contents[key] for key in both})
    parts = [
        f"the file of {key} holds something else there and here"
        if key in both
        else f"{key} is {there.get(key, 'absent')} there and {here.get(key, 'absent')} here"
        for key in [*here, *(key for key in there if key not in here)]
        if there.get(key, ...) != here.get(key, ...)
    ]
    more = f" and {len(parts) - 3} more keys differ" if len(parts) > 3 else ""
    return ", ".join(parts[:3]) + more


def _read_plan(folder: Location) -> dict[str, Any]:
    return json.loads((folder / PLAN).read_text())


def _make(
    missing: list[Unit], units: list[Unit], config: DatagenConfig, config_digest: str
) -> Iterator[ShardInfo]:
    total, bad = sum(len(unit.clips) for unit in missing), 0
    with connected(config.cluster, CODE) as workers:
        from datagen.workers import make_shards  # brings Ray, whose environment is now set

        # Of all units, not of the missing ones: a continued run must get the very same vectors.
        vectors = embed([clip.text for unit in units for clip in unit.clips], config.text)
        with Progress("datagen", total, "clips") as progress:
            for unit, info in make_shards(missing, vectors, config, config_digest, workers):
                bad += len(info.failures)
                progress.advance(len(unit.clips), f"{bad} bad" if bad else "")
                yield info
