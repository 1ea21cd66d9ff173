"""Compiled loops over the joints of whole poses.

Shape letters: S frames, J joints (the 52 of SMPL-H), Q quaternions; X is flat, one component's J
values after the other's.
"""

import math

import numpy as np

from datagen.compiled import COSINE, SINE, TERMS, compiled
from datagen.motion import JOINTS as J
from datagen.motion import Array


@compiled
def write_quaternions(rotations_SJ3: Array, out_SJ4: Array) -> None:
    """Write axis-angles as unit quaternions, the sign of each such that neighbours lie close.

    A rotation has two quaternions, q and -q; only a curve without sign flips can be smoothed.
    """
    axis_angle_X, q_X = np.empty(3 * J), np.empty(4 * J)
    before_J4 = np.zeros((J, 4))
    for frame in range(len(rotations_SJ3)):
        _gather(rotations_SJ3[frame], axis_angle_X)
        _quaternions(axis_angle_X, q_X)
        _near(q_X, before_J4, out_SJ4[frame])
        before_J4 = out_SJ4[frame]


@compiled
def _gather(axis_angle_J3: Array, out_X: Array) -> None:
    for j in range(J):
        x, y, z = axis_angle_J3[j, 0], axis_angle_J3[j, 1], axis_angle_J3[j, 2]
        square = x * x + y * y + z * z
        scale = 1.0
        if square > math.pi**2:
            # Whole turns less: the series are for small angles.
            angle = math.sqrt(square)
            scale = (angle - 2 * math.pi * round(angle / (2 * math.pi))) / angle
        out_X[j], out_X[J + j], out_X[2 * J + j] = scale * x, scale * y, scale * z


@compiled
def _quaternions(axis_angle_X: Array, q_X: Array) -> None:
    for j in range(J):
        x, y, z = axis_angle_X[j], axis_angle_X[J + j], axis_angle_X[2 * J + j]
        square = x * x + y * y + z * z
        cosine, sine = COSINE[TERMS - 1], SINE[TERMS - 1]
        for k in range(TERMS - 2, -1, -1):
            cosine = cosine * square + COSINE[k]
            sine = sine * square + SINE[k]
        q_X[j], q_X[J + j], q_X[2 * J + j], q_X[3 * J + j] = cosine, sine * x, sine * y, sine * z


@compiled
def _near(q_X: Array, before_J4: Array, out_J4: Array) -> None:
    for j in range(J):
        w, x, y, z = q_X[j], q_X[J + j], q_X[2 * J + j], q_X[3 * J + j]
        likeness = w * before_J4[j, 0] + x * before_J4[j, 1]
        likeness += y * before_J4[j, 2] + z * before_J4[j, 3]
        sign = -1.0 if likeness < 0 else 1.0
        out_J4[j, 0], out_J4[j, 1] = sign * w, sign * x
        out_J4[j, 2], out_J4[j, 3] = sign * y, sign * z


@compiled
def write_axis_angles(q_Q4: Array, out_Q3: Array) -> None:
    """Write quaternions of any length as axis-angles of at most pi, radians."""
    for row in range(len(q_Q4)):
        w, x, y, z = q_Q4[row, 0], q_Q4[row, 1], q_Q4[row, 2], q_Q4[row, 3]
        sine, cosine = math.sqrt(x * x + y * y + z * z), abs(w)
        # Without a turn to speak of, the angle is twice its sine.
        scale = 2 * math.atan2(sine, cosine) / sine if sine > 1e-9 * cosine else 2 / cosine
        scale = math.copysign(scale, w)
        out_Q3[row, 0], out_Q3[row, 1], out_Q3[row, 2] = scale * x, scale * y, scale * z
