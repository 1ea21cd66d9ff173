"""Small motions and bodies for the tests of this room."""

import numpy as np

from datagen.body import BodyConfig, Mannequin, draw_bodies
from datagen.motion import JOINT_INDEX, JOINTS, Motion


def still(frames: int = 240, rate: float = 120.0) -> Motion:
    """The rest pose, held."""
    return Motion("still", rate, np.zeros((frames, JOINTS, 3)), np.zeros((frames, 3)), "stands")


def lively(frames: int = 240, rate: float = 120.0, seed: int = 0) -> Motion:
    """Every joint and the pelvis on smooth random curves."""
    rng = np.random.default_rng(seed)
    phases = 2 * np.pi * np.arange(frames) / rate
    rotations, translation = np.zeros((frames, JOINTS, 3)), np.zeros((frames, 3))
    for frequency in (0.3, 0.7, 1.9):
        shift = rng.uniform(0, 2 * np.pi, size=(JOINTS, 3))
        size = rng.normal(scale=0.3, size=(JOINTS, 3))
        rotations += size * np.sin(frequency * phases[:, None, None] + shift)
        translation += 0.2 * size[:3, 0] * np.sin(frequency * phases[:, None] + shift[:3, 0])
    return Motion("lively", rate, rotations, translation, "moves")


def people(count: int, seed: int = 0):
    """The 1.70 m body and others."""
    return draw_bodies(Mannequin(), BodyConfig(), count, np.random.default_rng(seed))


def turning(joint: str, axis: list[float], angle_T: np.ndarray, rate: float) -> Motion:
    """One joint turns about a fixed axis by the given angles; all else rests."""
    motion = still(len(angle_T), rate)
    motion.rotations_TJ3[:, JOINT_INDEX[joint]] = angle_T[:, None] * np.array(axis)
    return motion
