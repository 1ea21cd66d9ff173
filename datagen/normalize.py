"""Every clip in one frame: a 1.70 m body, feet at the origin, facing +z, 60 Hz.

The paper does this in Blender (sections 3.2 and 4.1). Shape letters: T frames, J joints.
"""

from dataclasses import replace

import numpy as np

from datagen.body import Bodies, leg_length
from datagen.kinematics import (
    axis_angles,
    joint_positions,
    matrices,
    multiply,
    quaternions,
)
from datagen.motion import JOINT_INDEX, Array, Motion
from datagen.pose_kernels import write_quaternions
from datagen.smoothing import Smoother

FEET = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "foot")]
TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


def normalize(motion: Motion, reference: Bodies) -> Motion:
    """Put a clip onto the reference body, turned to +z with its feet at the origin.

    Steps scale with the length of the legs where the source knows its performer's. At the first
    frame the centre of the feet lies above the origin and the lower sole touches the floor.
    """
    scale = 1.0
    if motion.offsets_J3 is not None:
        scale = float(reference.leg_length_N[0] / leg_length(motion.offsets_J3))
    turn = _turn_to_face_forward(motion.rotations_TJ3[0, 0])
    rotations = motion.rotations_TJ3.copy()
    rotations[:, 0] = axis_angles(multiply(turn, quaternions(rotations[:, 0])))
    translation = scale * motion.translation_T3 @ matrices(turn).T
    offsets = reference.offsets_NJ3[0]
    joints = joint_positions(offsets, rotations[:1], translation[:1])[0]
    foot_centre = joints[FEET].mean(axis=0)
    sole_below_toes = reference.joints_NJ3[0, TOES, 1].min() - reference.sole_N[0]
    floor = joints[TOES, 1].min() - sole_below_toes
    translation = translation - np.array([foot_centre[0], floor, foot_centre[2]])
    return replace(motion, rotations_TJ3=rotations, translation_T3=translation, offsets_J3=offsets)


def resample_pose(motion: Motion, smoother: Smoother) -> Array:
    """Return the smoothed pose at the smoother's target rate, axis-angle (T, J, 3)."""
    rotations_SJ3 = np.ascontiguousarray(motion.rotations_TJ3)  # loops know one layout
    frames, joints = rotations_SJ3.shape[:2]
    fitting = smoother.fitting(frames, 4 * joints)
    write_quaternions(rotations_SJ3, fitting.samples_SF.reshape(-1, joints, 4))
    fitting.forwards(frames)
    smooth_TX = smoother.evaluate(fitting.backwards(0), frames, derivative=0)
    return axis_angles(smooth_TX.reshape(-1, joints, 4))


def _turn_to_face_forward(pelvis_axis_angle: Array) -> Array:
    """Return the quaternion about +y that turns the body's forward direction to +z."""
    pelvis = matrices(quaternions(pelvis_axis_angle))
    left, forward = pelvis[:, 0], pelvis[:, 2]
    # Of someone lying down or bent over, only the axis that is nearer to the horizontal tells.
    across = np.cross(left, [0.0, 1.0, 0.0])
    level = forward if np.hypot(forward[0], forward[2]) > np.hypot(left[0], left[2]) else across
    angle = -np.arctan2(level[0], level[2])
    return np.array([np.cos(angle / 2), 0.0, np.sin(angle / 2), 0.0])
