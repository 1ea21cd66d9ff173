import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datagen.kinematics import axis_angles, quaternions


def random_quaternions(count, seed=0):
    q = np.random.default_rng(seed).normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def test_axis_angles_are_those_of_scipy_whatever_the_length_of_the_quaternions():
    q = random_quaternions(1000)
    expected = Rotation.from_quat(q, scalar_first=True).as_rotvec()
    np.testing.assert_allclose(axis_angles(q), expected, atol=1e-12)
    np.testing.assert_allclose(axis_angles(0.9 * q.reshape(10, 100, 4)).reshape(-1, 3), expected)


@pytest.mark.parametrize("angle", [0.0, 1e-300, 1e-12, 1e-9, 1e-7, 1.0, np.pi - 1e-9, np.pi])
def test_axis_angles_of_the_smallest_and_the_largest_turns(angle):
    turn = angle * np.array([0.6, 0.0, 0.8])
    np.testing.assert_allclose(axis_angles(quaternions(turn)), turn, rtol=1e-12, atol=0)
