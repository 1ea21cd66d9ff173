"""The compiled loops of `datagen.imu` over the frames of a clip.

Frames are computed F at a time, side by side. Vectors, quaternions and matrices of F frames lie
flat, one component's F values after the other's: with distances that are known when it compiles,
the compiler sees that components do not overlap, and computes eight frames with one instruction.

Shape letters: S source frames, T frames at 60 Hz, W sensors, J joints on the chains to the
sensors, K columns, D basis bodies, C coefficients; X is flat.
"""

import math

import numpy as np
from numpy.typing import NDArray

from datagen.compiled import COSINE, SINE, TERMS, compiled
from datagen.motion import Array

Whole = NDArray[np.int64]

# As many frames as fit, with all that is computed of them, into a processor's first cache.
F = 64


@compiled
def separate(rest_NK: Array, negligible: float, weights_ND: Array, basis_DK: Array) -> int:
    """Write a matrix as weights (N, D) times basis (D, K), with the fewest D; returns D.

    Gram and Schmidt's way with the largest row first. `rest_NK` holds the matrix and is used up,
    until no row is longer than a negligible part of the longest.
    """
    bodies, values = rest_NK.shape
    longest = 0.0
    for d in range(len(basis_DK)):
        pivot, largest = 0, 0.0
        for body in range(bodies):
            square = 0.0
            for k in range(values):
                square += rest_NK[body, k] * rest_NK[body, k]
            if square > largest:
                pivot, largest = body, square
        longest = max(longest, math.sqrt(largest))
        if math.sqrt(largest) <= negligible * longest:
            return d
        for k in range(values):
            basis_DK[d, k] = rest_NK[pivot, k] / math.sqrt(largest)
        for body in range(bodies):
            weight = 0.0
            for k in range(values):
                weight += rest_NK[body, k] * basis_DK[d, k]
            weights_ND[body, d] = weight
            for k in range(values):
                rest_NK[body, k] -= weight * basis_DK[d, k]
    return len(basis_DK)


@compiled
def columns(
    rotations_SJ3: Array,
    translation_S3: Array,
    start: int,
    stop: int,
    joints_J: Whole,
    carriers_J: Whole,
    segments_W: Whole,
    columns_3KS: Array,
    orientation_SX: Array,
) -> None:
    """Write the columns of P and the orientations of the sensors' segments.

    Args:
        rotations_SJ3: local axis-angles of all joints of the skeleton.
        translation_S3: of the pelvis.
        start, stop: which frames.
        joints_J: which joints count, parents before children.
        carriers_J: the place of each one's parent among them, -1 for the pelvis.
        segments_W: the places of the sensors' segments among them.
        columns_3KS: x, y and z of the three columns of every R_k, then of the pelvis' path, for
            these frames alone.
        orientation_SX: quaternions (W, 4) of all frames, close to those of the frame before.
    """
    joints = len(joints_J)
    axis_angle_JX, world_JX = np.zeros((joints, 3 * F)), np.zeros((joints, 4 * F))
    local_X, matrix_X = np.zeros(4 * F), np.zeros(9 * F)
    for first in range(start, stop, F):
        last = min(first + F, stop)
        _gather(rotations_SJ3[first:last], joints_J, axis_angle_JX)
        for joint in range(joints):
            world_X = world_JX[joint]
            if carriers_J[joint] < 0:
                _quaternions(axis_angle_JX[joint], world_X)
            else:
                _quaternions(axis_angle_JX[joint], local_X)
                _multiply(world_JX[carriers_J[joint]], local_X, world_X)
            _matrices(world_X, matrix_X)
            for part in range(9):
                row_F = columns_3KS[part // 3, 3 * joint + part % 3, first - start : last - start]
                for f in range(len(row_F)):
                    row_F[f] = matrix_X[part * F + f]
        for frame in range(first, last):
            for axis in range(3):
                columns_3KS[axis, 3 * joints, frame - start] = translation_S3[frame, axis]
        for sensor in range(len(segments_W)):
            q_S4 = orientation_SX[:, 4 * sensor : 4 * sensor + 4]
            _write_near(world_JX[segments_W[sensor]], first, last, q_S4)


@compiled
def _gather(rotations_FJ3: Array, joints_J: Whole, out_JX: Array) -> None:
    for f in range(len(rotations_FJ3)):
        for joint in range(len(joints_J)):
            axis_angle_3, out_X = rotations_FJ3[f, joints_J[joint]], out_JX[joint]
            x, y, z = axis_angle_3[0], axis_angle_3[1], axis_angle_3[2]
            square = x * x + y * y + z * z
            scale = 1.0
            if square > math.pi**2:
                # Whole turns less: the series are for small angles.
                angle = math.sqrt(square)
                scale = (angle - 2 * math.pi * round(angle / (2 * math.pi))) / angle
            out_X[f], out_X[F + f], out_X[2 * F + f] = scale * x, scale * y, scale * z


@compiled
def _quaternions(axis_angle_X: Array, q_X: Array) -> None:
    for f in range(F):
        x, y, z = axis_angle_X[f], axis_angle_X[F + f], axis_angle_X[2 * F + f]
        square = x * x + y * y + z * z
        cosine, sine = COSINE[TERMS - 1], SINE[TERMS - 1]
        for k in range(TERMS - 2, -1, -1):
            cosine = cosine * square + COSINE[k]
            sine = sine * square + SINE[k]
        q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f] = cosine, sine * x, sine * y, sine * z


