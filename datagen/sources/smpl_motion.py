"""Poses of the SMPL family as files store them, brought onto SMPL-H in the project's world.

Shape letters: T frames, J joints (the 52 of SMPL-H).
"""

from functools import cache

import numpy as np

from datagen.body import SHAPES, Mannequin
from datagen.kinematics import axis_angles, matrices, multiply, quaternions
from datagen.motion import JOINTS, Array, BadClipError

# The 52 joints of SMPL-H among the 55 of SMPL-X, which has a jaw and two eyes besides.
JOINTS_OF_SMPLX = np.r_[0:22, 25:55]
# From z up to y up: a quarter turn about x.
Z_UP_TO_Y_UP = np.array([np.cos(np.pi / 4), -np.sin(np.pi / 4), 0.0, 0.0])
# Nobody is found this high above the origin; heights in centimetres are.
MOST_METRES_HIGH = 20.0
MOST_RADIANS = 50.0
RATE_ROUNDING = 1e-2


def joint_rotations(poses: Array, name: str) -> Array:
    """Return the SMPL-H joints (T, J, 3) of poses (T, 156) of SMPL-H or (T, 165) of SMPL-X.

    Raises BadClipError for another width, and for angles that cannot be radians.
    """
    frames, width = poses.shape
    if width not in (3 * JOINTS, 165):
        raise BadClipError(
            f"has {name} of shape {poses.shape}; SMPL-H has (T, 156), SMPL-X (T, 165)"
        )
    rotations = poses.reshape(frames, width // 3, 3)
    if width == 165:
        rotations = rotations[:, JOINTS_OF_SMPLX]
    largest = max(float(rotations.max()), -float(rotations.min()))
    if largest > MOST_RADIANS:
        raise BadClipError(f"has {name} of up to {largest:.3g}, which cannot be radians")
    return rotations


def into_project(rotations_TJ3: Array, pelvis_T3: Array) -> tuple[Array, Array]:
    """Turn rotations and the pelvis' positions from a world with z up into one with y up.

    Raises BadClipError for positions that cannot be metres.
    """
    height = float(np.median(np.abs(pelvis_T3[:, 2])))
    if height > MOST_METRES_HIGH:
        raise BadClipError(f"has its pelvis {height:.4g} m high, so positions are not in metres")
    rotations = rotations_TJ3.copy()
    rotations[:, 0] = axis_angles(multiply(Z_UP_TO_Y_UP, quaternions(rotations[:, 0])))
    return rotations, pelvis_T3 @ matrices(Z_UP_TO_Y_UP).T


@cache
def mean_pelvis() -> Array:
    """Return where the mean body's pelvis lies in its model's coordinates, metres, (3,).

    The translations of the SMPL family move the whole body: its pelvis lies this far from them.
    """
    return Mannequin().bodies(np.zeros((1, SHAPES))).joints_NJ3[0, 0]


def snapped_rate(rate: float) -> float:
    """Return a rate such as 120.00004 as the whole number that it was meant to be.

    Raises BadClipError for a rate at which nobody records.
    """
    if not 1 <= rate <= 2000:
        raise BadClipError(f"has a rate of {rate:g} frames per second, which is not believable")
    return float(round(rate)) if abs(rate - round(rate)) < RATE_ROUNDING else rate
