"""A motion as BVH, to open in Blender and elsewhere.

The 52 joints under their own names, the body's bones as OFFSETs in centimetres in the T-pose of
SMPL (facing +z, y up), 60 frames a second. Angles are degrees, intrinsic and in the order Z, X, Y;
only the root has a position.

Shape letters: T frames, J joints.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from cluster.runs import replace_when_whole
from datagen.motion import JOINT_NAMES, PARENTS, Array

CM = 100.0
ORDER = "ZXY"
ROTATION_CHANNELS = " ".join(f"{axis}rotation" for axis in ORDER)
POSITION_CHANNELS = "Xposition Yposition Zposition"
# What lies beyond the last joint of a chain is drawn as long as this share of the bone before it.
END_SHARE = 0.8


def write_bvh(
    path: Path, offsets_J3: Array, rotations_TJ3: Array, translation_T3: Array, rate: float
) -> None:
    """Write a motion as BVH, whole or not at all.

    Args:
        path: file to write.
        offsets_J3: rest offset of each joint from its parent, metres.
        rotations_TJ3: local axis-angle, radians.
        translation_T3: place of the pelvis, metres.
        rate: frames per second.
    """
    frames, joints = rotations_TJ3.shape[:2]
    turned = Rotation.from_rotvec(rotations_TJ3.reshape(-1, 3))
    angles_TJ3 = np.degrees(_steady(turned.as_euler(ORDER).reshape(frames, joints, 3)))
    listed = angles_TJ3[:, list(_from_root(0))].reshape(frames, -1)
    values = np.concatenate([CM * translation_T3, listed], axis=1)
    with replace_when_whole(path) as file:
        file.write("\n".join(["HIERARCHY", *_joint(0, offsets_J3, "")]))
        file.write(f"\nMOTION\nFrames: {frames}\nFrame Time: {1 / rate:.10f}\n")
        np.savetxt(file, values, fmt="%.5f")


def _steady(angles_TJ3: Array) -> Array:
    """Return the same rotations by angles that stay close from frame to frame, radians.

    A rotation has two triples of angles and each of these many whole turns; programs that draw
    curves between frames would whirl at a step from one to another.
    """
    steady = angles_TJ3.copy()
    for frame in range(1, len(steady)):
        first, second, third = np.moveaxis(angles_TJ3[frame], -1, 0)
        other = np.stack([first + np.pi, np.pi - second, third + np.pi], axis=-1)
        near = []
        for triple in (angles_TJ3[frame], other):
            turns = np.round((steady[frame - 1] - triple) / (2 * np.pi))
            near.append(triple + 2 * np.pi * turns)
        far = [np.sum((triple - steady[frame - 1]) ** 2, axis=-1) for triple in near]
        steady[frame] = np.where((far[0] <= far[1])[:, None], *near)
    return steady


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _from_root(joint: int) -> Iterator[int]:
    """Yield the joints in the order in which the hierarchy lists them."""
    yield joint
    for child in _children(joint):
        yield from _from_root(child)


def _joint(joint: int, offsets_J3: Array, indent: str) -> list[str]:
    """Return the lines of a joint and of all below it."""
    root, inner = joint == 0, indent + "  "
    channels = f"6 {POSITION_CHANNELS} {ROTATION_CHANNELS}" if root else f"3 {ROTATION_CHANNELS}"
    lines = [
        f"{indent}{'ROOT' if root else 'JOINT'} {JOINT_NAMES[joint]}",
        f"{indent}{{",
        f"{inner}OFFSET {_numbers(offsets_J3[joint])}",
        f"{inner}CHANNELS {channels}",
    ]
    children = _children(joint)
    for child in children:
        lines += _joint(child, offsets_J3, inner)
    if not children:
        end = _numbers(END_SHARE * offsets_J3[joint])
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {end}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(offset_3: Array) -> str:
    return " ".join(f"{CM * value:.6f}" for value in offset_3)
