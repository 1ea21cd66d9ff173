"""Rotations from positions, against motions whose rotations are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datagen.kinematics import joint_positions, world_quaternions
from datagen.motion import JOINT_INDEX, BadClipError, Motion
from datagen.sources.choreography import ChoreographyConfig, ChoreographySource
from datagen.sources.from_positions import Turned, check_size, from_positions
from datagen.sources.retarget import mean_offsets
from tests.datagen.helpers import lively, people, still, turning

RATE = 60.0
BODY = slice(0, 22)
SIDES = ("left", "right")


def body_positions(motion: Motion, offsets: np.ndarray) -> np.ndarray:
    return joint_positions(offsets, motion.rotations_TJ3, motion.translation_T3)[:, BODY]


def choreographed() -> list[Motion]:
    source = ChoreographySource(ChoreographyConfig(hours=0.02, seed=3))
    return [source.read_clip(ref) for ref in source.list_clips()[:4]]


def world(rotations_TJ3: np.ndarray, joint: str) -> Rotation:
    quaternions = world_quaternions(rotations_TJ3)[:, JOINT_INDEX[joint]]
    return Rotation.from_quat(quaternions, scalar_first=True)


def angular_velocity(rotations: Rotation, rate: float) -> np.ndarray:
    """In the world, between frames."""
    return (rotations[1:] * rotations[:-1].inv()).as_rotvec() * rate


def without_roll(velocity_T3: np.ndarray, bone_T3: np.ndarray) -> np.ndarray:
    middle = bone_T3[1:] + bone_T3[:-1]
    middle /= np.linalg.norm(middle, axis=-1, keepdims=True)
    return velocity_T3 - np.sum(velocity_T3 * middle, axis=-1, keepdims=True) * middle


def straight_armed() -> np.ndarray:
    """The mean body with forearms in line with the upper arms."""
    offsets = mean_offsets().copy()
    for side in SIDES:
        elbow, wrist = offsets[JOINT_INDEX[f"{side}_elbow"]], JOINT_INDEX[f"{side}_wrist"]
        offsets[wrist] = np.linalg.norm(offsets[wrist]) / np.linalg.norm(elbow) * elbow
    return offsets


def elbow_axis(side: str) -> np.ndarray:
    """The elbow's hinge at right angles to the straight arm; bends the forearm to the front."""
    arm = mean_offsets()[JOINT_INDEX[f"{side}_elbow"]]
    axis = np.array([0.0, -1.0 if side == "left" else 1.0, 0.0])
    axis -= axis @ arm / (arm @ arm) * arm
    return axis / np.linalg.norm(axis)


@pytest.mark.parametrize("body", [0, 3])
def test_joints_stand_where_they_were(body: int) -> None:
    offsets = people(5).offsets_NJ3[body]
    for motion in (lively(200, RATE), lively(200, RATE, seed=1), *choreographed()):
        given = body_positions(motion, offsets)
        turned = from_positions(given, motion.rate)
        found = joint_positions(turned.offsets_J3, turned.rotations_TJ3, turned.translation_T3)
        assert np.abs(found[:, BODY] - given).max() < 1e-3
        np.testing.assert_allclose(
            np.linalg.norm(turned.offsets_J3[BODY], axis=-1),
            np.linalg.norm(offsets[BODY], axis=-1),
            atol=1e-6,
        )


@pytest.mark.parametrize("side", SIDES)
def test_forearm_points_and_swings_as_it_did(side: str) -> None:
    offsets, wrist = mean_offsets(), JOINT_INDEX[f"{side}_wrist"]
    for motion in (lively(480, 240.0), lively(480, 240.0, seed=1), *choreographed()):
        given = body_positions(motion, offsets)
        bone = given[:, wrist] - given[:, JOINT_INDEX[f"{side}_elbow"]]
        turned = world(from_positions(given, motion.rate).rotations_TJ3, f"{side}_elbow")
        np.testing.assert_allclose(turned.apply(offsets[wrist]), bone, atol=1e-9)
        own = world(motion.rotations_TJ3, f"{side}_elbow")
        expected, found = (
            without_roll(angular_velocity(each, motion.rate), bone) for each in (own, turned)
        )
        assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("side", SIDES)
