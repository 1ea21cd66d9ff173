"""The configuration of a datagen run, and which of its keys decide what the data are."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cluster.connect import ClusterConfig
from cluster.errors import UserError
from cluster.runs import digest
from cluster.secrets import redacted
from cluster.storage import local_folder, location
from datagen.body import BUILT_IN, BodyConfig
from datagen.glitches import GlitchConfig
from datagen.imu import RATE, ImuConfig
from datagen.motion import Source
from datagen.population import draw_people
from datagen.sources.amass import AmassConfig, AmassSource, body_files
from datagen.sources.bvh import BvhConfig, BvhSource
from datagen.sources.choreography import ChoreographyConfig, ChoreographySource
from datagen.sources.grab import GrabConfig, GrabSource
from datagen.sources.how2sign import How2SignConfig, How2SignSource
from datagen.sources.joints import JointsConfig, JointsSource
from datagen.sources.skeleton_map import load_skeleton_map
from datagen.text import TextConfig, fingerprint

# What may change between a run and its continuation: where and how it runs, not what it makes.
NOT_OF_THE_DATA = ("output", "max_bad_share", "cluster", "text.cache")
# Keys of a source that say where its files lie or what they may be used for. The plan compares
# what they list and say.
ABOUT_THE_FILES = ("licence", "folder", "descriptions", "babel", "humanml3d", "sentences", "texts")

# Composed by this project's own code.
CHOREOGRAPHY_LICENCE = "Apache-2.0"

# What reads the folders under each key of SourcesConfig.
FOLDER_SOURCES: dict[str, Callable[[Any], Source]] = {
    "amass": AmassSource,
    "bvh": BvhSource,
    "grab": GrabSource,
    "how2sign": How2SignSource,
    "joints": JointsSource,
}


@dataclass
class SourcesConfig:
    """Where motion comes from.

    Attributes:
        choreography: composed motion, made on the spot; null for none.
        amass, bvh, grab: folders of motion capture, each under the name that its clips shall
            carry.
        how2sign, joints: folders of poses from videos or text-to-motion models, likewise.
    """

    choreography: ChoreographyConfig | None = None
    amass: dict[str, AmassConfig] = field(default_factory=dict)
    bvh: dict[str, BvhConfig] = field(default_factory=dict)
    grab: dict[str, GrabConfig] = field(default_factory=dict)
    how2sign: dict[str, How2SignConfig] = field(default_factory=dict)
    joints: dict[str, JointsConfig] = field(default_factory=dict)


@dataclass
class DatagenConfig:
    """Everything that decides a datagen run.

    Attributes:
        output: folder for the shards.
        seed: what is drawn, is drawn from it.
        bodies: N, people of different build for each clip; the first is always 1.70 m tall.
        segment_seconds: longest piece of a clip that is one sample.
        clips_per_shard: most clips in one shard.
        validation_share: share of the subjects (or clips) that is held out.
        max_bad_share: the command fails when a larger share of the clips is bad.
        glitches: where motion stops being a person's and is cut out.
    """

    output: str = "runs/datagen/shards"
    seed: int = 0
    bodies: int = 4
    segment_seconds: float = 60.0
    clips_per_shard: int = 64
    validation_share: float = 0.1
    max_bad_share: float = 0.1
    sources: SourcesConfig = field(default_factory=SourcesConfig)
    body: BodyConfig = field(default_factory=BodyConfig)
    glitches: GlitchConfig = field(default_factory=GlitchConfig)
    imu: ImuConfig = field(default_factory=ImuConfig)
    text: TextConfig = field(default_factory=TextConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)


def check(config: DatagenConfig) -> None:
    """Raise UserError, naming the key, for a value that makes no sense."""
    limits = (
        ("bodies", config.bodies, 1, 100_000),
        ("segment_seconds", config.segment_seconds, 1, 60),
        ("clips_per_shard", config.clips_per_shard, 1, 1_000_000),
        ("validation_share", config.validation_share, 0, 0.9),
        ("max_bad_share", config.max_bad_share, 0, 1),
    )
    for key, value, least, most in limits:
        if not least <= value <= most:
            raise UserError(f"{key}={value:g}: give a value from {least:g} to {most:g}")
    local_folder(config.text.cache, "text.cache")
    _check_bodies_and_sensors(config)
    _check_glitches(config)
    choreography = config.sources.choreography
    names = {} if choreography is None else {choreography.name: "choreography"}
    for kind, name, _ in folders(config.sources):
        if name in names:
            raise UserError(f"sources.{kind}.{name}: a source of {names[name]} has this name too")
        names[name] = kind
    for kind, name, folder in folders(config.sources):
        if folder.name not in (name, type(folder).name):
            raise UserError(
                f"sources.{kind}.{name}.name={folder.name}: a source is called as its key is; "
                f"write sources.{kind}.{folder.name}"
            )
    if not names:
        raise UserError("sources: there are none; start from a preset in configs/datagen")


def _check_bodies_and_sensors(config: DatagenConfig) -> None:
    draw_people(config.body.population, 2, np.random.default_rng(0))
    imu = config.imu
    if not imu.cutoff > 0:
        raise UserError(f"imu.cutoff={imu.cutoff:g}: give a bandwidth above 0 Hz")
    if not all(0 <= value < np.inf for value in (imu.mounting.roll, imu.mounting.shift)):
        raise UserError("imu.mounting: give values from 0 on")
    if imu.mounting.differs and not all(placement.towards for placement in imu.placements):
        raise UserError("imu.mounting: only a sensor on a bone turns and slides; give its towards")
    for triad in (imu.sensor.accelerometer, imu.sensor.gyroscope):
        if not triad.bandwidth < RATE / 2:
            raise UserError(
                f"imu.sensor: bandwidth={triad.bandwidth:g}: give less than 30 Hz, or 0"
            )


def _check_glitches(config: DatagenConfig) -> None:
    for key, value in asdict(config.glitches).items():
        if not (value > 0 or (key == "margin" and value == 0)):
            raise UserError(f"glitches.{key}={value:g}: give a value above 0")


def open_sources(config: SourcesConfig) -> dict[str, Source]:
    """Return every source under the name that its clips carry."""
    sources: dict[str, Source] = {}
    if config.choreography is not None:
        sources[config.choreography.name] = ChoreographySource(config.choreography)
    for kind, name, folder in folders(config):
        sources[name] = FOLDER_SOURCES[kind](replace(folder, name=name))
    return sources


def folders(config: SourcesConfig) -> Iterator[tuple[str, str, Any]]:
    """Yield kind, name and configuration of every source that reads a folder."""
    for kind in FOLDER_SOURCES:
        for name, folder in getattr(config, kind).items():
            yield kind, name, folder


def licences(config: SourcesConfig) -> dict[str, str]:
    """Return the licence of every source's motion, by its name."""
    own = config.choreography
    composed = {} if own is None else {own.name: CHOREOGRAPHY_LICENCE}
    return composed | {name: folder.licence for _, name, folder in folders(config)}


