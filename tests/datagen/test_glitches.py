"""Glitches against motion whose swaps are known, and against kinematics."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datagen.body import Mannequin, reference_body
from datagen.glitches import (
    PARENTS_J,
    Glitch,
    GlitchConfig,
    _trace,
    clean_stretches,
    find_glitches,
)
from datagen.imu import ImuConfig, synthesize
from datagen.kinematics import joint_positions, world_quaternions
from datagen.motion import JOINT_INDEX, BadClipError, Motion
from datagen.normalize import normalize
from datagen.sources.bvh import BvhConfig, BvhSource
from datagen.sources.choreography import ChoreographyConfig, ChoreographySource
from tests.datagen.helpers import lively, still, turning

REFERENCE = reference_body(Mannequin())
OFFSETS = REFERENCE.offsets_NJ3[0]


def damaged(motion: Motion, joint: str, frames: slice, turn: tuple[float, ...]) -> Motion:
    """Return a clip with a joint turned another way on some frames."""
    rotations = motion.rotations_TJ3.copy()
    rotations[frames, JOINT_INDEX[joint]] += turn
    return replace(motion, rotations_TJ3=rotations)


def found(motion: Motion, fewest: int = 1, **limits: float) -> list[Glitch]:
    return find_glitches(motion, OFFSETS, GlitchConfig(**limits), fewest)


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.00004])
def test_a_swap_is_cut_out_with_its_margin_and_named(rate: float) -> None:
    motion = lively(round(8 * rate), rate)
    first, end = round(3 * rate), round(3.4 * rate)
    (glitch,) = found(damaged(motion, "left_shoulder", slice(first, end), (0, 0, -2.5)))
    margin, reach = round(0.25 * rate), round(rate / 30)
    assert first - margin - reach <= glitch.first <= first - margin + 1
    assert end + margin - 1 <= glitch.end <= end + margin + reach
    assert glitch.reason.startswith("left_")


def test_a_margin_longer_than_the_clip_ends_with_it() -> None:
    motion = lively(160, 60.0)
    (glitch,) = found(damaged(motion, "left_shoulder", slice(150, 156), (0, 0, -2.5)), margin=1.5)
    assert glitch.end == 160
    assert 150 - 90 - 2 <= glitch.first <= 150 - 90 + 1


def test_what_people_do_is_no_glitch() -> None:
    source = ChoreographySource(ChoreographyConfig(hours=0.05))
    motions = [source.read_clip(ref) for ref in source.list_clips()]
    swing = 1.2 * np.sin(2 * np.pi * 2.5 * np.arange(600) / 120)  # an arm as fast as it will go
    motions.append(turning("right_shoulder", [0, 1, 0], swing, 120.0))
    assert sum(motion.seconds for motion in motions) > 100
    for motion in motions:
        assert found(motion) == []


@pytest.mark.parametrize(
    ("joint", "angle", "far", "unit"),
    [("left_shoulder", 0.4, "left_wrist", "m/s"), ("spine1", 0.3, "head", "m/s2")],
)
def test_jumps_of_known_size_are_told_in_metres(
    joint: str, angle: float, far: str, unit: str
) -> None:
    rest = still(480, 120.0)
    jumped = damaged(rest, joint, slice(240, None), (0, 0, angle))
    places = joint_positions(OFFSETS, jumped.rotations_TJ3[[0, -1]], np.zeros((2, 3)))
    distance = np.linalg.norm(np.diff(places[:, JOINT_INDEX[far]], axis=0))
    told = {"m/s": f"{far} at {120 * distance:.0f} m/s"}
    told["m/s2"] = f"{far} accelerated at {900 * distance:.0f} m/s2"
    (glitch,) = found(jumped)
    assert glitch.reason == told[unit]
    # With limits above what happened, nothing is found.
    most = float(np.linalg.norm(np.diff(places, axis=0), axis=-1).max())
    limits = {"limb_acceleration": 901 * most, "trunk_acceleration": 901 * most}
    assert found(jumped, speed=121 * most, **limits) == []


def test_a_jump_of_the_pelvis_and_a_hand_that_turns_over() -> None:
    moved = still(480, 120.0)
    moved.translation_T3[240:] += (0.2, 0, 0)
    assert [glitch.reason for glitch in found(moved)] == ["pelvis at 24 m/s"]
    over = damaged(still(480, 120.0), "right_wrist", slice(240, 241), (2.5, 0, 0))
    (glitch,) = found(over, speed=1e3, limb_acceleration=1e5)
    assert glitch.reason == "right_wrist turning at 75 rad/s"


def test_what_is_too_short_between_glitches_goes_too() -> None:
    motion = lively(960, 120.0)
    for first in (240, 360, 700):
        motion = damaged(motion, "left_shoulder", slice(first, first + 12), (0, 0, -2.5))
    spans = [(glitch.first, glitch.end) for glitch in found(motion)]
    assert len(spans) == 3
    joined = [(glitch.first, glitch.end) for glitch in found(motion, fewest=120)]
    assert joined == [(spans[0][0], spans[1][1]), spans[2]]
    # 218 frames are left at the end and 210 at the beginning.
    ends = [(glitch.first, glitch.end) for glitch in found(motion, fewest=215)]
    assert ends[0][0] == 0
    with pytest.raises(BadClipError, match="too little left beside its glitches: left_"):
        clean_stretches(motion, OFFSETS, GlitchConfig(), 400)


def test_clean_stretches_are_the_clip_without_what_was_cut() -> None:
    motion = lively(960, 120.0)
    swapped = damaged(motion, "left_shoulder", slice(400, 440), (0, 0, -2.5))
    stretches, (glitch,) = clean_stretches(swapped, OFFSETS, GlitchConfig(), 120)
    assert [first for first, _ in stretches] == [0, glitch.end]
    for (_, part), (first, end) in zip(
        stretches, [(0, glitch.first), (glitch.end, 960)], strict=True
    ):
        np.testing.assert_array_equal(part.rotations_TJ3, motion.rotations_TJ3[first:end])
        np.testing.assert_array_equal(part.translation_T3, motion.translation_T3[first:end])
    assert clean_stretches(motion, OFFSETS, GlitchConfig(), 120) == ([(0, motion)], [])


def test_joints_are_where_kinematics_puts_them() -> None:
    motion = lively(50)
    body = motion.rotations_TJ3[:, : len(PARENTS_J)]
    places, turns = _trace(body, motion.translation_T3, OFFSETS, PARENTS_J)
    truth = joint_positions(OFFSETS, motion.rotations_TJ3, motion.translation_T3)
    np.testing.assert_allclose(places[:, 0], truth[:, 0])
    np.testing.assert_allclose(places[:, 1:], (truth - truth[:, :1])[:, 1:22], atol=1e-12)
    np.testing.assert_allclose(turns, world_quaternions(motion.rotations_TJ3)[:, :22], atol=1e-12)


@pytest.mark.real_data
def test_swapped_markers_of_real_clips_are_cut_out(shared_data: Path) -> None:
    folder = shared_data / "cmu"
    config = BvhConfig(str(folder / "bvh"), "cmu", str(folder / "descriptions.csv"))
    source = BvhSource(config)
    refs = {ref.name.removeprefix("bvh/"): ref for ref in source.list_clips()}
    # Seconds of swaps that a plain look at the speed of the feet shows.
    swaps = {
        "directing_traffic_train_1": [6.9, 7.5, 8.1, 12.2, 14.0, 14.8, 17.0, 22.6],
        "walking_extra_train_24": [5.8],
        "walking_extra_train_27": [0.0],
    }
    for name, seconds in swaps.items():
        motion = source.read_clip(refs[name])
        stretches, glitches = clean_stretches(motion, OFFSETS, GlitchConfig(), 120)
        for second in seconds:
            frame = second * motion.rate
            assert any(glitch.first <= frame < glitch.end for glitch in glitches), second
        for _, part in stretches:
            imu = synthesize(normalize(part, REFERENCE), REFERENCE, ImuConfig())
            assert np.linalg.norm(imu.acc_NTW3, axis=-1).max() < 100
    clean = source.read_clip(refs["running_train_1"])
    assert found(clean) == []
