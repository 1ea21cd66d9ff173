from dataclasses import replace

import numpy as np
import pytest

from datagen.imu import GRAVITY, ImuConfig, synthesize
from datagen.kinematics import matrices, rotation_matrices, world_quaternions
from datagen.motion import JOINT_INDEX, BadClipError
from datagen.normalize import resample_pose
from datagen.placement import Placement, watch
from datagen.smoothing import Smoother
from tests.datagen.helpers import lively, people, still, turning
from tests.datagen.naive_imu import accelerations_body_by_body

AT_PELVIS = Placement(segment="pelvis", lever_arm=[0.3, 0.0, 0.0])
PELVIS = ImuConfig(cutoff=12.0, left=AT_PELVIS, right=AT_PELVIS)
INNER = slice(30, -30)


@pytest.mark.parametrize("rate", [30.0, 60.0, 120.0])
def test_the_closed_form_equals_body_by_body_kinematics(rate):
    motion, bodies, config = lively(frames=300, rate=rate), people(5), ImuConfig()
    smoother = Smoother(rate, 60.0, config.cutoff)
    truth = accelerations_body_by_body(motion, bodies, config, smoother)
    double = synthesize(motion, bodies, config, dtype=np.float64).acc_NTW3
    np.testing.assert_allclose(double, truth, rtol=1e-9, atol=1e-9 * np.abs(truth).max())
    single = synthesize(motion, bodies, config).acc_NTW3
    assert single.dtype == np.float32
    assert np.abs(single - truth).max() < 1e-3


def test_a_resting_watch_reads_gravity_upwards():
    imu = synthesize(still(), people(3), ImuConfig())
    # In the rest pose the palms look down: the back of the wrist, z, points up.
    np.testing.assert_allclose(
        imu.acc_NTW3, np.broadcast_to([0, 0, 9.81], imu.acc_NTW3.shape), atol=1e-4
    )
    np.testing.assert_allclose(imu.gyro_1TW3, 0, atol=1e-9)


@pytest.mark.parametrize(("side", "down", "reading"), [("left", -1, -9.81), ("right", 1, 9.81)])
def test_hanging_arms_point_x_down_on_the_left_and_up_on_the_right(side, down, reading):
    angle = np.full(240, down * np.pi / 2)
    imu = synthesize(turning(f"{side}_shoulder", [0, 0, 1], angle, 120.0), people(1), ImuConfig())
    sensor = {"left": 0, "right": 1}[side]
    np.testing.assert_allclose(imu.acc_NTW3[0, :, sensor, 0], reading, atol=1e-3)


def test_a_falling_body_reads_nothing():
    motion = still(rate=120.0)
    seconds = np.arange(240) / 120.0
    motion.translation_T3[:] = 0.5 * GRAVITY * seconds[:, None] ** 2
    np.testing.assert_allclose(synthesize(motion, people(1), ImuConfig()).acc_NTW3, 0, atol=1e-4)


def test_a_steady_spin_gives_the_centripetal_acceleration_and_the_rate():
    spin = 3.0
    motion = turning("pelvis", [0, 1, 0], spin * np.arange(480) / 120.0, 120.0)
    imu = synthesize(motion, people(1), PELVIS, dtype=np.float64)
    acc, gyro = imu.acc_NTW3[0, INNER, 0], imu.gyro_1TW3[0, INNER, 0]
    centripetal = spin**2 * 0.3
    np.testing.assert_allclose(acc[:, 0], -centripetal, rtol=1e-3)
    np.testing.assert_allclose(acc[:, 1], 9.81, rtol=1e-3)
    np.testing.assert_allclose(acc[:, 2], 0, atol=1e-3 * centripetal)
    np.testing.assert_allclose(gyro, np.broadcast_to([0, spin, 0], gyro.shape), atol=1e-3 * spin)


def test_a_swing_gives_the_tangential_acceleration_too():
    times = np.arange(960) / 120.0
    phase = 2 * np.pi * 0.8
    angle = 0.6 * np.sin(phase * times)
    imu = synthesize(turning("pelvis", [0, 1, 0], angle, 120.0), people(1), PELVIS, np.float64)
    rate = 0.6 * phase * np.cos(phase * times)[::2]
    angular_acceleration = -(phase**2) * angle[::2]
    acc, gyro = imu.acc_NTW3[0, :, 0], imu.gyro_1TW3[0, :, 0]
    scale = 0.3 * phase**2 * 0.6
    np.testing.assert_allclose(acc[INNER, 0], -(rate**2 * 0.3)[INNER], atol=1e-3 * scale)
    # A turn about +y moves +x towards -z.
    np.testing.assert_allclose(acc[INNER, 2], -0.3 * angular_acceleration[INNER], atol=1e-3 * scale)
    np.testing.assert_allclose(gyro[INNER, 1], rate[INNER], atol=1e-3 * np.abs(rate).max())


def test_the_gyroscope_is_the_central_difference_of_the_orientation():
    motion = lively(frames=6000, rate=600.0)
    config = ImuConfig(cutoff=30.0)
    gyro = synthesize(motion, people(1), config, np.float64).gyro_1TW3[0, :, 0]
    segment = matrices(world_quaternions(motion.rotations_TJ3))[:, JOINT_INDEX["left_elbow"]]
    sensor = segment @ np.array(watch("left").axes).T
    turned = np.swapaxes(sensor[:-2], 1, 2) @ sensor[2:]
    cosine = (np.trace(turned, axis1=1, axis2=2) - 1) / 2
    axis = np.stack([turned[:, 2, 1], turned[:, 0, 2], turned[:, 1, 0]], 1) - np.stack(
        [turned[:, 1, 2], turned[:, 2, 0], turned[:, 0, 1]], 1
    )
    angle = np.arccos(cosine)
    log = axis * (angle / (2 * np.sin(angle)))[:, None]
    central = (log * 600.0 / 2)[9::10]
    np.testing.assert_allclose(gyro[1:][INNER], central[INNER], atol=5e-3)


