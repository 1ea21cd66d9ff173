"""The compiled arithmetic of the smoothing spline: one pass forwards, one back, for any length.

A spline on a knot at every sample is f(t) = sum_j c_j B(t - j + 2), B the quintic B-spline on
[-3, 3], and its coefficients solve banded normal equations (de Boor 1978, chapters X and XIV).
Rows of the arrays are frames, so that arithmetic runs over all features of a frame at once.

Shape letters: S source frames, C = S + 4 coefficients, T target frames, F features.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from datagen.compiled import compiled
from datagen.motion import Array

Whole = NDArray[np.int64]

DEGREE = 5
PENALISED_DERIVATIVE = 3
# A knot's own coefficient and two on either side make the value there, in 120ths.
AT_KNOT = (1.0, 26.0, 66.0, 26.0, 1.0)
SAME_PHASE = 1e-9
AHEAD = len(AT_KNOT) - 1


@compiled
def places(step: float, count: int, frames: int) -> tuple[Whole, Whole, Array]:
    """Return where evenly spaced times lie among the samples.

    Args:
        step: time from each to the next, in frames of the source.
        count: how many there are; the first is at the first sample.
        frames: how many samples.

    Returns for each time the first of the six coefficients that make its value, (T,), and which
    phase it has, (T,); then the phases (P,), from 0 to 1 between two samples.
    """
    first_T, phase_T = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    phases = np.empty(count)
    known = 0
    for target in range(count):
        place = min(step * target, frames - 1.0)
        first = min(int(place), frames - 2)
        phase = place - first
        # At most rates there is one phase, or a few in turn.
        same = known - 1
        while same >= max(0, known - 6) and abs(phases[same] - phase) > SAME_PHASE:
            same -= 1
        if same < max(0, known - 6):
            same = known
            phases[known] = phase
            known += 1
        first_T[target], phase_T[target] = first, same
    return first_T, phase_T, phases[:known].copy()


@compiled
def taps(phases_P: Array, derivative: int) -> Array:
    """Return how much each of six coefficients counts for a derivative, per frame^derivative.

    Args:
        phases_P: where between two samples, from 0 to 1.
        derivative: 0 to 5.
    """
    taps_P6 = np.zeros((len(phases_P), DEGREE + 1))
    for p in range(len(phases_P)):
        phase, row = phases_P[p], taps_P6[p]
        row[0] = 1.0
        for degree in range(1, DEGREE - derivative + 1):
            for k in range(degree, -1, -1):
                left = (phase + degree - k) * row[k - 1] if k else 0.0
                row[k] = (left + (k + 1 - phase) * row[k]) / degree
        for _ in range(derivative):
            for k in range(DEGREE, -1, -1):
                row[k] = (row[k - 1] if k else 0.0) - row[k]
    return taps_P6


@cache
def penalty() -> Array:
    """Return the integral of f'''^2 over one segment as a form of its six coefficients, (6, 6)."""
    # f''' is piecewise quadratic: three Gauss points integrate its square.
    nodes, weights = np.polynomial.legendre.leggauss(3)
    third = taps((nodes + 1) / 2, PENALISED_DERIVATIVE)
    return third.T @ (third * weights[:, None] / 2)


@compiled
def factors(frames: int, penalty_66: Array) -> Array:
    """Return the normal equations as L D L^T: five columns left of L's diagonal, then 1 / D.

    Away from the ends every equation is the same, and so, after some dozens, is every factor.
    Five rows of zeros follow the C rows, (C + 5, 6).
    """
    count = frames + AHEAD
    rows = np.zeros((count + DEGREE, DEGREE + 1))
    settled = 0
    for j in range(count):
        row = rows[j]
        if settled > DEGREE and j < frames - 1:
            for k in range(DEGREE + 1):
                row[k] = rows[j - 1, k]
            continue
        for sample in range(max(0, j - DEGREE), min(j + 1, frames)):
            place = j - sample
            for back in range(place + 1):
                if place <= AHEAD:
                    row[back] += AT_KNOT[place] * AT_KNOT[place - back] / 120.0
                if sample < frames - 1:
                    row[back] += penalty_66[place, place - back]
        pivot = row[0]
        for back in range(min(DEGREE, j), 0, -1):
            entry = row[back]
            for further in range(back + 1, min(DEGREE, j) + 1):
                entry -= row[further] * rows[j - back, further - back - 1]
            row[back] = entry
        for back in range(1, min(DEGREE, j) + 1):
            entry = row[back] * rows[j - back, DEGREE]
            pivot -= row[back] * entry
            row[back - 1] = entry
        row[DEGREE] = 1.0 / pivot
        near = j > DEGREE and j < frames - 1
        for k in range(DEGREE + 1):
            near = near and abs(row[k] - rows[j - 1, k]) <= 1e-15 * abs(row[k])
        settled = settled + 1 if near else 0
    return rows


