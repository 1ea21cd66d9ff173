"""Where sensors sit on a body, and how differently people wear them.

Shape letters: N bodies, W sensors.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.body import Bodies
from datagen.motion import JOINT_INDEX, PARENTS, Array

SIDES = ("left", "right")


@dataclass
class Placement:
    """Where a sensor sits on a body.

    Attributes:
        preset: name of a placement in PRESETS, instead of all that follows; or "".
        segment: the joint whose segment carries the sensor.
        towards: the joint along whose bone it is shifted, or "" for none.
        share: how far along that bone, 0 to 1.
        lever_arm: further shift in the rest pose, metres, world axes.
        axes: the sensor's x, y and z axis in the rest pose, as rows, world axes.

    Raises UserError for a joint that is not there, a share or lever arm that cannot be, axes that
    are not those of a sensor, and for a preset beside values of one's own.
    """

    preset: str = ""
    segment: str = "pelvis"
    towards: str = ""
    share: float = 0.0
    lever_arm: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    axes: list[list[float]] = field(
        default_factory=lambda: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    )

    def __post_init__(self) -> None:
        if self.preset:
            self._become(self.preset)
        for joint in filter(None, (self.segment, self.towards)):
            if joint not in JOINT_INDEX:
                known = ", ".join(JOINT_INDEX)
                raise UserError(f"placement: {joint}: no such joint; there are {known}")
        if self.towards and PARENTS[JOINT_INDEX[self.towards]] != JOINT_INDEX[self.segment]:
            raise UserError(f"placement: {self.segment} has no bone towards {self.towards}")
        if not 0 <= self.share <= 1:
            raise UserError(f"placement: share={self.share:g}: give a value from 0 to 1")
        if len(self.lever_arm) != 3 or not np.isfinite(self.lever_arm).all():
            raise UserError("placement: lever_arm has three values: metres along x, y and z")
        if [len(row) for row in self.axes] != [3, 3, 3] or not _is_rotation(self.axes):
            raise UserError("placement: axes are three right-handed unit vectors, one in each row")

    def _become(self, preset: str) -> None:
        if preset not in PRESETS:
            known = ", ".join(PRESETS)
            raise UserError(f"placement: preset={preset}: no such placement; there are {known}")
        chosen = replace(PRESETS[preset], preset="")
        # A watch is what the configuration holds before anybody says anything.
        untouched = (Placement(), watch("left"), watch("right"), chosen)
        if astuple(self)[1:] not in [astuple(placement)[1:] for placement in untouched]:
            raise UserError(f"placement: give preset={preset} or values of your own, not both")
        self.segment, self.towards, self.share = chosen.segment, chosen.towards, chosen.share
        self.lever_arm, self.axes = list(chosen.lever_arm), [list(row) for row in chosen.axes]


def watch(side: str) -> Placement:
    """Return a watch on the back of the forearm, near the wrist.

    Its screen's axes in the rest pose, palms down: x to the wearer's left (towards the left hand,
    away from the right one), y to the little finger, z out of the back of the forearm.
    """
    return Placement(
        segment=f"{side}_elbow",
        towards=f"{side}_wrist",
        share=0.9,
        lever_arm=[0.0, 0.03, 0.0],
        axes=[[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
    )


def upper_arm(side: str) -> Placement:
    """Return an armband on the outer side of the upper arm, half-way down; axes as a watch's."""
    return replace(
        watch(side),
        segment=f"{side}_shoulder",
        towards=f"{side}_elbow",
        share=0.5,
        lever_arm=[0.0, 0.045, 0.0],
    )


def chest() -> Placement:
    """Return a strap over the breastbone: x to the wearer's left, y up, z forward."""
    return Placement(segment="spine3", towards="neck", share=0.3, lever_arm=[0.0, 0.0, 0.12])


def hip_pocket(side: str) -> Placement:
    """Return a front trouser pocket, on the thigh: x to the wearer's left, y up, z forward."""
    outwards = 0.04 if side == "left" else -0.04
    return Placement(
        segment=f"{side}_hip", towards=f"{side}_knee", share=0.25, lever_arm=[outwards, 0.0, 0.08]
    )


