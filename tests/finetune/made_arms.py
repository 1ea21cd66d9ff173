"""Left watches on rigid arms, and the same signals as another frame would have them.

Shape letters: N windows, T frames, C channels.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from finetune.frames import candidates

PLACE = np.array([0.27, 0.08, 0.05])
# Where up is in the sensor's frame while the arm rests.
UP = np.array([-0.7, -0.5, 0.4])


def arm(person: int) -> np.ndarray:
    """Return (N, T, C) of a left watch at PLACE on a rigid arm that turns about a fixed joint."""
    rng = np.random.default_rng(person)
    rate, seconds = 600, 16
    time_T = np.arange(rate * seconds) / rate
    rest, _ = Rotation.align_vectors([[0.0, 1.0, 0.0]], [UP / np.linalg.norm(UP)])
    rates, phases = rng.uniform(0.1, 0.25, 3), rng.uniform(0, 6, 3)
    vectors_T3 = 0.7 * np.sin(2 * np.pi * rates * time_T[:, None] + phases)
    axes_T = rest * Rotation.from_rotvec(vectors_T3)
    speeding_T3 = np.gradient(np.gradient(axes_T.apply(PLACE), axis=0), axis=0) * rate**2
    force_T3 = axes_T.inv().apply(speeding_T3 + np.array([0, 9.81, 0]))
    turning_T3 = (axes_T[:-1].inv() * axes_T[1:]).as_rotvec() * rate
    signals_TC = np.concatenate([force_T3[:-1], turning_T3], 1)[:: rate // 60]
    return signals_TC.reshape(-1, 240, 6)


ARMS = [arm(person) for person in range(4)]


def undo(number: int, signals_C: np.ndarray) -> np.ndarray:
    """Return signals such that candidate `number` of all 48 makes the given ones of them."""
    option = candidates(every_axis=True)[number]
    force, turning = signals_C[..., :3], signals_C[..., 3:]
    back = option.rotation  # rows times vectors, so the inverse stands on the right
    return np.concatenate([option.sign * force @ back, turning @ back], -1)
