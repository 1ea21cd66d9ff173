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

from datagen import kernels
from datagen.body import Bodies
from datagen.motion import JOINT_INDEX, PARENTS, Array, BadClipError, Motion
from datagen.placement import Mounting, MountingConfig, Placement, as_placed, watch
from datagen.sensor import SensorConfig
from datagen.smoothing import Fitting, Smoother

GRAVITY = np.array([0.0, -9.81, 0.0])
RATE = 60.0
# Smoothing shortens a quaternion where the orientation jumps: by cos(angle / 4) at a step.
SHORTEST_QUATERNION = 0.85
NEGLIGIBLE = 1e-13
# What is computed between two products with BLAS fits into the processor's second cache.
FRAMES_IN_CACHE = 480
VALUES_IN_CACHE = 1440


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
    levers_NW3 = (worn or as_placed(config.placements, bodies)).lever_NW3
    weights_ND, basis_DK = _basis_bodies(chains.coefficients(bodies, levers_NW3))
    smoother = Smoother(motion.rate, RATE, config.cutoff)
    fitting = _fitted_paths(motion, chains, basis_DK, smoother)

    weights_ND = weights_ND.astype(dtype)
    weight_D3 = basis_DK[:, -1:] * GRAVITY
    mounting_W33 = np.array([np.array(placement.axes).T for placement in config.placements])
    first_T, phase_T, taps_3P6 = smoother.taps(len(motion.translation_T3))
    acc_NTW3 = np.empty((len(weights_ND), len(first_T), len(mounting_W33), 3), dtype=dtype)
    gyro_1TW3 = np.empty((1, *acc_NTW3.shape[1:]), dtype=dtype)
    shortest = 1.0
    stop = len(first_T)
    for source in reversed(range(0, len(motion.translation_T3), FRAMES_IN_CACHE)):
        splines_CX = fitting.backwards(source)
        start = int(np.searchsorted(first_T, source))
        force_DTW3 = np.empty((len(basis_DK), stop - start, *acc_NTW3.shape[2:]), dtype=dtype)
        shortest_here = kernels.sense(
            splines_CX,
            first_T[start:stop],
            phase_T[start:stop],
            taps_3P6,
            mounting_W33,
            weight_D3,
            force_DTW3,
            gyro_1TW3[0, start:stop],
        )
        shortest = min(shortest, shortest_here)
        _of_all_bodies(weights_ND, force_DTW3, acc_NTW3[:, start:stop])
        stop = start
    if shortest < SHORTEST_QUATERNION**2:
        raise BadClipError("a limb turns over between frames: swapped markers or a lost track")
    return Imu(acc_NTW3, gyro_1TW3)


def _of_all_bodies(weights_ND: Array, force_DTW3: Array, acc_NTW3: Array) -> None:
    """Write the product of weights and basis bodies."""
    force_DX = force_DTW3.reshape(len(force_DTW3), -1)
    acc_NX = acc_NTW3.reshape(len(acc_NTW3), -1)
    for start in range(0, force_DX.shape[1], VALUES_IN_CACHE):
        block = slice(start, start + VALUES_IN_CACHE)
        np.matmul(weights_ND, force_DX[:, block], out=acc_NX[:, block])


