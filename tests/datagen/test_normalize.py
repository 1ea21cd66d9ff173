from dataclasses import replace

import numpy as np
import pytest

from datagen.body import Mannequin, leg_length, reference_body
from datagen.kinematics import joint_positions, rotation_matrices, world_quaternions
from datagen.motion import JOINT_INDEX
from datagen.normalize import FEET, TOES, normalize
from tests.datagen.helpers import lively, turning

REFERENCE = reference_body(Mannequin())


def positions(motion):
    return joint_positions(REFERENCE.offsets_NJ3[0], motion.rotations_TJ3, motion.translation_T3)


@pytest.mark.parametrize("seed", range(4))
def test_the_feet_start_at_the_origin_and_touch_the_floor(seed):
    motion = normalize(lively(seed=seed), REFERENCE)
    first = positions(motion)[0]
    np.testing.assert_allclose(first[FEET].mean(axis=0)[[0, 2]], 0, atol=1e-9)
    sole = REFERENCE.joints_NJ3[0, TOES, 1].min() - REFERENCE.sole_N[0]
    assert first[TOES, 1].min() == pytest.approx(sole)


@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0, 3.1, -1.7])
def test_the_person_faces_forward_at_the_first_frame(angle):
    motion = normalize(turning("pelvis", [0, 1, 0], np.full(120, angle), 60.0), REFERENCE)
    left_hip, right_hip = positions(motion)[0][[1, 2]]
    across = left_hip - right_hip
    level = REFERENCE.joints_NJ3[0, 1] - REFERENCE.joints_NJ3[0, 2]
    assert np.cross(across, [0, 1, 0]) @ np.cross(level, [0, 1, 0]) > 0.9 * (level @ level)


def test_someone_lying_on_the_back_keeps_lying():
    motion = normalize(turning("pelvis", [1, 0, 0], np.full(120, -np.pi / 2), 60.0), REFERENCE)
    front = rotation_matrices(motion.rotations_TJ3[0, 0])[:, 2]
    np.testing.assert_allclose(front, [0, 1, 0], atol=1e-9)


def test_turning_moves_the_whole_scene_rigidly():
    motion = lively()
    turned = normalize(motion, REFERENCE)
    before, after = positions(motion), positions(turned)
    np.testing.assert_allclose(
        np.linalg.norm(before[0] - before[-1], axis=-1),
        np.linalg.norm(after[0] - after[-1], axis=-1),
        atol=1e-9,
    )
    rates = [np.diff(world_quaternions(m.rotations_TJ3)[:, 18], axis=0) for m in (motion, turned)]
    np.testing.assert_allclose(*(np.linalg.norm(rate, axis=1) for rate in rates), atol=1e-9)


def test_steps_shrink_with_the_legs():
    motion = lively()
    giant = replace(motion, offsets_J3=2.0 * REFERENCE.offsets_NJ3[0])
    assert leg_length(giant.offsets_J3) == pytest.approx(2 * REFERENCE.leg_length_N[0])
    way, shrunk = (normalize(m, REFERENCE).translation_T3 for m in (motion, giant))
    np.testing.assert_allclose(np.diff(shrunk, axis=0), np.diff(way, axis=0) / 2, atol=1e-12)


def test_the_left_arm_stays_the_left_arm():
    motion = normalize(turning("pelvis", [0, 1, 0], np.full(120, 3.0), 60.0), REFERENCE)
    assert positions(motion)[0, JOINT_INDEX["left_wrist"], 0] > 0.4
