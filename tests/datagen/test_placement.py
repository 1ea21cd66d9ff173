from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cluster.config import load_config, save_config
from cluster.errors import UserError
from datagen.config import DatagenConfig, SourcesConfig, check
from datagen.imu import ImuConfig, synthesize
from datagen.motion import JOINT_INDEX, JOINT_NAMES
from datagen.placement import (
    PRESETS,
    MountingConfig,
    Placement,
    as_placed,
    as_worn,
    turned,
    watch,
)
from datagen.smoothing import Smoother
from datagen.sources.choreography import ChoreographyConfig
from tests.datagen.helpers import lively, people, still, turning
from tests.datagen.naive_imu import accelerations_body_by_body

MIRROR = np.array([-1.0, 1.0, 1.0])


def config_of(*overrides):
    return load_config(DatagenConfig, None, overrides).imu


@pytest.mark.parametrize("joint", JOINT_NAMES)
def test_every_joints_segment_can_carry_a_sensor(joint):
    motion, bodies = lively(frames=60), people(2)
    placement = Placement(segment=joint, lever_arm=[0.02, -0.03, 0.05])
    config = ImuConfig(left=placement, right=watch("right"))
    truth = accelerations_body_by_body(motion, bodies, config, Smoother(120.0, 60.0, 12.0))
    acc = synthesize(motion, bodies, config, dtype=np.float64).acc_NTW3
    np.testing.assert_allclose(acc, truth, rtol=1e-9, atol=1e-9 * np.abs(truth).max())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sits_on_its_part_of_the_body_and_reads_gravity_upwards(name):
    placement, bodies = PRESETS[name], people(1)
    lever = as_placed([placement], bodies).lever_NW3[0, 0]
    place = bodies.joints_NJ3[0, JOINT_INDEX[placement.segment]] + lever
    side, _, part = name.rpartition("_") if name == "chest" else name.partition("_")
    if side:
        assert np.sign(place[0]) == (1 if side == "left" else -1)
    knee, neck = bodies.joints_NJ3[0, [JOINT_INDEX["left_knee"], JOINT_INDEX["neck"]], 1]
    expected = {
        "ankle": place[1] < knee - 0.3,
        "hip_pocket": knee + 0.2 < place[1] < bodies.joints_NJ3[0, 1, 1] and place[2] > 0.04,
        "chest": neck - 0.2 < place[1] < neck and place[2] > 0.05,
        "upper_arm": 0.25 < abs(place[0]) < 0.35,
        "watch": 0.55 < abs(place[0]) < 0.66,
    }
    assert expected[part]
    config = ImuConfig(left=placement, right=placement)
    acc = synthesize(still(), bodies, config).acc_NTW3[0, 100, 0]
    upwards = {"watch": 2, "upper_arm": 2}.get(part, 1)
    np.testing.assert_allclose(acc, 9.81 * np.eye(3)[upwards], atol=1e-4)


@pytest.mark.parametrize("part", ["watch", "upper_arm", "hip_pocket", "ankle"])
def test_left_and_right_presets_mirror_each_other(part):
    left, right = PRESETS[f"left_{part}"], PRESETS[f"right_{part}"]
    np.testing.assert_allclose(left.lever_arm, MIRROR * right.lever_arm)
    # A mirror image of a frame is left-handed: one axis of the three points the other way.
    flips = np.sum(np.array(left.axes) * (MIRROR * np.array(right.axes)), axis=1)
    np.testing.assert_allclose(np.sort(flips), [-1, 1, 1])


def test_a_preset_is_chosen_by_one_key_and_survives_a_file(tmp_path):
    config = load_config(DatagenConfig, None, ["imu.left.preset=left_ankle"])
    assert replace(config.imu.left, preset="") == PRESETS["left_ankle"]
    assert config.imu.right == watch("right")
    save_config(config, tmp_path / "config.yaml")
    assert load_config(DatagenConfig, tmp_path / "config.yaml", []) == config
    named = config_of("imu.left.preset=left_watch").left
    assert asdict(replace(named, preset="")) == asdict(watch("left"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["imu.left.preset=knee_cap"], "no such placement; there are chest"),
        (["imu.left.preset=chest", "imu.left.share=0.2"], "not both"),
        (["imu.left.segment=left_paw"], "left_paw: no such joint; there are pelvis"),
        (["imu.left.segment=left_wrist"], "left_wrist has no bone towards left_wrist"),
        (["imu.left.lever_arm=[0,1]"], "three values"),
        (["imu.left.lever_arm=[0,.nan,0]"], "three values"),
        (["imu.left.share=90"], "share=90: give a value from 0 to 1"),
        (["imu.left.share=-0.1"], "share=-0.1: give a value from 0 to 1"),
        (["imu.left.share=nan"], "share=nan: give a value from 0 to 1"),
        (["imu.left.axes=[[1,0,0],[0,1,0],[0,0,-1]]"], "right-handed"),
        (["imu.left.axes=[[1,0,0],[0,2,0],[0,0,1]]"], "right-handed"),
        (["imu.left.axes=[[1,0],[0,1],[0,0]]"], "right-handed"),
    ],
)
def test_a_wrong_placement_is_one_clear_line(overrides, message):
    with pytest.raises(UserError, match=message) as error:
        config_of(*overrides)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("imu", "message"),
    [
        (ImuConfig(mounting=MountingConfig(roll=-1)), "mounting"),
        (ImuConfig(mounting=MountingConfig(roll=np.nan)), "mounting"),
        (ImuConfig(mounting=MountingConfig(shift=np.inf)), "mounting"),
        (ImuConfig(left=Placement(), mounting=MountingConfig(roll=5)), "only a sensor on a bone"),
        (ImuConfig(cutoff=0), "cutoff"),
    ],
)
def test_sensors_that_cannot_be_are_refused_before_anything_begins(imu, message):
    sources = SourcesConfig(choreography=ChoreographyConfig())
    check(DatagenConfig(sources=sources))
    with pytest.raises(UserError, match=message):
        check(DatagenConfig(sources=sources, imu=imu))