def data_keys(config: Mapping[str, Any], contents: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys, dotted, that decide the data, and their values.

    A key that names a file of which `contents` has a digest has that digest for its value.
    """
    return {
        key: redacted(value) if isinstance(value, str) else value
        for key, value in _flat(config, "")
        if not any(key == other or key.startswith(f"{other}.") for other in NOT_OF_THE_DATA)
        and not (key.startswith("sources.") and key.rpartition(".")[2] in ABOUT_THE_FILES)
        and not any(key == other or other.startswith(f"{key}.") for other in contents)
    } | dict(contents)


def data_digest(config: DatagenConfig, contents: Mapping[str, str] | None = None) -> str:
    """Return a digest of all that decides the data; `contents` are read where not given."""
    contents = file_contents(config) if contents is None else contents
    return digest(data_keys(asdict(config), contents))


def file_contents(config: DatagenConfig) -> dict[str, str]:
    """Return a digest of what each file holds that a configuration names, by its key.

    Where such a file lies does not decide the data. One that is not there has no digest; of a
    body with `{gender}` in its path there may be one for each, its key ending in .MALE and so on.
    """
    sources, files = config.sources, {}
    for name, amass in sources.amass.items():
        for ending, path in body_files(amass.body).items():
            files[f"sources.amass.{name}.body{ending}"] = path
    for name, grab in sources.grab.items():
        if grab.hands:
            files[f"sources.grab.{name}.hands"] = grab.hands
    if config.body.model != BUILT_IN:
        files["body.model"] = config.body.model
    contents = {key: _checksum(path) for key, path in files.items() if location(path).is_file()}
    for name, bvh in sources.bvh.items():
        skeleton_map = load_skeleton_map(bvh.skeleton)
        contents[f"sources.bvh.{name}.skeleton"] = digest(asdict(skeleton_map))
    model = Path(config.text.model).expanduser()
    return contents | ({"text.model": fingerprint(model)} if model.is_dir() else {})


def _checksum(path: str) -> str:
    file: Any = location(path).open("rb")
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flat(value: object, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _flat(part, f"{key}.{name}" if key else str(name))
    else:
        yield key, value
