"""Joint positions to turns of the SMPL-H skeleton.

A position says where a bone points, not how it is turned about itself. What each segment's
rotation comes from:

- pelvis and upper torso (spine3): the best rotation of their three bones (Kabsch 1976);
- spine1, spine2: an equal share of the bend between those two, then the shortest way to the bone;
- neck, collars, ankles: the shortest way from the segment above;
- thigh and upper arm: the bone's direction, and the twist that puts the hinge of knee or elbow at
  right angles to the plane in which the limb is bent (see `limb_twist` for the straight limb);
- shin and forearm: the shortest way from the segment above, so that the hinge is carried along.
  The roll of the forearm cannot be seen in positions; this is its neutral position, midway
  between palm up and palm down, in which SMPL's T-pose has it too;
- hands, toes and head go along with the segment above.

Shape letters: T frames, J joints (52 of SMPL-H), B joints of the body (the first 22 of them).
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from datagen.body import leg_length
from datagen.kinematics import axis_angles, conjugate, multiply
from datagen.motion import BODY_JOINT_NAMES, JOINT_INDEX, JOINTS, PARENTS, Array, BadClipError
from datagen.sources.limb_twist import limb_twist, rotate, shortest_rotations
from datagen.sources.retarget import local_axis_angles, mean_offsets

BODY_JOINTS = len(BODY_JOINT_NAMES)
SHORTEST_BONE = 1e-3
# How much longer than its 5th percentile a bone's 95th may be: so many times, and metres of jitter.
STRETCH, JITTER = 2.0, 0.1
# The legs that a person can have, metres.
SHORTEST_LEG, LONGEST_LEG = 0.3, 1.4
USUAL_LEG = 0.8
UNITS = (1.0, 0.01, 0.001, 0.0254, 0.3048)


def _index(*names: str) -> tuple[int, ...]:
    return tuple(JOINT_INDEX[name] for name in names)


PELVIS, SPINE1, SPINE2, SPINE3 = _index("pelvis", "spine1", "spine2", "spine3")
BRANCHES = {
    PELVIS: _index("left_hip", "right_hip", "spine1"),
    SPINE3: _index("neck", "left_collar", "right_collar"),
}
# How far along the bend of the torso these joints turn.
SHARES = {SPINE1: 1 / 3, SPINE2: 2 / 3}
# Axis about which the next joint bends, in the T-pose: elbows bring the forearm to the front,
# knees the shin to the back.
HINGES = {
    JOINT_INDEX["left_shoulder"]: np.array([0.0, -1.0, 0.0]),
    JOINT_INDEX["right_shoulder"]: np.array([0.0, 1.0, 0.0]),
    JOINT_INDEX["left_hip"]: np.array([1.0, 0.0, 0.0]),
    JOINT_INDEX["right_hip"]: np.array([1.0, 0.0, 0.0]),
}
# The joint that each segment points to, for all that have one and only one.
TIPS = {
    joint: PARENTS.index(joint)
    for joint in range(BODY_JOINTS)
    if joint not in BRANCHES and joint in PARENTS[:BODY_JOINTS]
}


@dataclass(frozen=True)
class Turned:
    """Motion on the SMPL-H skeleton, as in `Motion`.

    Attributes:
        rotations_TJ3: axis-angle, radians; fingers rest.
        translation_T3: the pelvis, metres.
        offsets_J3: bones of median length in SMPL's T-pose, metres; those that no position shows
            are the mean body's, scaled.
    """

    rotations_TJ3: Array
    translation_T3: Array
    offsets_J3: Array


def from_positions(positions_TB3: Array, rate: float) -> Turned:
    """Turn positions of the body's joints into rotations.

    Args:
        positions_TB3: metres, y up, joints in SMPL's order; a foot that is NaN throughout is not
            known and goes along with its shin.
        rate: frames per second.

    Raises BadClipError where bones have no length or lengths that are no person's.
    """
    bones_TB3 = positions_TB3 - positions_TB3[:, np.maximum(PARENTS[:BODY_JOINTS], 0)]
    known = np.isfinite(positions_TB3[0, :, 0])
    lengths_B = _lengths(bones_TB3, known)
    with np.errstate(invalid="ignore"):
        directions_TB3 = bones_TB3 / np.linalg.norm(bones_TB3, axis=-1, keepdims=True)
    segments_TJ4 = _segments(directions_TB3, known, rate)
    return Turned(
        local_axis_angles(segments_TJ4),
        positions_TB3[:, PELVIS],
        _offsets(segments_TJ4, directions_TB3, lengths_B, known),
    )


def check_size(positions_TB3: Array, unit: float, key: str) -> None:
    """Raise BadClipError, naming the key to set, where the legs are not a person's.

    Args:
        positions_TB3: metres, as `unit` has it.
        unit: metres of one unit of the file.
        key: where the unit is configured.
    """
    legs = [JOINT_INDEX[f"{side}_{j}"] for side in ("left", "right") for j in ("knee", "ankle")]
    bones = positions_TB3[:, legs] - positions_TB3[:, [PARENTS[joint] for joint in legs]]
    leg = float(np.median(np.linalg.norm(bones, axis=-1), axis=0).sum() / 2)
    if SHORTEST_LEG <= leg <= LONGEST_LEG:
        return
    near = min(UNITS, key=lambda other: abs(np.log(max(leg, 1e-300) / unit * other / USUAL_LEG)))
    fits = SHORTEST_LEG <= leg / unit * near <= LONGEST_LEG
    hint = f"set {key}={near:g}" if fits else f"check {key}"
    raise BadClipError(f"has legs {leg:.3g} m long with {key}={unit:g}; {hint}")


def _lengths(bones_TB3: Array, known_B: Array) -> Array:
    """Return the median length of each bone, (B,); NaN where it is not known."""
    lengths_TB = np.linalg.norm(bones_TB3, axis=-1)
    lengths_TB[:, PELVIS] = 1.0
    for joint in np.flatnonzero(known_B):
        name, above = BODY_JOINT_NAMES[joint], BODY_JOINT_NAMES[max(PARENTS[joint], 0)]
        low, high = np.percentile(lengths_TB[:, joint], [5, 95])
        if lengths_TB[:, joint].min() < SHORTEST_BONE:
            raise BadClipError(f"{above} and {name} stand on the same point")
        if high > STRETCH * low + JITTER:
            raise BadClipError(
                f"the bone from {above} to {name} is {low:.2g} m long and {high:.2g} m long; these "
                "are not the joints of one person"
            )
    lengths_B = np.full(BODY_JOINTS, np.nan)
    lengths_B[known_B] = np.median(lengths_TB[:, known_B], axis=0)
    return lengths_B


def _segments(directions_TB3: Array, known_B: Array, rate: float) -> Array:
    """Return the world rotation of every segment as quaternions, (T, J, 4)."""
    rest_J3 = mean_offsets()
    rest_B3 = rest_J3[:BODY_JOINTS] / np.maximum(
        np.linalg.norm(rest_J3[:BODY_JOINTS], axis=-1, keepdims=True), SHORTEST_BONE
    )
    segments = np.empty((len(directions_TB3), JOINTS, 4))
    for joint, children in BRANCHES.items():
        segments[:, joint] = _best_rotations(rest_B3[[*children]], directions_TB3[:, children])
    bend = axis_angles(multiply(conjugate(segments[:, PELVIS]), segments[:, SPINE3]))
    for joint in range(JOINTS):
        if joint in BRANCHES:
            continue
        base = segments[:, PARENTS[joint]]
        if joint in SHARES:
            part = Rotation.from_rotvec(SHARES[joint] * bend).as_quat(scalar_first=True)
            base = multiply(segments[:, PELVIS], part)
        tip = TIPS.get(joint)
        if tip is not None and known_B[tip]:
            base = _point(base, rest_B3[tip], directions_TB3[:, tip])
        if joint in HINGES and tip is not None:
            beyond = rotate(conjugate(base), directions_TB3[:, TIPS[tip]])
            above = rotate(conjugate(segments[:, PARENTS[joint]]), directions_TB3[:, tip])
            twist = limb_twist(rest_B3[tip], above, beyond, HINGES[joint], rate)
            base = multiply(base, _about(rest_B3[tip], twist))
        segments[:, joint] = base
    return segments


def _point(base_T4: Array, rest_3: Array, direction_T3: Array) -> Array:
    """Return the segment's rotation: `base_T4`, turned the shortest way to the bone."""
    return multiply(shortest_rotations(rotate(base_T4, rest_3), direction_T3), base_T4)