@compiled
def _multiply(p_X: Array, q_X: Array, out_X: Array) -> None:
    for f in range(F):
        pw, px, py, pz = p_X[f], p_X[F + f], p_X[2 * F + f], p_X[3 * F + f]
        qw, qx, qy, qz = q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f]
        out_X[f] = pw * qw - px * qx - py * qy - pz * qz
        out_X[F + f] = pw * qx + px * qw + py * qz - pz * qy
        out_X[2 * F + f] = pw * qy - px * qz + py * qw + pz * qx
        out_X[3 * F + f] = pw * qz + px * qy - py * qx + pz * qw


@compiled
def _matrices(q_X: Array, out_X: Array) -> None:
    """Write rotation matrices, row by row; quaternions need not have the length of one."""
    for f in range(F):
        w, x, y, z = q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f]
        twice = 2 / (w * w + x * x + y * y + z * z)
        out_X[f] = 1 - twice * (y * y + z * z)
        out_X[F + f] = twice * (x * y - w * z)
        out_X[2 * F + f] = twice * (x * z + w * y)
        out_X[3 * F + f] = twice * (x * y + w * z)
        out_X[4 * F + f] = 1 - twice * (x * x + z * z)
        out_X[5 * F + f] = twice * (y * z - w * x)
        out_X[6 * F + f] = twice * (x * z - w * y)
        out_X[7 * F + f] = twice * (y * z + w * x)
        out_X[8 * F + f] = 1 - twice * (x * x + y * y)


@compiled
def _write_near(q_X: Array, first: int, last: int, out_S4: Array) -> None:
    """Write quaternions, the sign of each chosen so that neighbours in time lie close.

    A rotation has two quaternions, q and -q; only a curve without sign flips can be smoothed.
    """
    before_4 = out_S4[first - 1] if first > 0 else np.zeros(4)
    for frame in range(first, last):
        f = frame - first
        w, x, y, z = q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f]
        likeness = w * before_4[0] + x * before_4[1] + y * before_4[2] + z * before_4[3]
        sign = -1.0 if likeness < 0 else 1.0
        out_S4[frame, 0], out_S4[frame, 1] = sign * w, sign * x
        out_S4[frame, 2], out_S4[frame, 3] = sign * y, sign * z
        before_4 = out_S4[frame]


@compiled
def sense(
    splines_CX: Array,
    first_T: Whole,
    phase_T: Whole,
    taps_3P6: Array,
    mounting_W33: Array,
    weight_D3: Array,
    force_DTW3: NDArray[np.floating],
    gyro_TW3: NDArray[np.floating],
) -> float:
    """Write the specific force of every basis body and the angular velocity, in sensors' frames.

    Args:
        splines_CX: coefficients of the basis bodies' paths (3, W, D) and of the segments'
            quaternions (W, 4), side by side.
        first_T, phase_T: the first of the six coefficients that make each frame, and the row of
            taps_3P6 that says what each counts.
        taps_3P6: for derivatives 0, 1 and 2.
        mounting_W33: each sensor's axes in its segment, as columns.
        weight_D3: the gravity that each basis body feels.
        force_DTW3, gyro_TW3: what is written.

    Returns the least squared length of a smoothed quaternion.
    """
    sensors = len(mounting_W33)
    paths = 3 * sensors * len(force_DTW3)
    path_FX = np.empty((F, paths))
    q_FX, rate_FX = np.empty((F, 4 * sensors)), np.empty((F, 4 * sensors))
    q_WX, rate_WX = np.ones((sensors, 4 * F)), np.zeros((sensors, 4 * F))
    segment_X, axes_X, turn_X = np.empty(9 * F), np.empty(9 * F), np.empty(3 * F)
    least = 1.0
    for start in range(0, len(first_T), F):
        block = slice(start, min(start + F, len(first_T)))
        first_F, phase_F = first_T[block], phase_T[block]
        _derive(splines_CX, first_F, phase_F, taps_3P6[2], path_FX)
        _derive(splines_CX[:, paths:], first_F, phase_F, taps_3P6[0], q_FX)
        _derive(splines_CX[:, paths:], first_F, phase_F, taps_3P6[1], rate_FX)
        for sensor in range(sensors):
            _lay_flat(q_FX[: len(first_F), 4 * sensor : 4 * sensor + 4], q_WX[sensor])
            _lay_flat(rate_FX[: len(first_F), 4 * sensor : 4 * sensor + 4], rate_WX[sensor])
            least = min(least, _least_square(q_WX[sensor]))
            _matrices(q_WX[sensor], segment_X)
            _angular_velocity(q_WX[sensor], rate_WX[sensor], turn_X)
            _mount(segment_X, turn_X, mounting_W33[sensor], axes_X, gyro_TW3[block, sensor])
            _force(
                path_FX[:, sensor * len(force_DTW3) :],
                sensors * len(force_DTW3),
                axes_X,
                weight_D3,
                force_DTW3[:, block, sensor],
            )
    return least