def ankle(side: str) -> Placement:
    """Return a strap above the outer ankle: y up the shank, z out of the leg."""
    outwards = 1.0 if side == "left" else -1.0
    return Placement(
        segment=f"{side}_knee",
        towards=f"{side}_ankle",
        share=0.9,
        lever_arm=[0.045 * outwards, 0.0, 0.0],
        axes=[[0.0, 0.0, -outwards], [0.0, 1.0, 0.0], [outwards, 0.0, 0.0]],
    )


def _is_rotation(axes: list[list[float]]) -> bool:
    rows = np.array(axes, dtype=np.float64)
    return bool(np.allclose(rows @ rows.T, np.eye(3), atol=1e-4) and np.linalg.det(rows) > 0)


PRESETS = {
    "chest": chest(),
    **{
        f"{side}_{make.__name__}": make(side)
        for side in SIDES
        for make in (watch, upper_arm, hip_pocket, ankle)
    },
}


@dataclass
class MountingConfig:
    """How much the wearing of a sensor differs from person to person; nothing by default.

    Attributes:
        roll: standard deviation of the strap's rotation about the bone, degrees.
        shift: standard deviation of its shift along the bone, metres.
    """

    roll: float = 0.0
    shift: float = 0.0

    @property
    def differs(self) -> bool:
        """Whether people wear it differently at all."""
        return self.roll > 0 or self.shift > 0


@dataclass(frozen=True)
class Mounting:
    """How each body wears each sensor.

    Attributes:
        lever_NW3: the sensor's place in the rest pose, from its segment's joint, metres.
        turn_NW33: turns readings in the placement's axes into readings in the sensor's own;
            None where everybody wears it as the placement says.
    """

    lever_NW3: Array
    turn_NW33: Array | None = None


def as_placed(placements: Sequence[Placement], bodies: Bodies) -> Mounting:
    """Return sensors that every body wears exactly as their placements say."""
    count = len(bodies.joints_NJ3)
    levers = []
    for placement in placements:
        lever = np.tile(np.array(placement.lever_arm), (count, 1))
        if placement.towards:
            lever += placement.share * bodies.offsets_NJ3[:, JOINT_INDEX[placement.towards]]
        levers.append(lever)
    return Mounting(np.stack(levers, axis=1))


def as_worn(
    placements: Sequence[Placement],
    bodies: Bodies,
    config: MountingConfig,
    rng: np.random.Generator,
) -> Mounting:
    """Return sensors that each body wears a little differently.

    A strap turns about the bone and slides along it; the sensor goes with it.

    Every placement needs a bone to turn about.
    """
    nominal = as_placed(placements, bodies)
    if not config.differs:
        return nominal
    count = len(bodies.joints_NJ3)
    roll_NW = np.radians(config.roll) * rng.standard_normal((count, len(placements)))
    shift_NW = config.shift * rng.standard_normal((count, len(placements)))
    lever_NW3 = nominal.lever_NW3.copy()
    turn_NW33 = np.empty((count, len(placements), 3, 3))
    for sensor, placement in enumerate(placements):
        bone_N3 = bodies.offsets_NJ3[:, JOINT_INDEX[placement.towards]]
        axis_N3 = bone_N3 / np.linalg.norm(bone_N3, axis=1, keepdims=True)
        rolled = Rotation.from_rotvec(roll_NW[:, sensor, None] * axis_N3)
        lever_NW3[:, sensor] = rolled.apply(lever_NW3[:, sensor])
        lever_NW3[:, sensor] += shift_NW[:, sensor, None] * axis_N3
        # The axes' rows A become A Q^T, and a reading A v becomes A Q^T v = (A Q^T A^T) A v.
        axes = np.array(placement.axes)
        turn_NW33[:, sensor] = axes @ rolled.inv().as_matrix() @ axes.T
    return Mounting(lever_NW3, turn_NW33)


def turned(signal_NTW3: NDArray[np.floating], mounting: Mounting) -> NDArray[np.floating]:
    """Return (N, T, W, 3) as the worn sensors read it; N may be one for all bodies at first."""
    if mounting.turn_NW33 is None:
        return signal_NTW3
    turn_NW33 = mounting.turn_NW33.astype(signal_NTW3.dtype)
    # One small product for each sensor, over frames side by side.
    return (signal_NTW3.swapaxes(1, 2) @ turn_NW33.swapaxes(2, 3)).swapaxes(1, 2)
