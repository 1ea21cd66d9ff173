"""Quaternion curves that stay smooth, beyond what `datagen.kinematics` has; (w, x, y, z).

Products of half-angle exponentials of smooth curves are smooth, where the logarithm of a matrix
jumps at half a turn: this is why the anatomy composes quaternions.
"""

import numpy as np

from datagen.motion import Array


def turn(axis: int, angle: Array) -> Array:
    """Return the quaternions (..., 4) of turns by `angle` (...) radians about one axis."""
    quaternion = np.zeros((*angle.shape, 4))
    quaternion[..., 0] = np.cos(0.5 * angle)
    quaternion[..., 1 + axis] = np.sin(0.5 * angle)
    return quaternion


def rotate(quaternion: Array, vector: Array) -> Array:
    """Return vectors (..., 3) turned by quaternions (..., 4)."""
    axis = quaternion[..., 1:]
    twice = 2.0 * np.cross(axis, vector)
    return vector + quaternion[..., :1] * twice + np.cross(axis, twice)


def smooth_axis_angles(quaternions_TJ4: Array) -> Array:
    """Return axis-angle vectors (T, J, 3) of smooth curves of quaternions, as smooth as these.

    A vector may grow beyond half a turn rather than jump to the far side.
    """
    mostly_negative = quaternions_TJ4[..., 0].mean(axis=0, keepdims=True) < 0
    quaternions_TJ4 = np.where(mostly_negative[..., None], -quaternions_TJ4, quaternions_TJ4)
    axis = quaternions_TJ4[..., 1:]
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quaternions_TJ4[..., :1])
    return axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)
