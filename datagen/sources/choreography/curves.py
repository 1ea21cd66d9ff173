"""Smooth curves through key poses: a sum of bell-shaped submovements.

Every change from one key to the next follows the polynomial 35u^4 - 84u^5 + 70u^6 - 20u^7, whose
first three derivatives vanish at both ends (the minimum-snap counterpart of the minimum-jerk
step of Flash & Hogan 1985), so any sum of them has a continuous third derivative. Steps may
overlap in time (Flash & Henis 1991): with `flow` 0 each key is a stop; with 1 the curve runs
through its keys and a to-and-fro becomes nearly a sine. The heights of the steps are solved for so
that the curve passes through each key at its time.

Letters: T frames, K keys, A values.
"""

import numpy as np

from datagen.motion import Array


def step(u: Array) -> Array:
    """Rise from 0 to 1 over 0 <= u <= 1 with three vanishing derivatives at both ends."""
    u = np.clip(u, 0.0, 1.0)
    square = u * u
    return square * square * (35.0 + u * (-84.0 + u * (70.0 - 20.0 * u)))


class KeyCurve:
    """The curve that passes through `keys_KA` at `times_K`.

    Args:
        times_K: rising, seconds.
        flows_K: in 0..1, how much the movement runs on through each key (0: it stops there).
        keys_KA: values.
    """

    def __init__(self, times_K: Array, flows_K: Array, keys_KA: Array) -> None:
        lengths = np.diff(times_K)
        mixed = 0.5 * np.minimum(lengths[1:], lengths[:-1])
        run_on = flows_K[1:-1] * mixed
        early, late = np.append(0.0, run_on), np.append(run_on, 0.0)
        self._starts = times_K[:-1] - early
        self._lengths = lengths + early + late
        weights_KK = self._weights(times_K)
        self._controls_KA = np.linalg.solve(weights_KK, keys_KA)

    def _weights(self, times_T: Array) -> Array:
        steps_TK = step((times_T[:, None] - self._starts) / self._lengths)
        ones = np.ones((len(times_T), 1))
        return np.hstack([ones, steps_TK]) - np.hstack([steps_TK, 0.0 * ones])

    def __call__(self, times_T: Array, columns: slice | Array) -> Array:
        """Evaluate some columns at some times: (T, A)."""
        return self._weights(times_T) @ self._controls_KA[:, columns]
