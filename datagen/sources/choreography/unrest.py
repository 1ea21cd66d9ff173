"""What keeps a living body from ever being still: sway, breath, drift of each joint, tremor.

Sums of sines with drawn phases, so smooth to any order.

Letters: T frames, S sines, A anatomical angles.
"""

import numpy as np

from datagen.motion import Array
from datagen.sources.choreography.anatomy import ANGLE_INDEX, ANGLES

# Root mean square in degrees of the slow drift, by the part of the name that matches first.
DRIFT = (
    ("pelvis_lift", 0.0),
    ("pelvis_left_turn", 0.5),
    ("pelvis", 0.25),
    ("spine", 0.5),
    ("neck", 1.0),
    ("collar", 0.4),
    ("shoulder", 1.3),
    ("elbow", 1.7),
    ("forearm", 2.6),
    ("wrist", 2.4),
    ("hip", 0.16),
    ("knee", 0.2),
    ("ankle", 0.16),
    ("toe", 0.3),
    ("", 2.0),
)
# Physiological tremor is of 7-12 Hz and stays under about 0.1 m/s2 at the wrist.
TREMOR_DEGREES = 0.004
TREMOR_PARTS = ("shoulder", "elbow", "forearm", "wrist", "spine", "neck")
SLOW_HERTZ, SLOW_SINES = (0.08, 1.6), 12
FAST_HERTZ, FAST_SINES = (7.0, 11.0), 4
BREATH_HERTZ = (0.2, 0.34)
BREATH = {"spine_flexion": -0.5, "left_collar_elevation": 0.6, "right_collar_elevation": 0.6}
SEATED_LEGS = 0.4


def unrest(times_T: Array, restlessness: float, stance: str, rng: np.random.Generator) -> Array:
    """Return small movements (T, A) in degrees to add to a clip's angles."""
    drift_A = restlessness * np.array([_drift(name) for name in ANGLES])
    if stance != "standing":
        drift_A[[i for i, n in enumerate(ANGLES) if "hip" in n or "knee" in n]] *= SEATED_LEGS
    hertz_S = np.exp(rng.uniform(np.log(SLOW_HERTZ[0]), np.log(SLOW_HERTZ[1]), SLOW_SINES))
    size_S = hertz_S**-0.7
    size_S *= np.sqrt(2.0 / np.sum(size_S**2))
    moves_TA = _sines(times_T, hertz_S, size_S[:, None] * drift_A, rng)
    tremor_A = np.array([TREMOR_DEGREES * any(p in n for p in TREMOR_PARTS) for n in ANGLES])
    fast_S = rng.uniform(*FAST_HERTZ, FAST_SINES)
    moves_TA += _sines(times_T, fast_S, np.outer(np.ones(FAST_SINES), tremor_A), rng)
    breath_T = np.sin(2 * np.pi * rng.uniform(*BREATH_HERTZ) * times_T + rng.uniform(0, 7))
    for name, degrees in BREATH.items():
        moves_TA[:, ANGLE_INDEX[name]] += degrees * breath_T
    return moves_TA


def _drift(name: str) -> float:
    return next(degrees for part, degrees in DRIFT if part in name)


def _sines(times_T: Array, hertz_S: Array, size_SA: Array, rng: np.random.Generator) -> Array:
    turn_TS = 2.0 * np.pi * np.outer(times_T, hertz_S)
    phase_SA = rng.uniform(0.0, 2.0 * np.pi, size_SA.shape)
    return np.sin(turn_TS) @ (size_SA * np.cos(phase_SA)) + np.cos(turn_TS) @ (
        size_SA * np.sin(phase_SA)
    )