class _Chains:
    """Which joints move the sensors, and where each bone stands in c(b).

    c(b) holds, three values each, the offsets of the joints on the chains to the sensors, then
    the lever arms, then the scale of the steps, then one for gravity. A joint's offset is carried
    by the rotation of its parent.
    """

    def __init__(self, placements: tuple[Placement, ...]) -> None:
        self._paths = [_path_from_pelvis(placement.segment) for placement in placements]
        self.joints = sorted({joint for path in self._paths for joint in path})
        self.parents = [self._place(PARENTS[joint]) for joint in self.joints]
        self.segments = [self._place(path[-1]) for path in self._paths]

    def _place(self, joint: int) -> int:
        return self.joints.index(joint) if joint >= 0 else -1

    def coefficients(self, bodies: Bodies, levers_NW3: Array) -> Array:
        """Return c(b) of every body, (N, K)."""
        offsets_NJ3 = bodies.offsets_NJ3
        count = len(offsets_NJ3)
        steps_N = bodies.leg_length_N / bodies.leg_length_N[0]
        bones = offsets_NJ3[:, self.joints[1:]].reshape(count, -1)
        return np.column_stack([bones, levers_NW3.reshape(count, -1), steps_N, np.ones(count)])

    def paths(self, basis_DK: Array) -> Array:
        """Return what a path's coordinate takes of each column of P, (K, W * D).

        The columns are those of every joint's rotation, then the pelvis.
        """
        sensors, count = len(self._paths), len(basis_DK)
        bones_DB3 = basis_DK[:, :-2].reshape(count, -1, 3)
        lever = bones_DB3.shape[1] - sensors
        taken_KWD = np.zeros((3 * len(self.joints) + 1, sensors, count))
        for sensor, path in enumerate(self._paths):
            for joint in path[1:]:
                carrier, bone = 3 * self._place(PARENTS[joint]), self._place(joint) - 1
                taken_KWD[carrier : carrier + 3, sensor] = bones_DB3[:, bone].T
            carrier = 3 * self.segments[sensor]
            taken_KWD[carrier : carrier + 3, sensor] = bones_DB3[:, lever + sensor].T
        taken_KWD[-1] = basis_DK[:, -2]
        return taken_KWD.reshape(len(taken_KWD), -1)


def _path_from_pelvis(segment: str) -> list[int]:
    path = [JOINT_INDEX[segment]]
    while PARENTS[path[-1]] >= 0:
        path.append(PARENTS[path[-1]])
    return path[::-1]


def _fitted_paths(motion: Motion, chains: _Chains, basis_DK: Array, smoother: Smoother) -> Fitting:
    """Return splines, half fitted, through the sensors' paths and orientations.

    A frame holds the paths on the basis bodies (3, W, D), then the quaternions (W, 4).
    """
    # Loops are compiled for one layout in memory.
    rotations_SJ3 = np.ascontiguousarray(motion.rotations_TJ3)
    translation_S3 = np.ascontiguousarray(motion.translation_T3)
    joints, parents, segments = map(np.array, (chains.joints, chains.parents, chains.segments))
    taken_KX = chains.paths(basis_DK)
    frames, width = len(translation_S3), taken_KX.shape[1]
    fitting = smoother.fitting(frames, 3 * width + 4 * len(segments))
    samples_SF = fitting.samples_SF
    columns_3KS = np.empty((3, len(taken_KX), min(frames, FRAMES_IN_CACHE)))
    for start in range(0, frames, FRAMES_IN_CACHE):
        stop = min(start + FRAMES_IN_CACHE, frames)
        kernels.columns(
            rotations_SJ3,
            translation_S3,
            start,
            stop,
            joints,
            parents,
            segments,
            columns_3KS,
            samples_SF[:, 3 * width :],
        )
        for axis, columns_KS in enumerate(columns_3KS[:, :, : stop - start]):
            path_SX = samples_SF[start:stop, axis * width : (axis + 1) * width]
            np.matmul(columns_KS.T, taken_KX, out=path_SX)
        fitting.forwards(stop)
    return fitting


def _basis_bodies(coefficients_NK: Array) -> tuple[Array, Array]:
    """Return weights (N, D) and basis bodies (D, K), whose product is `coefficients_NK`."""
    rest_NK = coefficients_NK.copy()
    most = min(rest_NK.shape)
    weights_ND, basis_DK = np.zeros((len(rest_NK), most)), np.zeros((most, rest_NK.shape[1]))
    rank = kernels.separate(rest_NK, NEGLIGIBLE, weights_ND, basis_DK)
    return weights_ND[:, :rank], basis_DK[:rank]
