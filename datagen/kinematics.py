"""Rotations and forward kinematics, vectorised over frames.

Shape letters: T frames, J joints; `...` is any shape. Quaternions are (w, x, y, z); rotation
matrices act on column vectors and turn segment coordinates into world coordinates.
"""

import numpy as np

from datagen.motion import PARENTS, Array
from datagen.pose_kernels import write_axis_angles


def quaternions(axis_angle: Array) -> Array:
    """Turn axis-angle (..., 3) in radians into unit quaternions (..., 4)."""
    x, y, z = axis_angle[..., 0], axis_angle[..., 1], axis_angle[..., 2]
    half_angle = np.sqrt(x * x + y * y + z * z) / 2
    # sin(half) / half has the limit one; the smallest float keeps zero from dividing by zero.
    scale = np.sin(half_angle) / np.maximum(2 * half_angle, np.finfo(float).tiny)
    scale = np.where(half_angle == 0, 0.5, scale)
    return _stack([np.cos(half_angle), x * scale, y * scale, z * scale])


def multiply(p: Array, q: Array) -> Array:
    """Return the Hamilton product p q of quaternions (..., 4): q is applied first."""
    pw, px, py, pz = p[..., 0], p[..., 1], p[..., 2], p[..., 3]
    qw, qx, qy, qz = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return _stack(
        [
            pw * qw - px * qx - py * qy - pz * qz,
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
        ]
    )


def conjugate(q: Array) -> Array:
    """Return the inverse of unit quaternions (..., 4)."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def matrices(q: Array) -> Array:
    """Turn unit quaternions (..., 4) into rotation matrices (..., 3, 3)."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    # Twice a product, each once.
    wx, wy, wz = 2 * w * x, 2 * w * y, 2 * w * z
    xx, xy, xz = 2 * x * x, 2 * x * y, 2 * x * z
    yy, yz, zz = 2 * y * y, 2 * y * z, 2 * z * z
    rows = [
        [1 - yy - zz, xy - wz, xz + wy],
        [xy + wz, 1 - xx - zz, yz - wx],
        [xz - wy, yz + wx, 1 - xx - yy],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def _stack(components: list[Array]) -> Array:
    """Stack components as the last axis of a view whose memory keeps each one contiguous.

    Arithmetic on components then runs over whole vectors instead of every fourth number.
    """
    return np.moveaxis(np.array(components), 0, -1)


def rotation_matrices(axis_angle: Array) -> Array:
    """Turn axis-angle (..., 3) in radians into rotation matrices (..., 3, 3)."""
    return matrices(quaternions(axis_angle))


def axis_angles(q: Array) -> Array:
    """Turn quaternions (..., 4) into axis-angle (..., 3) with angles of at most pi."""
    turns = np.empty((*q.shape[:-1], 3))
    write_axis_angles(np.ascontiguousarray(q).reshape(-1, 4), turns.reshape(-1, 3))
    return turns


def continuous(q_T4: Array) -> Array:
    """Choose the sign of each quaternion (T, ..., 4) so that neighbours in time lie close.

    A rotation has two quaternions, q and -q; only a curve without sign flips can be smoothed.
    """
    flips = np.sum(q_T4[1:] * q_T4[:-1], axis=-1, keepdims=True) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    return np.concatenate([q_T4[:1], q_T4[1:] * signs])


def world_quaternions(rotations_TJ3: Array) -> Array:
    """Chain local axis-angles (T, J, 3) into world quaternions (T, J, 4) along PARENTS."""
    local = quaternions(rotations_TJ3)
    world = np.empty_like(local)
    world[:, 0] = local[:, 0]
    for joint in range(1, local.shape[1]):
        world[:, joint] = multiply(world[:, PARENTS[joint]], local[:, joint])
    return world


def offsets_from_rest(joints_J3: Array) -> Array:
    """Return each joint's rest offset from its parent, (..., J, 3); the pelvis' row is zero."""
    offsets = joints_J3 - joints_J3[..., np.maximum(PARENTS, 0), :]
    offsets[..., 0, :] = 0.0
    return offsets


def joint_positions(offsets_J3: Array, rotations_TJ3: Array, translation_T3: Array) -> Array:
    """Return world positions (T, J, 3) in metres by forward kinematics.

    Args:
        offsets_J3: rest offset of each joint from its parent, metres.
        rotations_TJ3: local axis-angle, radians.
        translation_T3: position of the pelvis, metres.
    """
    world = matrices(world_quaternions(rotations_TJ3))
    positions = np.empty_like(rotations_TJ3)
    positions[:, 0] = translation_T3
    for joint in range(1, rotations_TJ3.shape[1]):
        parent = PARENTS[joint]
        positions[:, joint] = positions[:, parent] + world[:, parent] @ offsets_J3[joint]
    return positions