def test_sensors_worn_differently_equal_each_bodys_own_kinematics():
    motion, bodies, config = lively(frames=200), people(4), ImuConfig()
    smoother = Smoother(120.0, 60.0, config.cutoff)
    worn = as_worn(config.placements, bodies, MountingConfig(25.0, 0.015), np.random.default_rng(0))
    imu = synthesize(motion, bodies, config, np.float64, worn)
    acc, gyro = turned(imu.acc_NTW3, worn), turned(imu.gyro_1TW3, worn)
    assert worn.turn_NW33 is not None
    assert gyro.shape == (4, 100, 2, 3)
    for body in range(4):
        placements = []
        for sensor, placement in enumerate(config.placements):
            axes = worn.turn_NW33[body, sensor] @ np.array(placement.axes)
            lever = worn.lever_NW3[body, sensor].tolist()
            placements.append(Placement("", placement.segment, "", 0.0, lever, axes.tolist()))
        own = ImuConfig(left=placements[0], right=placements[1])
        truth = accelerations_body_by_body(motion, bodies, own, smoother)[body]
        np.testing.assert_allclose(acc[body], truth, rtol=1e-9, atol=1e-8)
        rate = synthesize(motion, bodies, own, np.float64).gyro_1TW3[0]
        np.testing.assert_allclose(gyro[body], rate, atol=1e-9)


def test_a_strap_turns_about_the_bone_and_slides_along_it():
    bodies, placements = people(2000), ImuConfig().placements
    nominal = as_placed(placements, bodies).lever_NW3
    worn = as_worn(placements, bodies, MountingConfig(20.0, 0.01), np.random.default_rng(1))
    for sensor, side in enumerate(("left", "right")):
        bone = bodies.offsets_NJ3[:, JOINT_INDEX[f"{side}_wrist"]]
        axis = bone / np.linalg.norm(bone, axis=1, keepdims=True)
        along, before = (
            np.sum(lever[:, sensor] * axis, axis=1) for lever in (worn.lever_NW3, nominal)
        )
        assert np.std(along - before) == pytest.approx(0.01, rel=0.05)
        away, was = (
            np.linalg.norm(lever[:, sensor] - along_axis[:, None] * axis, axis=1)
            for lever, along_axis in ((worn.lever_NW3, along), (nominal, before))
        )
        np.testing.assert_allclose(away, was, atol=1e-12)
        # Seen from outside, the sensor turned about the bone, and as far as its place did.
        axes = np.array(placements[sensor].axes)
        vectors = Rotation.from_matrix(axes.T @ worn.turn_NW33[:, sensor] @ axes).as_rotvec()
        angle = np.sum(vectors * axis, axis=1)
        np.testing.assert_allclose(vectors, angle[:, None] * axis, atol=1e-9)
        assert np.std(np.degrees(angle)) == pytest.approx(20, rel=0.05)
        perpendicular = nominal[:, sensor] - before[:, None] * axis
        moved = worn.lever_NW3[:, sensor] - along[:, None] * axis
        turn = np.arctan2(
            np.sum(axis * np.cross(perpendicular, moved), axis=1),
            np.sum(perpendicular * moved, axis=1),
        )
        np.testing.assert_allclose(-angle, turn, atol=1e-9)


def test_a_turned_strap_of_a_hanging_arm_still_reads_gravity_along_the_arm():
    motion = turning("left_shoulder", [0, 0, 1], np.full(240, -np.pi / 2), 120.0)
    bodies, config = people(6), ImuConfig()
    bodies = replace(bodies, joints_NJ3=np.repeat(bodies.joints_NJ3[:1], 6, axis=0))
    worn = as_worn(config.placements, bodies, MountingConfig(60.0), np.random.default_rng(2))
    acc = turned(synthesize(motion, bodies, config, worn=worn).acc_NTW3, worn)[:, 100, 0]
    bone = bodies.offsets_NJ3[0, JOINT_INDEX["left_wrist"]]
    along_arm = acc @ (np.array(watch("left").axes) @ (bone / np.linalg.norm(bone)))
    assert np.ptp(along_arm) < 1e-4
    assert along_arm[0] < -9.5
    assert np.ptp(acc, axis=0).max() > 0.1


def test_worn_as_placed_by_default():
    bodies, placements = people(3), ImuConfig().placements
    worn = as_worn(placements, bodies, MountingConfig(), np.random.default_rng(0))
    assert worn.turn_NW33 is None
    np.testing.assert_array_equal(worn.lever_NW3, as_placed(placements, bodies).lever_NW3)
