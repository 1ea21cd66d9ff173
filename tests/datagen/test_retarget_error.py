"""The measured error of retargeting: right where it can be known, large where it is broken."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datagen import retarget_error
from datagen.body import Mannequin
from datagen.motion import BODY_JOINT_NAMES, BODY_PARENTS, JOINT_INDEX
from datagen.retarget_error import clip_error, fit_shape, measure
from datagen.sources.bvh import BvhConfig, BvhSource
from datagen.sources.bvh_file import Bvh, parse_bvh
from datagen.sources.retarget import retarget
from datagen.sources.skeleton_map import SkeletonMap
from tests.datagen.made_bvh import SIX, Joint, bvh_text, person, smooth_values

SMPL_MAP = SkeletonMap(joints={name: name for name in BODY_JOINT_NAMES}, unit=1.0)


def smpl_figure(shape: np.ndarray, scale: float) -> list[Joint]:
    """A BVH figure that is an SMPL-X body: its skeleton with the given shape values."""
    offsets = scale * Mannequin().bodies(shape[None]).offsets_NJ3[0]
    joints = [
        Joint(name, parent, tuple(offsets[number]))
        for number, (name, parent) in enumerate(zip(BODY_JOINT_NAMES, BODY_PARENTS, strict=True))
    ]
    joints[0].channels = list(SIX)
    return joints


def read_smpl_figure(shape: np.ndarray, scale: float, rng: np.random.Generator) -> Bvh:
    joints = smpl_figure(shape, scale)
    values = smooth_values(joints, 60, rng)
    values[:, :3] /= 100
    return parse_bvh(bvh_text(joints, values).encode())


def test_fit_finds_the_shape_that_a_file_was_made_with(rng: np.random.Generator) -> None:
    shape = np.zeros(10)
    bvh = read_smpl_figure(shape, 0.9, rng)
    found, scale, stature = fit_shape(retarget(bvh, SMPL_MAP))
    assert stature == pytest.approx(0.9 * Mannequin().bodies(shape[None]).stature_N[0], rel=0.01)
    assert scale == pytest.approx(0.9, rel=0.01)
    np.testing.assert_allclose(found, shape, atol=0.05)


def test_body_of_another_shape_is_matched_to_millimetres(rng: np.random.Generator) -> None:
    shape = np.array([1.0, -1.5, 1.0, 0.5, 0, 0, 0, 0, 0, 0])
    bvh = read_smpl_figure(shape, 1.0, rng)
    error = clip_error(bvh, retarget(bvh, SMPL_MAP), SMPL_MAP)
    assert error.shape_cm["arms"] < 0.5
    assert error.turn_percent < 1e-3
    assert error.largest_shape < 3


def test_errors_are_those_that_were_put_in(rng: np.random.Generator) -> None:
    bvh = read_smpl_figure(np.zeros(10), 1.0, rng)
    right = retarget(bvh, SMPL_MAP)
    reference = 170 / fit_shape(right)[2]
    # Forearms 3 cm too long: the wrists lie 3 cm off, the elbows where they belong.
    long = right.offsets_J3.copy()
    for wrist in (JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]):
        long[wrist] *= 1 + 0.03 / np.linalg.norm(long[wrist])
    error = clip_error(bvh, replace(right, offsets_J3=long), SMPL_MAP)
    assert error.own_cm["elbow"] == pytest.approx(0, abs=1e-3)
    assert error.own_cm["wrist"] == pytest.approx(0.03 * reference, rel=1e-3)
    assert error.own_cm["arms"] == pytest.approx(0.01 * reference, rel=1e-3)
    # A left forearm that rolls by itself, one turn in two seconds.
    elbow = JOINT_INDEX["left_elbow"]
    rotations = right.rotations_TJ3.copy()
    bone = right.offsets_J3[JOINT_INDEX["left_wrist"]]
    rolling = np.pi / 30 * np.arange(len(rotations))[:, None] * bone / np.linalg.norm(bone)
    turned = Rotation.from_rotvec(rotations[:, elbow]) * Rotation.from_rotvec(rolling)
    rotations[:, elbow] = turned.as_rotvec()
    rolled = clip_error(bvh, replace(right, rotations_TJ3=rotations), SMPL_MAP)
    own_speed = np.concatenate([speeds(bvh, "left_elbow"), speeds(bvh, "right_elbow")])
    expected = np.pi * np.sqrt(0.5) / np.sqrt(np.mean(own_speed**2))
    assert rolled.turn_percent == pytest.approx(100 * expected, rel=0.05)


def speeds(bvh: Bvh, name: str) -> np.ndarray:
    """How fast a joint turns, rad/s, from the angles between frames."""
    _, world = bvh.world_pose()
    turned = Rotation.from_quat(world[:, bvh.names.index(name)], scalar_first=True)
    return (turned[:-1].inv() * turned[1:]).magnitude() / bvh.frame_seconds


def test_command_prints_a_table_and_json(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    whole = bvh_text(person(), smooth_values(person(), 40, rng))
    (clips / "good.bvh").write_text(whole)
    (clips / "cut.bvh").write_text(whole[:-300])
    preset = tmp_path / "run.yaml"
    preset.write_text(f"sources: {{bvh: {{lab: {{folder: {clips}, skeleton: mixamo}}}}}}\n")
    assert retarget_error.main(["--config", str(preset)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "lab: 1 clips read, 1 bad"
    assert "lab/cut: is truncated" in printed[1]
    report = json.loads(printed[-1])["lab"]
    assert report["clips"] == 1
    assert list(report["bad"]) == ["lab/cut"]
    assert report["own_bones_cm"]["arms"]["median"] < 0.01
    assert report["forearm_turn_percent"]["median"] < 0.01
    (clips / "good.bvh").unlink()
    assert retarget_error.main(["--config", str(preset)]) == 1
    assert capsys.readouterr().out.startswith("lab: 0 clips read, 1 bad")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "every"), [("bandai", 75), ("cmu", 9)])
def test_recordings_are_met_to_3_cm_and_5_percent(
    name: str, every: int, shared_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for path in sorted((shared_data / name / "bvh").glob("*.bvh"))[::every]:
        (folder / path.name).symlink_to(path)
    report = measure(BvhSource(BvhConfig(str(folder), name, name=name)))
    assert report["bad"] == {}
    for part in ("shoulder", "elbow", "wrist", "arms"):
        assert report["own_bones_cm"][part]["median"] < 1.0  # type: ignore[index]
        assert report["smplx_shape_cm"][part]["median"] < 3.0  # type: ignore[index]
    assert report["forearm_turn_percent"]["p90"] < 5.0  # type: ignore[index]


@pytest.mark.real_data
def test_hands_of_a_walking_person_hang_with_the_thumb_forward(shared_data: Path) -> None:
    """What a wrong axis in a preset would break without moving a single joint."""
    for name, clip in (
        ("bandai", "dataset-1_walk_normal_001.bvh"),
        ("cmu", "walking_train_1.bvh"),
    ):
        path = shared_data / name / "bvh" / clip
        source = BvhSource(BvhConfig(str(path.parent), name, name=name))
        ref = next(ref for ref in source.list_clips() if ref.locator == str(path))
        motion = source.read_clip(ref)
        local = Rotation.from_rotvec
        forward = local(motion.rotations_TJ3[:, 0]).apply([0, 0, 1])
        left = local(motion.rotations_TJ3[:, 0]).apply([1, 0, 0])
        for side, outward in (("left", 1), ("right", -1)):
            segment = local(motion.rotations_TJ3[:, 0])
            for joint in ("spine1", "spine2", "spine3", "collar", "shoulder", "elbow"):
                joint = joint if joint.startswith("spine") else f"{side}_{joint}"
                segment = segment * local(motion.rotations_TJ3[:, JOINT_INDEX[joint]])
            # In SMPL's T-pose the thumbs point forward and the backs of the hands up.
            thumb, back = segment.apply([0, 0, 1]), segment.apply([0, 1, 0])
            assert np.mean(np.sum(thumb * forward, axis=1)) > 0.4
            assert np.mean(np.sum(back * left, axis=1)) * outward > 0.6
