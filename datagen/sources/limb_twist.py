"""The twist of thigh and upper arm, from the plane in which the limb is bent.

Shape letters: T frames.
"""

import numpy as np
from scipy.linalg import solveh_banded

from datagen.kinematics import conjugate, multiply
from datagen.motion import Array

# A limb bent by less than this says nothing about its plane: elbows stretch a little too far,
# and the bones of the T-pose are not quite in line.
STRAIGHT = np.radians(10)
# Time over which the twist of a limb bent at a right angle is smoothed, seconds; at other bends
# it is as many times longer as the plane is less certain.
SMOOTHING = 0.005
# Weight of no twist at all against that of a right angle: felt by limbs that stay straight for
# several seconds.
NO_TWIST = 1e-6


def limb_twist(
    rest_3: Array, upper_T3: Array, lower_T3: Array, hinge_3: Array, rate: float
) -> Array:
    """Return the twist of a limb's upper segment about its own bone, radians, (T,).

    Seen from the segment above, the upper bone is first turned the shortest way from the T-pose
    to where it points; this is the twist that comes on top, so that the lower bone lies in the
    plane of the hinge. It is the x(t) with the least

        sum_t w(t) (x(t) - observed(t))^2 + smoothing * sum_t (twist rate(t))^2

    where w is the squared sine of the bend beyond `STRAIGHT`: bent limbs follow their plane at
    once, straight ones turn as little as they can from one plane to the next. The rate is counted
    against parallel transport along the bone's path, which has no singular direction.

    Args:
        rest_3: unit vector of the upper bone in the T-pose.
        upper_T3: unit vectors of the upper bone in the frame of the segment above.
        lower_T3: unit vectors of the lower bone in the frame that the shortest turn leads to.
        hinge_3: the hinge's axis in the T-pose; bending turns the lower bone about it.
        rate: frames per second.
    """
    across = hinge_3 - (hinge_3 @ rest_3) * rest_3
    across /= np.linalg.norm(across)
    front = np.cross(across, rest_3)
    # Rotation about the bone by x takes `front` to cos(x) front + sin(x) cross(rest, front).
    east, north = lower_T3 @ front, lower_T3 @ np.cross(rest_3, front)
    transported_T = _transported(rest_3, upper_T3)
    certain = np.maximum(east**2 + north**2 - np.sin(STRAIGHT) ** 2, 0.0)
    # Where the shortest turn is half a turn, it has no direction and its twist no meaning.
    plain = NO_TWIST * (1 + upper_T3 @ rest_3) / 2
    phase = np.arctan2(north, east) + transported_T
    seen = certain * np.exp(1j * phase) + plain * np.exp(1j * transported_T)
    weight = np.abs(seen) + 1e-12
    stiffness = (SMOOTHING * rate) ** 2
    # A first pass with vectors instead of angles tells how often the phase has gone round.
    rough = _smooth(weight, np.stack([seen.real, seen.imag], axis=-1), stiffness)
    turns = np.unwrap(np.arctan2(rough[:, 1], rough[:, 0]))
    observed = turns + np.angle(seen * np.exp(-1j * turns))
    return _smooth(weight, (weight * observed)[:, None], stiffness)[:, 0] - transported_T


def shortest_rotations(start_T3: Array, end_T3: Array) -> Array:
    """Return the quaternions of the smallest rotations between unit vectors, (T, 4)."""
    cosine = np.sum(start_T3 * end_T3, axis=-1, keepdims=True)
    q = np.concatenate([1.0 + cosine, np.cross(start_T3, end_T3)], axis=-1)
    opposite = cosine[..., 0] < -1 + 1e-12
    if opposite.any():  # half a turn about any axis across
        start = np.broadcast_to(start_T3, end_T3.shape)[opposite]
        axes = np.eye(3)[np.argmin(np.abs(start), axis=-1)]
        q[opposite] = np.concatenate([np.zeros((len(start), 1)), np.cross(start, axes)], axis=-1)
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def rotate(q_T4: Array, vector: Array) -> Array:
    """Turn vectors (T, 3), or one vector (3,), by quaternions (T, 4)."""
    scalar, axis = q_T4[..., :1], q_T4[..., 1:]
    once = 2 * np.cross(axis, vector)
    return vector + scalar * once + np.cross(axis, once)


def _transported(rest_3: Array, upper_T3: Array) -> Array:
    """Return how far the shortest turns have twisted against parallel transport, (T,)."""
    turn_T4 = shortest_rotations(np.broadcast_to(rest_3, upper_T3.shape), upper_T3)
    carried = multiply(shortest_rotations(upper_T3[:-1], upper_T3[1:]), turn_T4[:-1])
    step = multiply(conjugate(carried), turn_T4[1:])
    angle = 2 * np.arctan2(step[:, 1:] @ rest_3, step[:, 0])
    return np.concatenate([[0.0], np.cumsum((angle + np.pi) % (2 * np.pi) - np.pi)])


def _smooth(weight_T: Array, weighted_TK: Array, stiffness: float) -> Array:
    """Return x with the least sum w (x - seen)^2 + stiffness sum (x[t+1] - x[t])^2.

    Args:
        weight_T: w.
        weighted_TK: w * seen.
        stiffness: of the steps.
    """
    frames = len(weight_T)
    banded = np.zeros((2, frames))
    banded[0] = weight_T
    banded[0, 1:] += stiffness
    banded[0, :-1] += stiffness
    banded[1, :-1] = -stiffness
    return solveh_banded(banded, weighted_TK, lower=True)
