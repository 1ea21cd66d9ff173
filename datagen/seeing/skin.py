"""The jointed wooden figure of `mannequin-x`, worn by a body of ours.

Its mesh is bound to the mean body. For another one, each joint's part is first stretched so that
its bones become that body's bones, and then carried along by the joint (linear blend skinning).

Shape letters: J joints (the 52 of SMPL-H), V vertices, F faces, K joints that hold a vertex.
"""

from dataclasses import dataclass
from importlib.resources import as_file, files

import mannequin
import numpy as np
from numpy.typing import NDArray

from datagen.body import SHAPES, Bodies
from datagen.body import Mannequin as MannequinBody
from datagen.motion import JOINT_INDEX, PARENTS, Array

# Bones decide how a part is stretched; across them it grows as the whole body does.
WEIGHT_ACROSS = 1e-3


@dataclass(frozen=True)
class Skin:
    """The figure of one body.

    Attributes:
        vertices_VK3: each vertex from each joint that holds it, in the rest pose, metres.
        joints_VK: these joints.
        weights_VK: how firmly they hold it; a row sums to one.
        faces_F3: vertices of each triangle, counter-clockwise from outside.
        is_ball_V: whether the vertex belongs to a ball of a joint and not to a limb.
    """

    vertices_VK3: NDArray[np.float32]
    joints_VK: NDArray[np.int64]
    weights_VK: NDArray[np.float32]
    faces_F3: NDArray[np.int64]
    is_ball_V: NDArray[np.bool_]

    def posed(self, rotations_J33: Array, positions_J3: Array) -> NDArray[np.float32]:
        """Return the vertices in the world, (V, 3) in metres.

        Args:
            rotations_J33: world rotation of each joint.
            positions_J3: world position of each joint, metres.
        """
        turned_VK33 = rotations_J33.astype(np.float32)[self.joints_VK]
        moved_VK3 = (turned_VK33 @ self.vertices_VK3[..., None])[..., 0]
        moved_VK3 += positions_J3.astype(np.float32)[self.joints_VK]
        return np.einsum("vk,vkc->vc", self.weights_VK, moved_VK3)


def skin_of(bodies: Bodies) -> Skin:
    """Return the figure of the first of `bodies`."""
    figure = mannequin.Mannequin("wooden", flat_hand_mean=True)
    rest_V3 = figure.vertices(figure.rest_pose())
    mean = MannequinBody().bodies(np.zeros((1, SHAPES)))
    stretch_J33 = _stretch(mean.offsets_NJ3[0], bodies.offsets_NJ3[0])
    joints_VK, weights_VK, is_ball_V = _binding(figure.joint_names)
    from_joint_VK3 = rest_V3[:, None] - mean.joints_NJ3[0][joints_VK]
    stretched_VK3 = (stretch_J33[joints_VK] @ from_joint_VK3[..., None])[..., 0]
    return Skin(stretched_VK3.astype(np.float32), joints_VK, weights_VK, figure.faces, is_ball_V)


def _stretch(from_J3: Array, to_J3: Array) -> Array:
    """Return what turns the bones that start at each joint into another body's, (J, 3, 3).

    Of all maps that do so it is the one nearest to a scaling of the whole body.
    """
    scale = np.linalg.norm(to_J3, axis=1).sum() / np.linalg.norm(from_J3, axis=1).sum()
    stretch_J33 = np.empty((len(from_J3), 3, 3))
    for joint, parent in enumerate(PARENTS):
        children = [child for child, own in enumerate(PARENTS) if own == joint]
        if not children:  # the end of a chain is stretched as the bone before it
            stretch_J33[joint] = stretch_J33[parent]
            continue
        bones_C3, wanted_C3 = from_J3[children], to_J3[children]
        size = WEIGHT_ACROSS * np.sum(bones_C3**2)
        square = bones_C3.T @ bones_C3 + size * np.eye(3)
        missing_C3 = wanted_C3 - scale * bones_C3
        stretch_J33[joint] = scale * np.eye(3) + np.linalg.solve(square, bones_C3.T @ missing_C3).T
    return stretch_J33


def _binding(
    names: tuple[str, ...],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """Return which joints hold each vertex and how firmly, and which vertices are balls."""
    asset = files("mannequin") / "assets" / "wooden.npz"
    with as_file(asset) as path, np.load(path, allow_pickle=False) as data:
        joints_VK, weights_VK = data["skin_joint_indices"], data["skin_weights"]
        rigid_V = data["skin_rigid_joint_indices"]
        own_names = data["joint_names"].tolist()
        is_ball_V = np.zeros(len(rigid_V), dtype=bool)
        parts = zip(
            data["skin_part_names"],
            data["skin_part_vertex_starts"],
            data["skin_part_vertex_counts"],
            strict=True,
        )
        for name, start, count in parts:
            is_ball_V[start : start + count] = name.startswith("joint")
    joints_VK, weights_VK = joints_VK.astype(np.int64), weights_VK.copy()
    held = rigid_V >= 0
    joints_VK[held] = rigid_V[held, None]
    weights_VK[held] = np.eye(1, weights_VK.shape[1])
    strongest = np.argsort(weights_VK, axis=1)[:, -4:]
    joints_VK = np.take_along_axis(joints_VK, strongest, axis=1)
    weights_VK = np.take_along_axis(weights_VK, strongest, axis=1)
    ours = np.array([_ours(names[index]) for index in range(len(own_names))])
    return ours[joints_VK], weights_VK / weights_VK.sum(axis=1, keepdims=True), is_ball_V


def _ours(name: str) -> int:
    """Return the index of the joint that the figure calls `name`, such as `L_Index1`."""
    sides = {"L": "left", "R": "right"}
    side, _, part = name.partition("_")
    plain = f"{sides[side]}_{part}" if part else side
    # Its hands have a root of their own, which lies in the wrist.
    return JOINT_INDEX[plain.lower().replace("_hand", "_wrist")]
