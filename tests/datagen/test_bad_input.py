"""What may befall a file of any source: a swap in it, no permission, an end before its end.

What is particular to a format (shapes, rates, units, pickles) stands in that source's own tests,
with a fuzz test for each reader.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import DatagenConfig, SourcesConfig
from datagen.motion import JOINT_INDEX, ClipRef
from datagen.pipeline import Pipeline
from datagen.plan import Unit
from datagen.shards import ShardInfo
from datagen.sources.amass import AmassConfig
from datagen.sources.bvh import BvhConfig
from datagen.sources.grab import GrabConfig
from datagen.sources.how2sign import How2SignConfig
from datagen.sources.joints import JointsConfig
from tests.datagen.made_bvh import bvh_text, channel_count, person
from tests.datagen.made_how2sign import HEADER, NAME, TRAIN, seen, signing, write_sentence
from tests.datagen.made_smpl import grab_params, standing, swaying, write_amass, write_grab
from tests.datagen.test_joints import smpl_positions

SECONDS = 6


def thrown(positions_T3: np.ndarray, rate: float, unit: float = 1.0) -> np.ndarray:
    """Return positions that are a metre aside from the third second on."""
    moved = positions_T3.copy()
    moved[round(3 * rate) :, ..., 0] += unit
    return moved


def amass(folder: Path) -> SourcesConfig:
    trans = thrown(standing(120 * SECONDS), 120)
    write_amass(folder / "clip.npz", poses=swaying(120 * SECONDS, 156), trans=trans)
    return SourcesConfig(amass={"made": AmassConfig(str(folder))})


def grab(folder: Path) -> SourcesConfig:
    params = grab_params(120 * SECONDS)
    params["transl"] = thrown(params["transl"], 120)
    (folder / "s1").mkdir()
    write_grab(folder / "s1" / "cup_drink_1.npz", params)
    return SourcesConfig(grab={"made": GrabConfig(str(folder))})


def how2sign(folder: Path) -> SourcesConfig:
    (folder / "train.csv").write_text("\n".join([HEADER, *TRAIN]) + "\n")
    rotations = signing(24 * SECONDS)
    rotations[72:76, JOINT_INDEX["left_shoulder"]] += (0, 0, -2.8)
    write_sentence(folder, NAME, seen(rotations))
    return SourcesConfig(how2sign={"made": How2SignConfig(str(folder), str(folder / "train.csv"))})


def joints(folder: Path) -> SourcesConfig:
    np.save(folder / "clip.npy", thrown(smpl_positions(20 * SECONDS), 20))
    return SourcesConfig(joints={"made": JointsConfig(str(folder))})


def bvh(folder: Path) -> SourcesConfig:
    values = thrown(np.zeros((30 * SECONDS, channel_count(person()))), 30, unit=100.0)
    (folder / "clip.bvh").write_text(bvh_text(person(), values))
    return SourcesConfig(bvh={"made": BvhConfig(str(folder), "mixamo")})


@dataclass
class Made:
    """One clip of a source, and a shard of it."""

    file: Path
    pipeline: Pipeline
    clips: tuple[ClipRef, ...]

    def shard(self) -> ShardInfo:
        unit = Unit(0, "made", "train", self.clips)
        vectors = {clip.text: np.zeros(4, np.float32) for clip in self.clips}
        return self.pipeline.make_shard(self.file.parent, unit, vectors)

    def reason(self) -> str:
        """Why the clip is bad."""
        info = self.shard()
        assert info.samples == 0
        (failure,) = info.failures
        assert "\n" not in failure.reason
        return failure.reason


@pytest.fixture(params=[amass, grab, how2sign, joints, bvh], ids=lambda make: make.__name__)
def made(request: Any, tmp_path: Path) -> Made:
    make: Callable[[Path], SourcesConfig] = request.param
    config = DatagenConfig(bodies=1, sources=make(tmp_path))
    pipeline = Pipeline(config, "d1")
    clips = tuple(pipeline._sources["made"].list_clips())
    (file,) = [path for path in tmp_path.rglob("*.*") if path.suffix in (".npz", ".npy", ".bvh")]
    return Made(file, pipeline, clips)


def test_a_jump_is_cut_out(made: Made) -> None:
    info = made.shard()
    assert info.failures == ()
    (cut,) = info.cuts
    assert 2.5 < cut.start < 3 < cut.end < 3.6
    assert info.samples == 2


def test_a_file_that_may_not_be_read_is_a_bad_clip(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = io.open

    def refuse(file: Any, *more: Any, **named: Any) -> Any:
        if str(file) == str(made.file):
            raise PermissionError(13, "Permission denied")
        return opened(file, *more, **named)

    monkeypatch.setattr(io, "open", refuse)
    assert made.reason() == "cannot be read: Permission denied"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_ends_too_early_is_a_bad_clip(made: Made, share: float) -> None:
    raw = made.file.read_bytes()
    made.file.write_bytes(raw[: int(share * len(raw))])
    assert made.reason()


def test_a_file_that_has_gone_is_a_bad_clip(made: Made) -> None:
    made.file.unlink()
    assert made.reason() == "cannot be read: No such file or directory"


def test_a_clip_of_one_frame_is_too_short(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    source = made.pipeline._sources["made"]
    motion = source.read_clip(made.clips[0])
    one = type(motion)(
        motion.name,
        motion.rate,
        motion.rotations_TJ3[:1],
        motion.translation_T3[:1],
        motion.text,
    )
    monkeypatch.setattr(source, "read_clip", lambda _: one)
    assert made.reason().startswith("shorter than one window (1 of 60 frames")
