"""Bodies: rest joints as a function of ten shape values, and the bodies of people.

A person's stature chooses the shape values; arms, legs, torso and shoulders then scale the bones
that the person has longer or shorter than others of that stature.

Shape letters: N bodies, J joints (the 52 of SMPL-H), V vertices, S shape values.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.resources import as_file, files
from typing import Protocol

import numpy as np

from cluster.storage import location
from datagen.kinematics import offsets_from_rest
from datagen.motion import HAND_JOINT_NAMES, JOINT_INDEX, PARENTS, Array
from datagen.population import (
    REFERENCE_STATURE,
    People,
    PopulationConfig,
    draw_people,
    reference_person,
)

SHAPES = 10
BUILT_IN = "mannequin"
# The 52 joints of SMPL-H among the mannequin's; it has two hand roots besides.
JOINTS_OF_MANNEQUIN = np.r_[0:22, 24:54]


def _both(*parts: str) -> list[int]:
    return [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in parts]


# Joints at the far ends of the bones that scale together.
ARMS = [*_both("elbow", "wrist"), *(JOINT_INDEX[name] for name in HAND_JOINT_NAMES)]
LEGS = _both("knee", "ankle")
TORSO = [JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck")]
SHOULDERS = _both("collar", "shoulder")


@dataclass
class BodyConfig:
    """How people are made.

    Attributes:
        model: `mannequin` (built in), or the path of an SMPL, SMPL-H or SMPL-X file (.npz, .pkl).
        population: which people are drawn.
    """

    model: str = BUILT_IN
    population: PopulationConfig = field(default_factory=PopulationConfig)


@dataclass(frozen=True)
class Bodies:
    """N bodies in the rest pose.

    Attributes:
        joints_NJ3: rest joint positions, metres.
        sole_N: height of the soles in the same coordinates, metres.
        stature_N: standing height, metres.
        shape_N10: the shape values that made them.
        kind: which model made them.
        people: whose bodies they are, where they are somebody's.
    """

    joints_NJ3: Array
    sole_N: Array
    stature_N: Array
    shape_N10: Array
    kind: str
    people: People | None = None

    @cached_property
    def offsets_NJ3(self) -> Array:
        """Rest offset of each joint from its parent, metres."""
        return offsets_from_rest(self.joints_NJ3)

    @cached_property
    def leg_length_N(self) -> Array:
        """Thigh and shank together, mean of both sides, metres."""
        return leg_length(self.offsets_NJ3)


def leg_length(offsets_J3: Array) -> Array:
    """Return thigh plus shank in metres, mean of both sides, from joint offsets (..., J, 3)."""
    return np.linalg.norm(offsets_J3[..., LEGS, :], axis=-1).sum(-1) / 2


class BodyModel(Protocol):
    """Turns shape values into bodies."""

    kind: str

    def __hash__(self) -> int:
        """Return a hash, so that what was found out of a model can be kept."""

    def bodies(self, shape_N10: Array) -> Bodies:
        """Return one body for each row of shape values."""


class Mannequin:
    """The body that comes with the package `mannequin-x`, in SMPL-X proportions."""

    kind = BUILT_IN

    def __init__(self) -> None:
        asset = files("mannequin") / "assets" / "smplx_calibration.npz"
        with as_file(asset) as path, np.load(path, allow_pickle=False) as stored:
            data = {name: stored[name].astype(np.float64) for name in stored.files}
        self._joints_J3 = data["joint_rest"][JOINTS_OF_MANNEQUIN]
        self._joint_dirs_J3S = data["joint_dirs"][JOINTS_OF_MANNEQUIN]
        self._soles_V, self._sole_dirs_VS = data["sole_y_rest"], data["sole_y_dirs"]
        self._head, self._head_dirs_S = data["head_max_rest"][1], data["head_max_dirs"][1]

    def bodies(self, shape_N10: Array) -> Bodies:
        """Return one body for each row of shape values."""
        joints = self._joints_J3 + np.einsum("jcs,ns->njc", self._joint_dirs_J3S, shape_N10)
        sole = (self._soles_V + shape_N10 @ self._sole_dirs_VS.T).min(axis=1)
        stature = self._head + shape_N10 @ self._head_dirs_S - sole
        return Bodies(joints, sole, stature, shape_N10, self.kind)


def load_body_model(config: BodyConfig) -> BodyModel:
    """Return the built-in body model or the one in the file that the config names."""
    if config.model == BUILT_IN:
        return Mannequin()
    # Imported here because it brings torch: seconds and memory that most workers do without.
    from datagen.smpl_file import SmplFile

    return SmplFile(location(config.model))


def reference_body(model: BodyModel) -> Bodies:
    """Return the one body of 1.70 m to which motion is normalised."""
    return embody(model, reference_person())


def draw_bodies(
    model: BodyModel, config: BodyConfig, count: int, rng: np.random.Generator
) -> Bodies:
    """Return `count` bodies: the 1.70 m one first, then those of people drawn.

    Raises UserError for a range in which hardly anybody lies.
    """
    return embody(model, draw_people(config.population, count, rng))


def embody(model: BodyModel, people: People) -> Bodies:
    """Return the bodies of people: of their stature exactly, and of their proportions."""
    shape_S, per_metre_S = _stature_path(model)
    taller_N = people.stature_N - REFERENCE_STATURE
    usual = model.bodies(shape_S + taller_N[:, None] * per_metre_S)
    offsets_NJ3 = usual.offsets_NJ3.copy()
    offsets_NJ3[:, ARMS] *= people.arms_N[:, None, None]
    offsets_NJ3[:, LEGS] *= people.legs_N[:, None, None]
    offsets_NJ3[:, TORSO] *= people.torso_N[:, None, None]
    offsets_NJ3[:, SHOULDERS, 0] *= people.shoulders_N[:, None]
    joints_NJ3 = usual.joints_NJ3.copy()
    for joint in range(1, len(PARENTS)):
        joints_NJ3[:, joint] = joints_NJ3[:, PARENTS[joint]] + offsets_NJ3[:, joint]
    # The head goes up with the neck, the soles down with the ankles.
    moved_NJ = (joints_NJ3 - usual.joints_NJ3)[..., 1]
    sole_N = usual.sole_N + moved_NJ[:, _both("ankle")].mean(axis=1)
    top_N = usual.sole_N + usual.stature_N + moved_NJ[:, JOINT_INDEX["neck"]]
    scale_N = people.stature_N / (top_N - sole_N)
    return replace(
        usual,
        joints_NJ3=joints_NJ3 * scale_N[:, None, None],
        sole_N=sole_N * scale_N,
        stature_N=people.stature_N,
        people=people,
    )


@lru_cache(maxsize=4)
def _stature_path(model: BodyModel) -> tuple[Array, Array]:
    """Return the shape nearest to the mean that is 1.70 m tall, and its change with each metre."""
    shape_S = np.zeros(SHAPES)
    step = 1e-3
    for _ in range(8):
        probes = model.bodies(shape_S + np.vstack([np.zeros(SHAPES), step * np.eye(SHAPES)]))
        slope_S = (probes.stature_N[1:] - probes.stature_N[0]) / step
        per_metre_S = slope_S / (slope_S @ slope_S)
        shape_S = shape_S + per_metre_S * (REFERENCE_STATURE - probes.stature_N[0])
    return shape_S, per_metre_S