def _about(axis_3: Array, angle_T: Array) -> Array:
    sine = np.sin(angle_T / 2)[:, None] * axis_3
    return np.concatenate([np.cos(angle_T / 2)[:, None], sine], axis=-1)


def _best_rotations(rest_K3: Array, directions_TK3: Array) -> Array:
    """Return the rotations that best take unit vectors to unit vectors, (T, 4)."""
    left, _, right = np.linalg.svd(np.einsum("tki,kj->tij", directions_TK3, rest_K3))
    proper = np.linalg.det(left @ right)
    left[..., -1] *= proper[:, None]
    return Rotation.from_matrix(left @ right).as_quat(scalar_first=True)


def _offsets(segments_TJ4: Array, directions_TB3: Array, lengths_B: Array, known_B: Array) -> Array:
    """Return the bones in SMPL's T-pose, (J, 3).

    A branch's bones lie as they do on the person, the others as on the mean body.
    """
    mean = mean_offsets()
    offsets = mean.copy()
    for joint in np.flatnonzero(known_B)[1:]:
        parent = PARENTS[joint]
        direction = mean[joint]
        if parent in BRANCHES:
            own = rotate(conjugate(segments_TJ4[:, parent]), directions_TB3[:, joint])
            direction = np.median(own, axis=0)
        offsets[joint] = lengths_B[joint] * direction / np.linalg.norm(direction)
    unknown = [j for j in range(1, JOINTS) if j >= BODY_JOINTS or not known_B[j]]
    offsets[unknown] = leg_length(offsets) / leg_length(mean) * mean[unknown]
    return offsets
