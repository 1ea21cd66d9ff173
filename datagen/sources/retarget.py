"""Retargeting: the turns of a BVH's joints become those of the SMPL-H skeleton.

Let G(t) be the world rotation of the file's joint, G0 its world rotation in the rest pose, and D
the shortest rotation that takes the segment's direction in that rest pose to the direction it has
in SMPL's T-pose. The SMPL-H segment then turns by R(t) = G(t) (D G0)^T: it points where the
file's segment points, keeps that segment's roll, and has its angular velocity.

Shape letters: T frames, J joints (52 of SMPL-H, or those of the file).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from datagen.body import Mannequin, leg_length
from datagen.kinematics import axis_angles, conjugate, matrices, multiply
from datagen.motion import JOINT_INDEX, JOINTS, PARENTS, Array, BadClipError
from datagen.sources.bvh_file import Bvh, chain
from datagen.sources.skeleton_map import SkeletonMap, plain_name

SHORTEST_LEG, LONGEST_LEG = 0.2, 1.6
ZERO_LENGTH = 1e-3
SPINE = [JOINT_INDEX[name] for name in "pelvis spine1 spine2 spine3 neck head".split()]
WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
# The joint that each segment points to; torso and pelvis are aligned as they rest, not by this.
TIPS = {
    child: tip
    for tip, child in enumerate(PARENTS)
    if tip not in SPINE and child not in SPINE and child not in WRISTS
}
TIPS |= {wrist: PARENTS.index(wrist) + 3 for wrist in WRISTS}  # the middle finger


@dataclass(frozen=True)
class Retargeted:
    """A BVH's motion on the SMPL-H skeleton.

    Attributes:
        rotations_TJ3, translation_T3: as in Motion, at the file's own rate.
        offsets_J3: the file's bones as offsets in SMPL's T-pose, metres; bones that it does not
            have are those of the mean body, scaled.
        places: the file's joint at whose place each SMPL-H joint stands, where there is one.
        turns: the file's joint with which each SMPL-H segment turns, where there is one.
        positions_TJ3: positions of the file's joints in the project's world, metres.
    """

    rotations_TJ3: Array
    translation_T3: Array
    offsets_J3: Array
    places: dict[int, int]
    turns: dict[int, int]
    positions_TJ3: Array


def retarget(bvh: Bvh, skeleton: SkeletonMap) -> Retargeted:
    """Put a BVH's motion onto the SMPL-H skeleton.

    Raises BadClipError where the file lacks joints of the map or its lengths are no person's.
    """
    places, turns = skeleton.locate(bvh.names)
    positions, world = _into_project(*bvh.world_pose(), skeleton)
    rest_positions, rest_world = _rest_pose(bvh, skeleton, positions, world)
    if skeleton.rest == "first_frame":
        positions, world = positions[1:], world[1:]
        if not len(world):
            raise BadClipError("has no frame after the rest pose in its first")
    alignment_J4 = _alignments(places, rest_positions)
    offsets = _offsets(places, rest_positions, alignment_J4)
    if not SHORTEST_LEG <= leg_length(offsets) <= LONGEST_LEG:
        raise BadClipError(
            f"has legs {leg_length(offsets):.3g} m long; is the map's unit of "
            f"{skeleton.unit:g} m right?"
        )
    segments = _segment_rotations(turns, world, rest_world, alignment_J4)
    return Retargeted(
        local_axis_angles(segments),
        positions[:, places[0]],
        offsets,
        places,
        turns,
        positions,
    )


@cache
def mean_offsets() -> Array:
    """Return the T-pose of the mean body: offset of each joint from its parent, (J, 3)."""
    return Mannequin().bodies(np.zeros((1, 10))).offsets_NJ3[0]


def _into_project(
    positions_TJ3: Array, world_TJ4: Array, skeleton: SkeletonMap
) -> tuple[Array, Array]:
    to_project = skeleton.world()
    turn = Rotation.from_matrix(to_project).as_quat(scalar_first=True)
    return skeleton.unit * positions_TJ3 @ to_project.T, multiply(turn, world_TJ4)


def _rest_pose(
    bvh: Bvh, skeleton: SkeletonMap, positions_TJ3: Array, world_TJ4: Array
) -> tuple[Array, Array]:
    """Return positions (J, 3) and world quaternions (J, 4) of the file's joints at rest."""
    if skeleton.rest == "first_frame":
        return positions_TJ3[0], world_TJ4[0]
    # Where positions are channels, they are the bones and OFFSET is but one frame of them.
    bones = bvh.local_translations().mean(axis=0)
    axes = {
        name: Rotation.from_matrix(skeleton.world().T @ matrix).as_quat(scalar_first=True)
        for name, matrix in skeleton.rest_axes().items()
    }
    world: list[Array] = []
    local = np.zeros((len(bvh.names), 4))
    for joint, (name, parent) in enumerate(zip(bvh.names, bvh.parents, strict=True)):
        above = world[parent] if parent >= 0 else np.array([1.0, 0.0, 0.0, 0.0])
        world.append(axes.get(plain_name(name), above))
        local[joint] = multiply(conjugate(above), world[joint])
    rest = chain(bvh.parents, bones[None], local[None])
    positions, rotations = _into_project(*rest, skeleton)
    return positions[0], rotations[0]