def test_mirrored_motion_gives_mirrored_signals():
    motion = lively()
    mirror = np.array([1.0, -1.0, -1.0])
    swapped = motion.rotations_TJ3 * mirror
    pairs = [
        (JOINT_INDEX[f"left_{n}"], JOINT_INDEX[f"right_{n}"])
        for n in ("collar", "shoulder", "elbow")
    ]
    for left, right in pairs:
        swapped[:, [left, right]] = swapped[:, [right, left]]
    twin = replace(
        motion, rotations_TJ3=swapped, translation_T3=motion.translation_T3 * [-1.0, 1.0, 1.0]
    )
    body = people(1)
    flip = body.joints_NJ3 * np.array([-1.0, 1.0, 1.0])
    symmetric = body.joints_NJ3.copy()
    for name in ("collar", "shoulder", "elbow", "wrist"):
        left, right = JOINT_INDEX[f"left_{name}"], JOINT_INDEX[f"right_{name}"]
        symmetric[:, left] = (body.joints_NJ3[:, left] + flip[:, right]) / 2
        symmetric[:, right] = symmetric[:, left] * [-1.0, 1.0, 1.0]
    for name in ("pelvis", "spine1", "spine2", "spine3"):
        symmetric[:, JOINT_INDEX[name], 0] = 0.0
    body = replace(body, joints_NJ3=symmetric)
    imu, mirrored = (synthesize(m, body, ImuConfig(), np.float64) for m in (motion, twin))
    # Screens are mirrored in x: accelerations flip x, turns flip the other two.
    np.testing.assert_allclose(
        mirrored.acc_NTW3[:, :, 1], imu.acc_NTW3[:, :, 0] * [-1.0, 1.0, 1.0], atol=1e-6
    )
    np.testing.assert_allclose(
        mirrored.gyro_1TW3[:, :, 1], imu.gyro_1TW3[:, :, 0] * [1.0, -1.0, -1.0], atol=1e-6
    )


def test_signals_have_as_many_frames_as_the_resampled_pose():
    motion = lively(frames=333, rate=100.0)
    pose = resample_pose(motion, Smoother(100.0, 60.0, 12.0))
    assert synthesize(motion, people(2), ImuConfig()).acc_NTW3.shape == (2, len(pose), 2, 3)


def test_a_resampled_pose_follows_the_motion():
    motion = lively(frames=600, rate=120.0)
    pose = resample_pose(motion, Smoother(120.0, 60.0, 12.0))
    error = rotation_matrices(pose) - rotation_matrices(motion.rotations_TJ3[::2])
    assert np.abs(error).max() < 2e-3


def test_whole_turns_more_change_nothing():
    motion, bodies = lively(), people(2)
    size = np.linalg.norm(motion.rotations_TJ3, axis=-1, keepdims=True)
    turns = np.random.default_rng(0).integers(-3, 4, size=size.shape)
    wound = replace(motion, rotations_TJ3=motion.rotations_TJ3 * (1 + 2 * np.pi * turns / size))
    plain, turned = (synthesize(m, bodies, ImuConfig(), np.float64) for m in (motion, wound))
    np.testing.assert_allclose(turned.acc_NTW3, plain.acc_NTW3, atol=1e-7)
    np.testing.assert_allclose(turned.gyro_1TW3, plain.gyro_1TW3, atol=1e-9)
    smoother = Smoother(120.0, 60.0, 12.0)
    poses = [rotation_matrices(resample_pose(m, smoother)) for m in (motion, wound)]
    np.testing.assert_allclose(*poses, atol=1e-12)


def test_the_layout_of_a_motion_in_memory_does_not_matter():
    motion, bodies = lively(), people(2)
    other = replace(
        motion,
        rotations_TJ3=np.asfortranarray(motion.rotations_TJ3),
        translation_T3=np.asfortranarray(motion.translation_T3),
    )
    other.rotations_TJ3.flags.writeable = False
    a, b = (synthesize(m, bodies, ImuConfig()).acc_NTW3 for m in (motion, other))
    np.testing.assert_array_equal(a, b)


def test_what_lay_in_memory_before_does_not_matter():
    motion, bodies, smoother = lively(), people(2), Smoother(120.0, 60.0, 12.0)
    made = []
    for litter in (0.0, -1.0, np.nan):
        for size in 1000 * 2 ** np.arange(9):
            np.full(size, litter)
        imu, pose = synthesize(motion, bodies, ImuConfig()), resample_pose(motion, smoother)
        made.append(imu.acc_NTW3.tobytes() + imu.gyro_1TW3.tobytes() + pose.tobytes())
    assert made[0] == made[1] == made[2]


def test_an_arm_that_turns_over_between_frames_is_a_bad_clip():
    motion = still()
    motion.rotations_TJ3[100:, JOINT_INDEX["left_elbow"]] = [np.pi, 0, 0]
    with pytest.raises(BadClipError, match="turns over"):
        synthesize(motion, people(1), ImuConfig())