def test_bent_elbow_tells_the_twist_of_the_upper_arm(side: str, rng: np.random.Generator) -> None:
    motion = lively(240, RATE, seed=2)
    bend = np.radians(70 + 40 * np.sin(np.arange(240) / RATE * 4))
    motion.rotations_TJ3[:, JOINT_INDEX[f"{side}_elbow"]] = bend[:, None] * elbow_axis(side)
    turned = from_positions(body_positions(motion, straight_armed()), RATE)
    shoulder = f"{side}_shoulder"
    error = world(turned.rotations_TJ3, shoulder) * world(motion.rotations_TJ3, shoulder).inv()
    assert np.degrees(error.magnitude()).max() < 3


@pytest.mark.parametrize("side", SIDES)
def test_bent_knee_tells_the_twist_of_the_thigh(side: str) -> None:
    offsets = mean_offsets().copy()
    knee, ankle = (JOINT_INDEX[f"{side}_{joint}"] for joint in ("knee", "ankle"))
    offsets[ankle] = np.linalg.norm(offsets[ankle]) / np.linalg.norm(offsets[knee]) * offsets[knee]
    axis = np.array([1.0, 0.0, 0.0])
    axis -= axis @ offsets[knee] / (offsets[knee] @ offsets[knee]) * offsets[knee]
    motion = lively(240, RATE, seed=3)
    motion.rotations_TJ3[:, knee] = np.radians(80) * axis / np.linalg.norm(axis)
    turned = from_positions(body_positions(motion, offsets), RATE)
    error = (
        world(turned.rotations_TJ3, f"{side}_hip")
        * world(motion.rotations_TJ3, f"{side}_hip").inv()
    )
    assert np.degrees(error.magnitude()).max() < 3


def straightening(between: float, hyperextended: float) -> Turned:
    """Bends 70 degrees, straightens, and bends in a plane `between` degrees round from there."""
    frames = 300
    time = np.arange(frames) / RATE
    open_ = np.clip(np.abs(time - 2.5) - 0.5, 0, 1)  # 0 for a second around 2.5 s
    bend = np.radians((70 + hyperextended) * open_ - hyperextended)
    round_ = np.radians(between) * np.clip(time - 2.0, 0, 1)
    motion = still(frames, RATE)
    arm = mean_offsets()[JOINT_INDEX["left_elbow"]]
    arm = arm / np.linalg.norm(arm)
    motion.rotations_TJ3[:, JOINT_INDEX["left_shoulder"]] = round_[:, None] * arm
    motion.rotations_TJ3[:, JOINT_INDEX["left_elbow"]] = bend[:, None] * elbow_axis("left")
    rng = np.random.default_rng(0)
    given = body_positions(motion, straight_armed())
    return from_positions(given + rng.normal(scale=2e-4, size=given.shape), RATE)


@pytest.mark.parametrize(("between", "hyperextended"), [(120, 0), (-120, 0), (60, 6)])
def test_straight_elbow_turns_from_plane_to_plane_without_a_jump(
    between: float, hyperextended: float
) -> None:
    turned = straightening(between, hyperextended)
    forearm = world(turned.rotations_TJ3, "left_elbow")
    # Either it bends, at 76 degrees a second, or it turns, for which there is a second and more.
    speed = np.linalg.norm(angular_velocity(forearm, RATE), axis=-1)
    assert speed.max() < 2 * np.radians(max(abs(between), 70))
    arm = mean_offsets()[JOINT_INDEX["left_elbow"]]
    arm = arm / np.linalg.norm(arm)
    shoulder = Rotation.from_rotvec(turned.rotations_TJ3[:, JOINT_INDEX["left_shoulder"]])
    whole = (shoulder[0].inv() * shoulder[-1]).as_rotvec()
    np.testing.assert_allclose(whole, np.radians(between) * arm, atol=0.03)


