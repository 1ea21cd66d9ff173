"""Retargeting, against the figure's own forward kinematics and by what must not change it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.motion import JOINT_INDEX, PARENTS, BadClipError
from datagen.sources.bvh_file import parse_bvh
from datagen.sources.retarget import Retargeted, mean_offsets, retarget
from datagen.sources.skeleton_map import SkeletonMap, load_skeleton_map
from tests.datagen.made_bvh import Joint, bvh_text, index, naive_pose, person, smooth_values, turn

MIXAMO = load_skeleton_map("mixamo")
BODY = slice(0, 22)


def read(joints: list[Joint], values: np.ndarray, skeleton: SkeletonMap = MIXAMO) -> Retargeted:
    return retarget(parse_bvh(bvh_text(joints, values).encode()), skeleton)


def still(joints: list[Joint], frames: int = 2) -> np.ndarray:
    """Zero in every channel: the rest pose."""
    return np.zeros((frames, sum(len(joint.channels) for joint in joints)))


def world_matrices(retargeted: Retargeted) -> np.ndarray:
    return matrices(world_quaternions(retargeted.rotations_TJ3))


def assert_same(one: Retargeted, other: Retargeted, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(world_matrices(one), world_matrices(other), atol=atol)
    np.testing.assert_allclose(one.offsets_J3, other.offsets_J3, atol=atol)
    np.testing.assert_allclose(one.translation_T3, other.translation_T3, atol=atol)


def test_joints_stand_where_the_file_has_them(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 12, rng)
    retargeted = read(joints, values)
    naive, _ = naive_pose(joints, values)
    found = joint_positions(
        retargeted.offsets_J3, retargeted.rotations_TJ3, retargeted.translation_T3
    )
    for smpl, name in MIXAMO.joints.items():
        if JOINT_INDEX[smpl] < 22:
            expected = naive[:, index(joints, name)] / 100
            np.testing.assert_allclose(found[:, JOINT_INDEX[smpl]], expected, atol=1e-6)


def test_forearm_points_and_rolls_as_the_file_has_it(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 12, rng)
    elbow, wrist = JOINT_INDEX["right_elbow"], JOINT_INDEX["right_wrist"]
    found = world_matrices(read(joints, values))[:, elbow]
    positions, naive = naive_pose(joints, values)
    own = naive[:, index(joints, "RightForeArm")]
    bone = positions[:, index(joints, "RightHand")] - positions[:, index(joints, "RightForeArm")]
    bone /= np.linalg.norm(bone, axis=1, keepdims=True)
    smpl_bone = mean_offsets()[wrist] / np.linalg.norm(mean_offsets()[wrist])
    np.testing.assert_allclose(found @ smpl_bone, bone, atol=1e-6)
    # Between any two frames both turn by the same rotation of the world.
    np.testing.assert_allclose(
        found[1:] @ found[:-1].transpose(0, 2, 1), own[1:] @ own[:-1].transpose(0, 2, 1), atol=1e-6
    )


def test_rolling_the_forearm_alone_rolls_the_smpl_forearm_about_its_bone() -> None:
    joints = person()
    joints[index(joints, "LeftForeArm")].channels = ["Xrotation"]
    values = still(joints)
    column = sum(len(j.channels) for j in joints[: index(joints, "LeftForeArm")])
    values[1, column] = 50.0
    turned = read(joints, values).rotations_TJ3
    elbow, wrist = JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"]
    bone = mean_offsets()[wrist] / np.linalg.norm(mean_offsets()[wrist])
    change = Rotation.from_rotvec(turned[0, elbow]).inv() * Rotation.from_rotvec(turned[1, elbow])
    np.testing.assert_allclose(change.as_rotvec(), np.radians(50) * bone, atol=1e-6)


def test_body_in_a_t_pose_hardly_turns() -> None:
    retargeted = read(person(), still(person()))
    segments = Rotation.from_matrix(world_matrices(retargeted)[0, BODY])
    # As much as the slopes of the bones differ: most at the collars.
    assert np.degrees(segments.magnitude()).max() < 30
    arms = [JOINT_INDEX[f"{side}_wrist"] for side in ("left", "right")]
    np.testing.assert_allclose(retargeted.rotations_TJ3[:, arms], 0, atol=1e-6)
    np.testing.assert_allclose(retargeted.rotations_TJ3[:, 0], 0, atol=1e-9)


def test_figure_resting_with_hanging_arms_raises_them_into_the_t_pose() -> None:
    hanging = person()
    values = still(hanging)
    for side, down in (("Left", -90), ("Right", 90)):
        arm = index(hanging, f"{side}Arm")
        for name in ("ForeArm", "Hand"):
            joint = hanging[index(hanging, side + name)]
            joint.offset = tuple(turn("Z", down) @ joint.offset)
        values[1, sum(len(joint.channels) for joint in hanging[:arm])] = -down  # Zrotation
    arms = [JOINT_INDEX[f"{side}_{j}"] for side in ("left", "right") for j in ("elbow", "wrist")]
    t_pose = world_matrices(read(person(), still(person())))
    raised = world_matrices(read(hanging, values))
    # To within the few degrees by which SMPL's arms do not lie along x.
    np.testing.assert_allclose(raised[1, arms], t_pose[1, arms], atol=0.08)
    # Hanging, the left palm, which faces down in the T-pose, faces the thigh.
    left_wrist = raised[0, JOINT_INDEX["left_wrist"]] @ t_pose[0, JOINT_INDEX["left_wrist"]].T
    np.testing.assert_allclose(left_wrist @ [0, -1, 0], [-1, 0, 0], atol=0.12)


def with_turned_axes(joints: list[Joint], axes: dict[str, np.ndarray]) -> list[Joint]:
    """Return the same figure with joints whose own axes point elsewhere in the T-pose.

    Each joint gets six position and rotation channels, which `turned_values` fills.
    """
    turned = []
    for joint in joints:
        above = axes.get(joints[joint.parent].name, np.eye(3)) if joint.parent >= 0 else np.eye(3)
        offset = tuple(above.T @ joint.offset)
        turned.append(replace(joint, offset=offset, channels=list(joints[0].channels)))
    return turned


def turned_values(
    joints: list[Joint], turned: list[Joint], axes: dict[str, np.ndarray], values: np.ndarray
) -> np.ndarray:
    """Return the channels with which the turned figure stands as the plain one does."""
    _, world = naive_pose(joints, values)
    columns = []
    for number, joint in enumerate(joints):
        own = world[:, number] @ axes.get(joint.name, np.eye(3))
        if joint.parent >= 0:
            above = world[:, joint.parent] @ axes.get(joints[joint.parent].name, np.eye(3))
            own = above.transpose(0, 2, 1) @ own
        place = np.tile(turned[number].offset, (len(values), 1))
        if joint.parent < 0:
            place = values[:, :3]
        angles = Rotation.from_matrix(own).as_euler("ZXY", degrees=True)
        columns.append(np.hstack([place, angles]))
    return np.hstack(columns)


def test_axes_along_the_bones_change_nothing(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 6, rng)
    words = {
        "Hips": "up right forward",
        "LeftArm": "left up forward",
        "RightArm": "left down back",
        "RightForeArm": "left down back",
        "LeftUpLeg": "down left forward",
        "LeftFoot": "forward left up",
        "Spine2": "up forward left",
    }
    skeleton = replace(MIXAMO, axes=words)
    axes = {f"mixamorig:{name}": matrix for name, matrix in skeleton.rest_axes().items()}
    np.testing.assert_array_equal(axes["mixamorig:Hips"] @ [0, 1, 0], [-1, 0, 0])
    # Joints that the map does not name go along with their parents.
    for joint in joints:
        if joint.name not in axes:
            above = joints[joint.parent].name
            axes[joint.name] = axes[above]
    turned = with_turned_axes(joints, axes)
    bvh = bvh_text(turned, turned_values(joints, turned, axes, values))
    assert_same(retarget(parse_bvh(bvh.encode()), skeleton), read(joints, values))


def test_t_pose_in_the_first_frame_is_left_out_and_used(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 6, rng)
    axes = {joint.name: Rotation.from_rotvec(rng.normal(size=3)).as_matrix() for joint in joints}
    turned = with_turned_axes(joints, axes)
    with_rest = np.vstack([still(joints, 1), values])
    bvh = parse_bvh(bvh_text(turned, turned_values(joints, turned, axes, with_rest)).encode())
    assert_same(retarget(bvh, replace(MIXAMO, rest="first_frame")), read(joints, values))
    alone = replace(bvh, values_TC=bvh.values_TC[:1])
    with pytest.raises(BadClipError, match="no frame after the rest pose"):
        retarget(alone, replace(MIXAMO, rest="first_frame"))


@pytest.mark.parametrize(("up", "forward"), [("z", "-y"), ("z", "x"), ("y", "-z"), ("x", "y")])
def test_other_worlds_and_units(up: str, forward: str, rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 5, rng)
    plain = read(joints, values)
    skeleton = replace(MIXAMO, up=up, forward=forward, unit=0.0254)
    to_file = skeleton.world().T
    np.testing.assert_allclose(np.linalg.det(to_file), 1.0)
    # The whole figure, rest pose and motion, as a program with that world writes it, in inches.
    elsewhere = [
        replace(
            joint,
            offset=tuple(to_file @ joint.offset / 2.54),
            channels=["Xposition", "Yposition", "Zposition", *joints[1].channels],
        )
        for joint in joints
    ]
    _, world = naive_pose(joints, values)
    columns = []
    for number, joint in enumerate(joints):
        local = world[:, number]
        if joint.parent >= 0:
            local = world[:, joint.parent].transpose(0, 2, 1) @ local
        place = np.tile(elsewhere[number].offset, (5, 1))
        if joint.parent < 0:
            place = values[:, :3] @ to_file.T / 2.54
        angles = Rotation.from_matrix(to_file @ local @ to_file.T).as_euler("ZXY", degrees=True)
        columns.append(np.hstack([place, angles]))
    assert_same(read(elsewhere, np.hstack(columns), skeleton), plain)


def test_spine_without_middle_joint_shares_its_bend() -> None:
    joints = person()
    values = still(joints)
    spine2 = index(joints, "Spine2")
    values[1, sum(len(j.channels) for j in joints[:spine2]) + 1] = 60.0  # Xrotation: bends forward
    skeleton = replace(
        MIXAMO, joints={k: v for k, v in MIXAMO.joints.items() if k not in ("spine1", "spine2")}
    )
    bent = read(joints, values, skeleton).rotations_TJ3[1]
    for name in ("spine1", "spine2", "spine3"):
        np.testing.assert_allclose(bent[JOINT_INDEX[name]], [np.radians(20), 0, 0], atol=1e-6)


def test_fingers_follow_the_file_where_it_has_them_and_the_hand_where_not() -> None:
    joints = person()
    hand = index(joints, "LeftHand")
    for finger, across in (("Index", 3.0), ("Middle", 0.0)):
        above = hand
        for knuckle in (1, 2, 3):
            offset = (9.0, 0.0, across) if knuckle == 1 else (3.0, 0.0, 0.0)
            joints.append(Joint(f"mixamorig:LeftHand{finger}{knuckle}", above, offset))
            above = len(joints) - 1
    values = still(joints)
    bvh = parse_bvh(bvh_text(joints, values).encode())
    # Channels stand in the file's order, depth first.
    columns = np.cumsum([0, *(len(channels) for channels in bvh.channels)])
    values[1, columns[bvh.names.index("mixamorig:LeftHandIndex2")]] = -70.0  # Zrotation: curls
    turned = retarget(parse_bvh(bvh_text(joints, values).encode()), MIXAMO).rotations_TJ3
    change = np.linalg.norm(turned[1] - turned[0], axis=-1)
    assert np.degrees(change[JOINT_INDEX["left_index2"]]) == pytest.approx(70, abs=3)
    others = np.delete(change, JOINT_INDEX["left_index2"])
    np.testing.assert_allclose(others, 0, atol=1e-6)
    assert not turned[:, JOINT_INDEX["right_index1"] :].any()


def test_moving_position_channels_are_bones_that_move() -> None:
    joints = person()
    joints[index(joints, "LeftHand")].channels = ["Xposition", *joints[1].channels]
    hand = index(joints, "LeftHand")
    values = still(joints)
    values[:, sum(len(j.channels) for j in joints[:hand])] = [26.0, 36.0]
    retargeted = read(joints, values)
    forearm = np.linalg.norm(retargeted.offsets_J3[JOINT_INDEX["left_wrist"]])
    assert forearm == pytest.approx(0.31)  # the mean over the clip, not OFFSET's 0.25
    own = retargeted.positions_TJ3[:, retargeted.places[JOINT_INDEX["left_wrist"]]]
    assert own[1, 0] - own[0, 0] == pytest.approx(0.10)


def test_another_joint_may_turn_the_forearm(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 4, rng)
    skeleton = replace(MIXAMO, turns={"left_elbow": "LeftHand"})
    plain, rolled = read(joints, values), read(joints, values, skeleton)
    elbow, wrist = JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"]
    _, naive = naive_pose(joints, values)
    own = naive[:, index(joints, "LeftHand")]
    found = world_matrices(rolled)[:, elbow]
    np.testing.assert_allclose(
        found[1:] @ found[:-1].transpose(0, 2, 1), own[1:] @ own[:-1].transpose(0, 2, 1), atol=1e-6
    )
    np.testing.assert_allclose(
        world_matrices(rolled)[:, wrist], world_matrices(plain)[:, wrist], atol=1e-9
    )
    np.testing.assert_allclose(rolled.offsets_J3, plain.offsets_J3, atol=1e-9)


def test_file_without_joints_of_the_body_names_them() -> None:
    joints = person()
    for joint in joints:
        joint.name = joint.name.replace("RightForeArm", "r_radius")
    with pytest.raises(BadClipError, match=r"lacks the joints RightForeArm .* r_radius"):
        read(joints, still(joints))


def test_lengths_in_another_unit_than_the_map_says() -> None:
    with pytest.raises(BadClipError, match=r"legs 81.* m long; is the map's unit of 1 m right"):
        read(person(), still(person()), replace(MIXAMO, unit=1.0))


@pytest.mark.parametrize("preset", ["bandai", "cmu", "mixamo"])
def test_presets_map_the_body_to_joints_of_the_same_tree(preset: str) -> None:
    skeleton = load_skeleton_map(preset)
    assert {"left_elbow", "right_elbow", "left_wrist", "pelvis"} <= skeleton.joints.keys()
    for smpl, name in skeleton.joints.items():
        other = smpl.replace("left_", "right_") if smpl.startswith("left_") else None
        if other:
            assert skeleton.joints[other] != name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("unit: 0", "unit is 0"),
        ("up: w", "'w' is no axis"),
        ("forward: -y", "parallel"),
        ("rest: standing", "rest is 'standing'"),
        ("axes: {Hips: up up left}", "not right-handed"),
        ("axes: {Hips: up left forward}", "not right-handed"),
        ("axes: {Hips: sideways up left}", "write where x, y and z point"),
        ("rest: first_frame\naxes: {Hips: up right forward}", "go with rest: zero_pose"),
        ("turns: {left_elbo: LeftHand}", "turns.left_elbo is no SMPL-H joint.*left_elbow"),
        ("turns: {left_index1: LeftHand}", "without joints.left_index1"),
        ("units: 1", "unknown key units; the nearest known key is unit"),
    ],
)
def test_map_that_makes_no_sense_ends_with_one_line(
    change: str, reason: str, tmp_path: Path
) -> None:
    plain = "joints:\n" + "".join(
        f"  {smpl}: {name}\n" for smpl, name in MIXAMO.joints.items() if JOINT_INDEX[smpl] < 22
    )
    path = tmp_path / "map.yaml"
    path.write_text(plain)
    assert load_skeleton_map(str(path)).joints["pelvis"] == "Hips"
    path.write_text(f"{plain}{change}\n")
    with pytest.raises(UserError, match=reason) as caught:
        load_skeleton_map(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_map_that_does_not_exist_or_has_no_elbow(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no preset 'cmuu'; there are bandai, cmu, mixamo"):
        load_skeleton_map("cmuu")
    with pytest.raises(UserError, match="none"):
        load_skeleton_map(str(tmp_path / "none.yaml"))
    path = tmp_path / "map.yaml"
    path.write_text("joints: {pelvis: Hips}\n")
    with pytest.raises(UserError, match=r"joints lacks spine3, left_hip.*left_elbow"):
        load_skeleton_map(str(path))


def test_parents_of_the_skeleton_come_first() -> None:
    """What the retargeting's single pass over the joints rests on."""
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