@compiled
def _derive(
    splines_CX: Array, first_F: Whole, phase_F: Whole, taps_P6: Array, path_FX: Array
) -> None:
    for frame in range(len(first_F)):
        first, taps_6 = first_F[frame], taps_P6[phase_F[frame]]
        a, b, c, d, e, g = taps_6[0], taps_6[1], taps_6[2], taps_6[3], taps_6[4], taps_6[5]
        row0, row1, row2 = splines_CX[first], splines_CX[first + 1], splines_CX[first + 2]
        row3, row4, row5 = splines_CX[first + 3], splines_CX[first + 4], splines_CX[first + 5]
        path_X = path_FX[frame]
        for x in range(len(path_X)):
            path_X[x] = (a * row0[x] + b * row1[x] + c * row2[x]) + (
                d * row3[x] + e * row4[x] + g * row5[x]
            )


@compiled
def _lay_flat(rows_F4: Array, out_X: Array) -> None:
    for f in range(len(rows_F4)):
        for part in range(4):
            out_X[part * F + f] = rows_F4[f, part]


@compiled
def _least_square(q_X: Array) -> float:
    least = 1.0
    for f in range(F):
        w, x, y, z = q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f]
        least = min(least, w * w + x * x + y * y + z * z)
    return least


@compiled
def _angular_velocity(q_X: Array, rate_X: Array, out_X: Array) -> None:
    """Write the vector part of 2 conj(q) q' / q^2: the turning in the segment's own frame."""
    for f in range(F):
        w, x, y, z = q_X[f], q_X[F + f], q_X[2 * F + f], q_X[3 * F + f]
        rw, rx, ry, rz = rate_X[f], rate_X[F + f], rate_X[2 * F + f], rate_X[3 * F + f]
        twice = 2 / (w * w + x * x + y * y + z * z)
        out_X[f] = twice * (w * rx - x * rw - y * rz + z * ry)
        out_X[F + f] = twice * (w * ry + x * rz - y * rw - z * rx)
        out_X[2 * F + f] = twice * (w * rz - x * ry + y * rx - z * rw)


@compiled
def _mount(
    segment_X: Array,
    turn_X: Array,
    mounting_33: Array,
    axes_X: Array,
    gyro_F3: NDArray[np.floating],
) -> None:
    """Write the sensor's axes in the world, one after the other, and the turning about them."""
    for axis in range(3):
        a, b, c = mounting_33[0, axis], mounting_33[1, axis], mounting_33[2, axis]
        for part in range(3):
            row_X, out_X = segment_X[3 * part * F :], axes_X[(3 * axis + part) * F :]
            for f in range(F):
                out_X[f] = a * row_X[f] + b * row_X[F + f] + c * row_X[2 * F + f]
        for frame in range(len(gyro_F3)):
            gyro_F3[frame, axis] = (
                a * turn_X[frame] + b * turn_X[F + frame] + c * turn_X[2 * F + frame]
            )


@compiled
def _force(
    path_FX: Array,
    pitch: int,
    axes_X: Array,
    weight_D3: Array,
    force_DF3: NDArray[np.floating],
) -> None:
    """Write acceleration less gravity along the sensor's axes.

    A body's y lies `pitch` values behind its x in a row of `path_FX`, and z behind y.
    """
    bodies, frames = force_DF3.shape[0], force_DF3.shape[1]
    for f in range(frames):
        xx, xy, xz = axes_X[f], axes_X[F + f], axes_X[2 * F + f]
        yx, yy, yz = axes_X[3 * F + f], axes_X[4 * F + f], axes_X[5 * F + f]
        zx, zy, zz = axes_X[6 * F + f], axes_X[7 * F + f], axes_X[8 * F + f]
        for body in range(bodies):
            x = path_FX[f, body] - weight_D3[body, 0]
            y = path_FX[f, body + pitch] - weight_D3[body, 1]
            z = path_FX[f, body + 2 * pitch] - weight_D3[body, 2]
            force_DF3[body, f, 0] = xx * x + xy * y + xz * z
            force_DF3[body, f, 1] = yx * x + yy * y + yz * z
            force_DF3[body, f, 2] = zx * x + zy * y + zz * z