@compiled
def forwards(factors_C6: Array, room_SF: Array, start: int, stop: int) -> None:
    """Do the first half of solving the normal equations, for rows from `start` to `stop`.

    `room_SF` holds four frames of zeros, the samples, and four frames of zeros; its first C rows
    become, in place, what `backwards` needs.

    Rows are handed on by name: compiled code that indexes the same rows anew each time cannot
    know that they do not overlap, and computes one feature after the other.
    """
    nothing = np.zeros(room_SF.shape[1])
    before1 = room_SF[start - 1] if start > 0 else nothing
    before2 = room_SF[start - 2] if start > 1 else nothing
    before3 = room_SF[start - 3] if start > 2 else nothing
    before4 = room_SF[start - 4] if start > 3 else nothing
    before5 = room_SF[start - 5] if start > 4 else nothing
    row, next1 = room_SF[start], room_SF[start + 1]
    next2, next3 = room_SF[start + 2], room_SF[start + 3]
    for j in range(start, stop):
        next4 = room_SF[j + 4]
        f1, f2, f3 = factors_C6[j, 0], factors_C6[j, 1], factors_C6[j, 2]
        f4, f5 = factors_C6[j, 3], factors_C6[j, 4]
        for f in range(len(nothing)):
            row[f] = (
                (row[f] + next4[f])
                + 26.0 * (next1[f] + next3[f])
                + 66.0 * next2[f]
                - f5 * before5[f]
                - f4 * before4[f]
                - f3 * before3[f]
                - f2 * before2[f]
                - f1 * before1[f]
            )
        before5, before4, before3, before2, before1 = before4, before3, before2, before1, row
        row, next1, next2, next3 = next1, next2, next3, next4


@compiled
def backwards(factors_C6: Array, room_SF: Array, start: int, stop: int) -> None:
    """Do the second half, from the row before `stop` down to `start`: these are coefficients.

    Rows from C on, behind the last coefficient, are to be zeros.
    """
    after1, after2, after3 = room_SF[stop], room_SF[stop + 1], room_SF[stop + 2]
    after4, after5 = room_SF[stop + 3], room_SF[stop + 4]
    row = room_SF[stop - 1]
    for j in range(stop - 1, start - 1, -1):
        scale = factors_C6[j, DEGREE]
        f1, f2, f3 = factors_C6[j + 1, 0], factors_C6[j + 2, 1], factors_C6[j + 3, 2]
        f4, f5 = factors_C6[j + 4, 3], factors_C6[j + 5, 4]
        for f in range(len(row)):
            row[f] = (
                scale * row[f]
                - f5 * after5[f]
                - f4 * after4[f]
                - f3 * after3[f]
                - f2 * after2[f]
                - f1 * after1[f]
            )
        after5, after4, after3, after2, after1 = after4, after3, after2, after1, row
        row = room_SF[j - 1]


@compiled
def evaluate(
    coefficients_CF: Array, first_T: Whole, phase_T: Whole, taps_P6: Array, out_TF: Array
) -> None:
    """Write the sums of six coefficients that `places` chose and `taps` weighs, (T, F)."""
    for target in range(len(first_T)):
        first, taps_6, out = first_T[target], taps_P6[phase_T[target]], out_TF[target]
        a, b, c, d, e, g = taps_6[0], taps_6[1], taps_6[2], taps_6[3], taps_6[4], taps_6[5]
        row0, row1 = coefficients_CF[first], coefficients_CF[first + 1]
        row2, row3 = coefficients_CF[first + 2], coefficients_CF[first + 3]
        row4, row5 = coefficients_CF[first + 4], coefficients_CF[first + 5]
        for f in range(len(out)):
            out[f] = (a * row0[f] + b * row1[f] + c * row2[f]) + (
                d * row3[f] + e * row4[f] + g * row5[f]
            )