def test_straight_arms_go_along_with_the_body() -> None:
    angle = np.linspace(0, 2, 120)
    motion = turning("pelvis", [0, 1, 0], angle, RATE)
    for side, down in (("left", -1.2), ("right", 1.2)):
        motion.rotations_TJ3[:, JOINT_INDEX[f"{side}_shoulder"]] = [0, 0, down]
    turned = from_positions(body_positions(motion, straight_armed()), RATE)
    for side in SIDES:
        velocity = angular_velocity(world(turned.rotations_TJ3, f"{side}_elbow"), RATE)
        np.testing.assert_allclose(velocity, np.tile([0, 2 / (119 / RATE), 0], (119, 1)), atol=1e-6)


def test_arm_raised_past_the_opposite_of_its_rest_does_not_spin() -> None:
    """The shortest turn from the T-pose flips there; the arm must not."""
    angle = np.linspace(2.6, 3.7, 120)  # passes half a turn at 3.14
    motion = turning("left_shoulder", [0, 1, 0.02], angle, RATE)
    turned = from_positions(body_positions(motion, straight_armed()), RATE)
    speed = np.linalg.norm(
        angular_velocity(world(turned.rotations_TJ3, "left_elbow"), RATE), axis=-1
    )
    assert speed.max() < 2 * (3.7 - 2.6) / (119 / RATE)


def test_foot_that_is_not_seen_goes_along_with_its_shin() -> None:
    motion = lively(60, RATE)
    given = body_positions(motion, mean_offsets())
    seen = from_positions(given, RATE)
    given[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]] = np.nan
    turned = from_positions(given, RATE)
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    np.testing.assert_allclose(turned.rotations_TJ3[:, ankles], 0, atol=1e-12)
    rest = np.delete(np.arange(22), ankles)
    np.testing.assert_allclose(
        turned.rotations_TJ3[:, rest], seen.rotations_TJ3[:, rest], atol=1e-12
    )
    np.testing.assert_allclose(turned.offsets_J3, mean_offsets(), atol=1e-9)


def test_joints_that_jitter_as_in_video_are_followed(rng: np.random.Generator) -> None:
    given = body_positions(lively(300, RATE), mean_offsets())
    given += rng.normal(scale=0.03, size=given.shape)
    elbow, wrist = JOINT_INDEX["right_elbow"], JOINT_INDEX["right_wrist"]
    bone = given[:, wrist] - given[:, elbow]
    bone /= np.linalg.norm(bone, axis=-1, keepdims=True)
    turned = from_positions(given, RATE)
    found = world(turned.rotations_TJ3, "right_elbow").apply(turned.offsets_J3[wrist])
    np.testing.assert_allclose(found / np.linalg.norm(turned.offsets_J3[wrist]), bone, atol=1e-9)


def test_bones_that_are_no_persons_are_bad() -> None:
    given = body_positions(lively(30, RATE), mean_offsets())
    given[7, JOINT_INDEX["left_wrist"]] = given[7, JOINT_INDEX["left_elbow"]]
    with pytest.raises(BadClipError, match="left_elbow and left_wrist stand on the same point"):
        from_positions(given, RATE)
    given = body_positions(lively(30, RATE), mean_offsets())
    given[::2, JOINT_INDEX["right_wrist"]] += 1.0
    with pytest.raises(
        BadClipError, match=r"right_elbow to right_wrist is .*not the joints of one"
    ):
        from_positions(given, RATE)


@pytest.mark.parametrize(
    ("size", "unit", "hint"),
    [(100, 1.0, "set k=0.01"), (1000, 1.0, "set k=0.001"), (1, 0.001, "set k=1")],
)
def test_units_that_cannot_be_metres_name_the_key(size: float, unit: float, hint: str) -> None:
    motion = replace(still(3), translation_T3=np.ones((3, 3)))
    positions = size * unit * body_positions(motion, mean_offsets())
    with pytest.raises(BadClipError, match=rf"legs .* m long with k={unit:g}; {hint}$"):
        check_size(positions, unit, "k")
    check_size(positions / size / unit, 1.0, "k")


def test_units_that_no_unit_explains() -> None:
    positions = 1e7 * body_positions(still(3), mean_offsets())
    with pytest.raises(BadClipError, match=r"check k$"):
        check_size(positions, 1.0, "k")