def _alignments(places: dict[int, int], rest_J3: Array) -> Array:
    """Return the rotation of each segment from the file's rest pose to SMPL's T-pose, (J, 4).

    A segment without a direction of its own goes along with its parent.
    """
    alignment = np.zeros((JOINTS, 4))
    alignment[0, 0] = 1.0
    for joint in range(1, JOINTS):
        alignment[joint] = alignment[PARENTS[joint]]
        tip = TIPS.get(joint)
        if tip in places and joint in places:
            bone = rest_J3[places[tip]] - rest_J3[places[joint]]
            if np.linalg.norm(bone) > ZERO_LENGTH:
                alignment[joint] = _shortest_rotation(bone, mean_offsets()[tip])
    return alignment


def _shortest_rotation(start: Array, end: Array) -> Array:
    """Return the quaternion of the smallest rotation that takes one direction to the other."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    quaternion = np.r_[1.0 + a @ b, np.cross(a, b)]
    if quaternion[0] < 1e-9:  # opposite: half a turn about any axis across
        across = np.cross(a, np.eye(3)[np.argmin(np.abs(a))])
        quaternion = np.r_[0.0, across]
    return quaternion / np.linalg.norm(quaternion)


def _offsets(places: dict[int, int], rest_J3: Array, alignment_J4: Array) -> Array:
    """Return the file's bones as offsets in SMPL's T-pose, (J, 3).

    A bone of the file that spans several of SMPL's is split in the mean body's proportions.
    """
    mean, aligned = mean_offsets(), matrices(alignment_J4)
    offsets = np.full((JOINTS, 3), np.nan)
    offsets[0] = 0.0
    for joint in places:
        span = [joint]
        while PARENTS[span[0]] not in places and PARENTS[span[0]] >= 0:
            span.insert(0, PARENTS[span[0]])
        above = PARENTS[span[0]]
        if above < 0:
            continue
        bone = aligned[above] @ (rest_J3[places[joint]] - rest_J3[places[above]])
        lengths = np.linalg.norm(mean[span], axis=1)
        offsets[span] = lengths[:, None] / lengths.sum() * bone
    scale = leg_length(offsets) / leg_length(mean)
    return np.where(np.isnan(offsets), scale * mean, offsets)


def _segment_rotations(
    turns: dict[int, int], world_TJ4: Array, rest_J4: Array, alignment_J4: Array
) -> Array:
    """Return the world rotation of every SMPL-H segment as quaternions, (T, J, 4)."""
    segments = np.empty((len(world_TJ4), JOINTS, 4))
    for joint in range(JOINTS):
        if joint in turns:
            in_t_pose = multiply(alignment_J4[joint], rest_J4[turns[joint]])
            segments[:, joint] = multiply(world_TJ4[:, turns[joint]], conjugate(in_t_pose))
        elif joint not in SPINE:
            segments[:, joint] = segments[:, PARENTS[joint]]
    _share_bend_of_spine(segments, turns)
    return segments


def _share_bend_of_spine(segments_TJ4: Array, turns: dict[int, int]) -> None:
    """Give each unmapped joint of the spine its equal share of the bend around it, in place."""
    mapped = [place for place, joint in enumerate(SPINE) if joint in turns]
    for below, above in zip(mapped, [*mapped[1:], len(SPINE)], strict=True):
        start = segments_TJ4[:, SPINE[below]]
        for place in range(below + 1, above):
            share = (place - below) / (above - below) if above < len(SPINE) else 0.0
            end = segments_TJ4[:, SPINE[min(above, len(SPINE) - 1)]]
            bend = axis_angles(multiply(conjugate(start), end)) if share else np.zeros(3)
            part = Rotation.from_rotvec(share * bend).as_quat(scalar_first=True)
            segments_TJ4[:, SPINE[place]] = multiply(start, part)


def local_axis_angles(segments_TJ4: Array) -> Array:
    """Turn world rotations (T, J, 4) into axis-angles relative to each joint's parent."""
    parents = segments_TJ4[:, PARENTS]
    local = multiply(conjugate(parents), segments_TJ4)
    local[:, 0] = segments_TJ4[:, 0]
    return axis_angles(local)
