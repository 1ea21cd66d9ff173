"""The little quaternion algebra that the choreography needs; (w, x, y, z), last axis.

Products of half-angle exponentials of smooth curves stay smooth, where the logarithm of a matrix
jumps at half a turn: this is why the anatomy composes quaternions.
"""

import numpy as np

from datagen.motion import Array


def exp(vector: Array) -> Array:
    """Return the unit quaternions (..., 4) of rotation vectors (..., 3) in radians."""
    half = 0.5 * np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.concatenate([np.cos(half), 0.5 * vector * np.sinc(half / np.pi)], axis=-1)


def turn(axis: int, angle: Array) -> Array:
    """Return the quaternions (..., 4) of turns by `angle` (...) radians about one axis."""
    quaternion = np.zeros((*angle.shape, 4))
    quaternion[..., 0] = np.cos(0.5 * angle)
    quaternion[..., 1 + axis] = np.sin(0.5 * angle)
    return quaternion


def multiply(first: Array, second: Array) -> Array:
    """Return the product of quaternions: the rotation `second`, then `first`."""
    w, x, y, z = np.moveaxis(first, -1, 0)
    a, b, c, d = np.moveaxis(second, -1, 0)
    return np.stack(
        [
            w * a - x * b - y * c - z * d,
            w * b + x * a + y * d - z * c,
            w * c - x * d + y * a + z * b,
            w * d + x * c - y * b + z * a,
        ],
        axis=-1,
    )


def conjugate(quaternion: Array) -> Array:
    """Return the inverse of unit quaternions."""
    return quaternion * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(quaternion: Array, vector: Array) -> Array:
    """Return vectors (..., 3) turned by quaternions (..., 4)."""
    axis = quaternion[..., 1:]
    twice = 2.0 * np.cross(axis, vector)
    return vector + quaternion[..., :1] * twice + np.cross(axis, twice)


def log(quaternion_T4: Array) -> Array:
    """Return rotation vectors (T, 3) of a smooth curve of quaternions, as smooth as the curve.

    The vector may grow beyond half a turn rather than jump to the far side.
    """
    if quaternion_T4[..., 0].mean() < 0:
        quaternion_T4 = -quaternion_T4
    axis = quaternion_T4[..., 1:]
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quaternion_T4[..., :1])
    return axis * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)
