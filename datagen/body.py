"""Bodies: rest joints as a function of ten shape values, and people drawn from them.

Shape letters: N bodies, J joints (the 52 of SMPL-H), V vertices.
"""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from datagen.kinematics import offsets_from_rest
from datagen.motion import JOINT_INDEX, Array

SHAPES = 10
REFERENCE_STATURE = 1.70
BUILT_IN = "mannequin"
# The 52 joints of SMPL-H among the mannequin's; it has two hand roots besides.
JOINTS_OF_MANNEQUIN = np.r_[0:22, 24:54]


@dataclass
class BodyConfig:
    """How people are made.

    Attributes:
        model: `mannequin` (built in), or the path of an SMPL-H or SMPL-X file (.npz).
        spread: standard deviation of the drawn shape values; 1 is the population the model
            was made from.
        shortest, tallest: statures in metres outside of which a drawn body is drawn again.
    """

    model: str = BUILT_IN
    spread: float = 1.0
    shortest: float = 1.45
    tallest: float = 2.00


@dataclass(frozen=True)
class Bodies:
    """N bodies in the rest pose.

    Attributes:
        joints_NJ3: rest joint positions, metres.
        sole_N: height of the soles in the same coordinates, metres.
        stature_N: standing height, metres.
        shape_N10: the shape values that made them.
        kind: which model made them.
    """

    joints_NJ3: Array
    sole_N: Array
    stature_N: Array
    shape_N10: Array
    kind: str

    @property
    def offsets_NJ3(self) -> Array:
        """Rest offset of each joint from its parent, metres."""
        return offsets_from_rest(self.joints_NJ3)

    @property
    def leg_length_N(self) -> Array:
        """Thigh and shank together, mean of both sides, metres."""
        return leg_length(self.offsets_NJ3)


def leg_length(offsets_J3: Array) -> Array:
    """Return thigh plus shank in metres, mean of both sides, from joint offsets (..., J, 3)."""
    bones = [JOINT_INDEX[f"{side}_{j}"] for side in ("left", "right") for j in ("knee", "ankle")]
    return np.linalg.norm(offsets_J3[..., bones, :], axis=-1).sum(-1) / 2


class BodyModel(Protocol):
    """Turns shape values into bodies."""

    kind: str

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

    return SmplFile(Path(config.model))


def reference_shape(model: BodyModel, stature: float = REFERENCE_STATURE) -> Array:
    """Return the shape nearest to the mean person that stands `stature` metres tall, (10,)."""
    shape = np.zeros(SHAPES)
    step = 1e-3
    for _ in range(8):
        probes = model.bodies(shape + np.vstack([np.zeros(SHAPES), step * np.eye(SHAPES)]))
        slope = (probes.stature_N[1:] - probes.stature_N[0]) / step
        shape = shape + slope * (stature - probes.stature_N[0]) / (slope @ slope)
    return shape


def reference_body(model: BodyModel) -> Bodies:
    """Return the one body of 1.70 m to which motion is normalised."""
    return model.bodies(reference_shape(model)[None])


def draw_bodies(
    model: BodyModel, config: BodyConfig, count: int, rng: np.random.Generator
) -> Bodies:
    """Return `count` bodies: the 1.70 m one first, then people drawn from the population.

    Raises UserError when hardly any drawn body has a stature in the allowed range.
    """
    drawn: list[NDArray[np.float64]] = [reference_shape(model)]
    for _ in range(100):
        shapes = rng.normal(scale=config.spread, size=(count, SHAPES))
        stature = model.bodies(shapes).stature_N
        drawn.extend(shapes[(stature >= config.shortest) & (stature <= config.tallest)])
        if len(drawn) >= count:
            return model.bodies(np.array(drawn[:count]))
    raise UserError(
        f"body: hardly any drawn stature lies in {config.shortest:g} to {config.tallest:g} m"
    )
