"""Synthetic IMU signals of many bodies in closed form.

A pose fixes every rotation, a body only the lengths of the bones. So for body b

    p(t; b) = s(b) r(t) + sum_k R_k(t) o_k(b)  =  P(t) c(b)
    a(t; b) = R(t)^T [ P''(t) c(b) - g ]

with r the pelvis, R_k the world rotation of the k-th joint on the chain to the sensor, o_k the
bone or lever arm that it carries, s the scale of the steps and R the orientation of the sensor
(specific force: Ray et al. 2025, section 4.1). P depends on the motion alone and c on the body
alone. Bodies that differ by ten shape values span few dimensions, so a handful of basis bodies,
c(b) = sum_d u_d(b) v_d, is differentiated and turned into the sensor's frame, and the
accelerometers of all bodies are one matrix product with u. The gyroscope does not depend on the
body.

Shape letters: S source frames, T frames at 60 Hz, N bodies, W sensors, J joints, K rows of c,
D basis bodies.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datagen.body import Bodies
from datagen.kinematics import conjugate, continuous, matrices, multiply, quaternions
from datagen.motion import JOINT_INDEX, PARENTS, Array, BadClipError, Motion
from datagen.placement import Mounting, MountingConfig, Placement, as_placed, watch
from datagen.sensor import SensorConfig
from datagen.smoothing import Smoother

GRAVITY = np.array([0.0, -9.81, 0.0])
RATE = 60.0
# Smoothing shortens a quaternion where the orientation jumps: by cos(angle / 4) at a step.
SHORTEST_QUATERNION = 0.85
NEGLIGIBLE = 1e-13


@dataclass
class ImuConfig:
    """How motion becomes IMU signals.

    Attributes:
        cutoff: bandwidth of the differentiation, Hz (amplitude one half; see datagen.smoothing).
        left, right: placements of the two sensors.
        mounting: how much their wearing differs from person to person.
        sensor: the errors of the parts, behind the ideal signal.
    """

    cutoff: float = 12.0
    left: Placement = field(default_factory=lambda: watch("left"))
    right: Placement = field(default_factory=lambda: watch("right"))
    mounting: MountingConfig = field(default_factory=MountingConfig)
    sensor: SensorConfig = field(default_factory=SensorConfig)

    @property
    def placements(self) -> tuple[Placement, Placement]:
        """Left before right."""
        return self.left, self.right


@dataclass(frozen=True)
class Imu:
    """Ideal IMU signals at 60 Hz in each sensor's own frame.

    Attributes:
        acc_NTW3: specific force, m/s2; a resting sensor reads 9.81 upwards.
        gyro_1TW3: angular velocity, rad/s; the same for every body.
    """

    acc_NTW3: NDArray[np.floating]
    gyro_1TW3: NDArray[np.floating]


def synthesize(
    motion: Motion,
    bodies: Bodies,
    config: ImuConfig,
    dtype: type[np.floating] = np.float32,
    worn: Mounting | None = None,
) -> Imu:
    """Return the IMU signals of every body for one clip normalised to the first body.

    Args:
        motion: the clip; its translation belongs to `bodies[0]`.
        bodies: N bodies.
        config: bandwidth and placements.
        dtype: of the product and the result; derivatives are always taken in float64.
        worn: how each body wears the sensors, of which the lever arms count here; None for all
            as placed.

    Raises BadClipError for a clip too short to be differentiated.
    """
    chains = _Chains(config.placements)
    smoother = Smoother(motion.rate, RATE, config.cutoff)
    world = _world_quaternions(motion, chains.joints)
    columns_K3S = _columns(motion, world)
    levers_NW3 = (worn or as_placed(config.placements, bodies)).lever_NW3
    weights_ND, basis_DK = _basis_bodies(chains.coefficients(bodies, levers_NW3))

    frames, sensors = smoother.target_frames(len(motion.translation_T3)), len(config.placements)
    basis_DTW3 = np.empty((len(basis_DK), frames, sensors, 3), dtype=dtype)
    gyro_1TW3 = np.empty((1, frames, sensors, 3), dtype=dtype)
    for sensor, placement in enumerate(config.placements):
        orientation, rate = _orientation(world[JOINT_INDEX[placement.segment]], smoother)
        mounting = np.array(placement.axes).T
        gyro_1TW3[0, :, sensor] = rate @ mounting
        columns, rows = chains.columns_and_rows(sensor)
        path_D3S = np.tensordot(basis_DK[:, rows], columns_K3S[columns], axes=1)
        force_D3T = smoother.apply(path_D3S.reshape(-1, path_D3S.shape[-1]), derivative=2)
        force_D3T = force_D3T.reshape(-1, 3, frames)
        force_D3T -= (basis_DK[:, -1:] * GRAVITY)[..., None]
        axes_33T = np.tensordot(orientation, mounting, axes=(2, 0)).transpose(1, 2, 0).copy()
        for axis in range(3):
            basis_DTW3[:, :, sensor, axis] = np.einsum("jt,djt->dt", axes_33T[:, axis], force_D3T)
    acc = weights_ND.astype(dtype) @ basis_DTW3.reshape(len(basis_DK), -1)
    return Imu(acc.reshape(len(acc), frames, sensors, 3), gyro_1TW3)


class _Chains:
    """Which bones move which sensor, and where each stands in c(b).

    c(b) holds, three values each, the offsets of the joints on the chains to the sensors, then
    the lever arms, then the scale of the steps, then one for gravity. A joint's offset is carried
    by the rotation of its parent.
    """

    def __init__(self, placements: tuple[Placement, ...]) -> None:
        self.placements = placements
        self._paths = [_path_from_pelvis(placement.segment) for placement in placements]
        self._bones = sorted({joint for path in self._paths for joint in path[1:]})
        self.joints = sorted({joint for path in self._paths for joint in path})
        self.rows = 3 * (len(self._bones) + len(placements)) + 2

    def columns_and_rows(self, sensor: int) -> tuple[list[int], list[int]]:
        """Return which columns of P move a sensor, and the rows of c that scale them."""
        path = self._paths[sensor]
        blocks = [
            (self.joints.index(PARENTS[joint]), self._bones.index(joint)) for joint in path[1:]
        ]
        blocks.append((self.joints.index(path[-1]), len(self._bones) + sensor))
        columns = [3 * carrier + axis for carrier, _ in blocks for axis in range(3)]
        rows = [3 * bone + axis for _, bone in blocks for axis in range(3)]
        return [*columns, 3 * len(self.joints)], [*rows, self.rows - 2]

    def coefficients(self, bodies: Bodies, levers_NW3: Array) -> Array:
        """Return c(b) of every body, (N, K)."""
        offsets_NJ3 = bodies.offsets_NJ3
        count = len(offsets_NJ3)
        steps_N = bodies.leg_length_N / bodies.leg_length_N[0]
        bones = offsets_NJ3[:, self._bones].reshape(count, -1)
        return np.column_stack([bones, levers_NW3.reshape(count, -1), steps_N, np.ones(count)])


def _path_from_pelvis(segment: str) -> list[int]:
    path = [JOINT_INDEX[segment]]
    while PARENTS[path[-1]] >= 0:
        path.append(PARENTS[path[-1]])
    return path[::-1]


def _world_quaternions(motion: Motion, joints: list[int]) -> dict[int, Array]:
    """Return world quaternions (S, 4) of `joints`, which are sorted and hold their parents."""
    world: dict[int, Array] = {}
    for joint in joints:
        local = quaternions(motion.rotations_TJ3[:, joint])
        parent = PARENTS[joint]
        world[joint] = local if parent < 0 else multiply(world[parent], local)
    return world


def _columns(motion: Motion, world: dict[int, Array]) -> Array:
    """Return the columns of P: those of every R_k, and last the pelvis, (K, 3, S)."""
    count, frames = 3 * len(world) + 1, len(motion.translation_T3)
    columns_K3S = np.empty((count, 3, frames))
    for block, q_S4 in enumerate(world.values()):
        columns_K3S[3 * block : 3 * block + 3] = matrices(q_S4).transpose(2, 1, 0)
    columns_K3S[-1] = motion.translation_T3.T
    return columns_K3S


def _basis_bodies(coefficients_NK: Array) -> tuple[Array, Array]:
    """Return weights (N, D) and basis bodies (D, K), whose product is `coefficients_NK`."""
    left, sizes, right = np.linalg.svd(coefficients_NK, full_matrices=False)
    rank = int(np.sum(sizes > NEGLIGIBLE * sizes[0]))
    return left[:, :rank] * sizes[:rank], right[:rank]


def _orientation(q_S4: Array, smoother: Smoother) -> tuple[Array, Array]:
    """Return a segment's orientation (T, 3, 3) and angular velocity in its own frame (T, 3)."""
    steady_4S = np.ascontiguousarray(continuous(q_S4).T)
    q = smoother.apply(steady_4S, derivative=0).T
    q_rate = smoother.apply(steady_4S, derivative=1).T
    square = np.sum(q * q, axis=-1, keepdims=True)
    if square.min() < SHORTEST_QUATERNION**2:
        raise BadClipError("a limb turns over between frames: swapped markers or a lost track")
    angular_velocity = 2 * multiply(conjugate(q), q_rate)[:, 1:] / square
    return matrices(q / np.sqrt(square)), angular_velocity
