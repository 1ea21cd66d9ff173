"""Closed-form inverse kinematics of one arm: which angles bring the wrist to a point.

Written for the left arm (towards the reaching side is +x); the right arm is its mirror image and
has the same angles.
"""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from datagen.kinematics import axis_angles, multiply, quaternions
from datagen.motion import JOINT_INDEX, Array
from datagen.sources.choreography import anatomy, rotation, skeleton

# Reaching further than this share of the arm's length would lock the elbow.
LONGEST_SHARE = 0.985
COLLAR_ROUNDS = 2


def arm_angles(
    point: tuple[float, float, float],
    swivel: float,
    palm: tuple[float, float, float] | None,
) -> dict[str, float]:
    """Return flex, abd, turn, elbow (and pron) in degrees; see `poses.reach`.

    A point out of reach is replaced by the nearest one in its direction.
    """
    offsets = skeleton.offsets_J3()
    collar, shoulder, elbow, wrist = (
        offsets[JOINT_INDEX[f"left_{name}"]] for name in ("collar", "shoulder", "elbow", "wrist")
    )
    upper, fore = rotation.rotate(anatomy.ARM_HANGS, np.stack([elbow, wrist]))
    lift = np.zeros(3)
    at_rest = np.array([collar[0] + shoulder[0], 0.0, 0.0])
    for _ in range(COLLAR_ROUNDS):
        target = np.array(point) - at_rest - lift
        bend = _elbow_bend(upper, fore, float(np.linalg.norm(target)))
        arm = _place(upper + _turn_x(fore, -bend), target, math.radians(swivel))
        swing, inward = _swing_and_turn(arm)
        lift = _collar_lift(shoulder, swing)
    angles = {
        "flex": math.degrees(-swing[0]),
        "abd": math.degrees(swing[2]),
        "turn": math.degrees(inward),
        "elbow": math.degrees(bend),
    }
    if palm is not None:
        forearm = arm @ _turn_x(np.array([0.0, -1.0, 0.0]), -bend)
        neutral = arm @ np.array([-1.0, 0.0, 0.0])
        facing = np.array(palm)
        pronation = math.atan2(facing @ np.cross(forearm, neutral), facing @ neutral)
        angles["pron"] = min(max(math.degrees(pronation), -75.0), 75.0)
    return angles


def _turn_x(vector: Array, angle: float) -> Array:
    x, y, z = vector
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([x, cosine * y - sine * z, sine * y + cosine * z])


def _elbow_bend(upper: Array, fore: Array, distance: float) -> float:
    """Solve |upper + Rx(-bend) fore| = distance for the bend of the elbow, radians."""
    longest = float(np.linalg.norm(upper) + np.linalg.norm(fore))
    distance = min(distance, LONGEST_SHARE * longest)
    along = upper[1] * fore[1] + upper[2] * fore[2]
    across = upper[1] * fore[2] - upper[2] * fore[1]
    wanted = 0.5 * (distance**2 - upper @ upper - fore @ fore) - upper[0] * fore[0]
    size = math.hypot(along, across)
    # along cos(bend) + across sin(bend) = wanted
    bend = math.acos(min(max(wanted / size, -1.0), 1.0)) + math.atan2(across, along)
    return min(max(bend, math.radians(2.0)), math.radians(146.0))


def _place(reach: Array, target: Array, swivel: float) -> Array:
    """Return the rotation (3, 3) that takes `reach` along `target`, elbow at the swivel angle.

    The elbow of the hanging arm lies behind `reach` in the plane of its flexion, whatever its
    carrying angle. Swivel 0 is straight down for a reach forwards, and for any other direction
    what the shortest turn from forwards makes of it: in front overhead, behind when hanging. The
    one direction without a swivel is straight backwards.
    """
    ahead = target / np.linalg.norm(target)
    forwards, down = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    below = down - (down @ ahead) / max(1.0 + ahead[2], 1e-6) * (forwards + ahead)
    elbow = math.cos(swivel) * below + math.sin(swivel) * np.cross(ahead, below)
    own_ahead = reach / np.linalg.norm(reach)
    own_elbow = np.array([0.0, -reach[2], reach[1]]) / math.hypot(reach[1], reach[2])
    return _frame(ahead, elbow) @ _frame(own_ahead, own_elbow).T


def _frame(first: Array, second: Array) -> Array:
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _swing_and_turn(arm: Array) -> tuple[Array, float]:
    """Split a rotation (3, 3) into its swing vector (no y part) and its inward turn, radians."""
    x, y, z, w = Rotation.from_matrix(arm).as_quat()
    turn = math.remainder(2.0 * math.atan2(y, w), 2.0 * math.pi)
    whole = np.array([w, x, y, z])
    back = rotation.turn(1, np.array(-turn))
    swing = multiply(whole, back)
    if swing[0] < 0:
        swing = -swing
    return axis_angles(swing), -turn


def _collar_lift(shoulder: Array, swing: Array) -> Array:
    """Return by how much the lifted collar carries the shoulder joint, metres."""
    lifted = 0.5 * (1.0 - math.cos(math.hypot(swing[0], swing[2])))
    vector = np.array(
        [
            0.0,
            -math.radians(anatomy.COLLAR_SWING) * lifted * math.sin(-swing[0]),
            math.radians(anatomy.COLLAR_RISE) * lifted,
        ]
    )
    return rotation.rotate(quaternions(vector), shoulder) - shoulder
