"""The accelerometers of many bodies the long way: every body's sensor path, differentiated."""

import numpy as np

from datagen.body import Bodies
from datagen.imu import GRAVITY, ImuConfig
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.motion import JOINT_INDEX, Motion
from datagen.smoothing import Smoother


def accelerations_body_by_body(
    motion: Motion, bodies: Bodies, config: ImuConfig, smoother: Smoother
) -> np.ndarray:
    """Return the specific force of every body, (N, T, W, 3), in float64."""
    world = matrices(world_quaternions(motion.rotations_TJ3))
    acc = []
    for body, offsets in enumerate(bodies.offsets_NJ3):
        step = bodies.leg_length_N[body] / bodies.leg_length_N[0]
        joints = joint_positions(offsets, motion.rotations_TJ3, step * motion.translation_T3)
        signals = []
        for placement in config.placements:
            segment = JOINT_INDEX[placement.segment]
            lever = np.array(placement.lever_arm)
            if placement.towards:
                lever = lever + placement.share * offsets[JOINT_INDEX[placement.towards]]
            path = joints[:, segment] + world[:, segment] @ lever
            acceleration = smoother.apply(path.T, 2).T
            orientation = smoothed_orientation(motion, segment, smoother)
            sensor_to_world = orientation @ np.array(placement.axes).T
            signals.append(np.einsum("tji,tj->ti", sensor_to_world, acceleration - GRAVITY))
        acc.append(np.stack(signals, axis=1))
    return np.array(acc)


def smoothed_orientation(motion: Motion, segment: int, smoother: Smoother) -> np.ndarray:
    """Return a segment's orientation (T, 3, 3) from its smoothed and normalised quaternion."""
    quaternion = world_quaternions(motion.rotations_TJ3)[:, segment].copy()
    for frame in range(1, len(quaternion)):
        if quaternion[frame] @ quaternion[frame - 1] < 0:
            quaternion[frame] *= -1
    smooth = smoother.apply(quaternion.T, 0).T
    return matrices(smooth / np.linalg.norm(smooth, axis=1, keepdims=True))
