"""Skeleton maps: which joint of a BVH carries which joint of SMPL-H, and how it rests.

A map is a YAML file; docs/bvh.md says how to write one.
"""

import difflib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cluster.config import load_config
from cluster.errors import UserError
from cluster.storage import local_path
from datagen.motion import BODY_JOINT_NAMES, JOINT_INDEX, JOINT_NAMES, Array, BadClipError

PRESETS = Path(__file__).resolve().parents[2] / "configs" / "datagen" / "skeletons"
RESTS = ("zero_pose", "first_frame")
# Without these there is no torso, arm or leg to turn; the rest may be missing from a map.
NEEDED = [
    "pelvis",
    "spine3",
    *(
        f"{side}_{joint}"
        for side in ("left", "right")
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    ),
]
DIRECTIONS = {
    "left": (1, 0, 0),
    "right": (-1, 0, 0),
    "up": (0, 1, 0),
    "down": (0, -1, 0),
    "forward": (0, 0, 1),
    "back": (0, 0, -1),
}


@dataclass
class SkeletonMap:
    """A skeleton map as it stands in YAML.

    Attributes:
        joints: the file's joint at whose place each SMPL-H joint stands; names without the
            prefix up to a colon, as in `mixamorig:Hips`.
        turns: the file's joint that turns the segment below a SMPL-H joint, where that is
            another one than in `joints`.
        unit: metres of one unit of the file's lengths.
        up, forward: axis of the file's world (`x`, `-x`, `y` ...) that points up, and that the
            figure faces in its rest pose.
        rest: the pose that stands for SMPL's T-pose up to the directions of the bones:
            `zero_pose`, all channels' rotations zero; or `first_frame`, which is then left out
            of the motion.
        axes: for joints whose zero pose is no pose of a person: where the joint's own x, y and
            z axes point when the person stands in a T-pose, as in `left up forward`.
    """

    joints: dict[str, str]
    turns: dict[str, str] = field(default_factory=dict)
    unit: float = 0.01
    up: str = "y"
    forward: str = "z"
    rest: str = "zero_pose"
    axes: dict[str, str] = field(default_factory=dict)

    def world(self) -> Array:
        """Return the rotation (3, 3) from the file's world to the project's."""
        up, forward = _axis(self.up), _axis(self.forward)
        return np.stack([np.cross(up, forward), up, forward])

    def rest_axes(self) -> dict[str, Array]:
        """Return, for each joint in `axes`, the rotation (3, 3) that it has in the T-pose."""
        return {name: _orientation(words) for name, words in self.axes.items()}

    def locate(self, names: tuple[str, ...]) -> tuple[dict[int, int], dict[int, int]]:
        """Return, by SMPL-H joint, the file's joints of `joints` and of `turns`.

        Fingers that the file lacks are left out. Raises BadClipError, naming the joints, where
        it lacks joints of the body.
        """
        index = {plain_name(name): joint for joint, name in enumerate(names)}
        wanted = {
            smpl: {self.joints[smpl], self.turns.get(smpl, self.joints[smpl])}
            for smpl in self.joints
        }
        present = [smpl for smpl in wanted if wanted[smpl] <= index.keys()]
        lacking = {
            name
            for smpl in BODY_JOINT_NAMES
            if smpl in wanted
            for name in wanted[smpl] - index.keys()
        }
        if lacking:
            known = set().union(*wanted.values())
            raise BadClipError(
                f"lacks the joints {_listed(lacking)} of the skeleton map; the map does not "
                f"know its joints {_listed(index.keys() - known) or '(none)'}"
            )
        at = {JOINT_INDEX[smpl]: index[self.joints[smpl]] for smpl in present}
        turns = {
            JOINT_INDEX[smpl]: index[self.turns.get(smpl, self.joints[smpl])] for smpl in present
        }
        return at, turns


def plain_name(name: str) -> str:
    """Return a joint's name without its namespace: `Hips` of `mixamorig:Hips`."""
    return name.rpartition(":")[2]


def presets() -> list[str]:
    """Return the names of the skeleton maps that come with the project."""
    return sorted(file.stem for file in PRESETS.glob("*.yaml"))


def load_skeleton_map(skeleton: str) -> SkeletonMap:
    """Load a map by the name of a preset or the path of a YAML file.

    Raises UserError, in one line, for a map that does not exist or makes no sense.
    """
    path = local_path(skeleton)
    if path.suffix not in (".yaml", ".yml"):
        path = PRESETS / f"{skeleton}.yaml"
        if not path.is_file():
            known = ", ".join(presets())
            raise UserError(
                f"skeleton: no preset {skeleton!r}; there are {known}; "
                "or give the path of a skeleton map (.yaml)"
            )
    skeleton_map = load_config(SkeletonMap, path, [])
    try:
        _check(skeleton_map)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return skeleton_map


def _check(skeleton_map: SkeletonMap) -> None:
    for key in ("joints", "turns"):
        for smpl in getattr(skeleton_map, key):
            if smpl not in JOINT_INDEX:
                near = difflib.get_close_matches(smpl, JOINT_NAMES, n=1, cutoff=0.0)[0]
                raise ValueError(f"{key}.{smpl} is no SMPL-H joint; the nearest is {near}")
    missing = [smpl for smpl in NEEDED if smpl not in skeleton_map.joints]
    if missing:
        raise ValueError(f"joints lacks {', '.join(missing)}")
    unmapped = [smpl for smpl in skeleton_map.turns if smpl not in skeleton_map.joints]
    if unmapped:
        raise ValueError(f"turns.{unmapped[0]} stands there without joints.{unmapped[0]}")
    if not skeleton_map.unit > 0:
        raise ValueError(f"unit is {skeleton_map.unit:g}; it must be above 0 metres")
    if skeleton_map.rest not in RESTS:
        raise ValueError(f"rest is {skeleton_map.rest!r}; it must be one of {', '.join(RESTS)}")
    if skeleton_map.rest != "zero_pose" and skeleton_map.axes:
        raise ValueError("axes describe a T-pose by themselves; they go with rest: zero_pose")
    if abs(_axis(skeleton_map.up) @ _axis(skeleton_map.forward)) > 0:
        raise ValueError(f"up {skeleton_map.up} and forward {skeleton_map.forward} are parallel")
    skeleton_map.rest_axes()


def _axis(name: str) -> Array:
    if name.lstrip("-") not in ("x", "y", "z") or len(name) > 2:
        raise ValueError(f"{name!r} is no axis; write x, y, z, -x, -y or -z")
    return np.eye(3)["xyz".index(name[-1])] * (-1.0 if name.startswith("-") else 1.0)


def _orientation(words: str) -> Array:
    unknown = [word for word in words.split() if word not in DIRECTIONS]
    if unknown or len(words.split()) != 3:
        raise ValueError(
            f"axes {words!r}: write where x, y and z point, out of {', '.join(DIRECTIONS)}"
        )
    rotation = np.array([DIRECTIONS[word] for word in words.split()], dtype=float).T
    if not np.isclose(np.linalg.det(rotation), 1.0):
        raise ValueError(f"axes {words!r} are not right-handed, at right angles to each other")
    return rotation


def _listed(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")
