"""Glitches of motion capture: stretches in which the body moves as no person can.

A marker that is lost or swapped with another throws joints about for some frames. Such frames
are found by limits on speed and acceleration of the body's 22 joints and on the turning of its
segments, and are cut out with a margin. What is left are clean stretches, recordings of their
own: nothing is smoothed or differentiated across a cut.

The limits lie above what people do and below what swaps do. In the 950 clean clips of Bandai-Namco
and CMU (runs, kicks, punches, jumps) head and trunk reach 57 m/s2 against the pelvis and a
landing foot 291 m/s2, a kicking one 15 m/s; in swaps they reach 100 to 1,500, 2,300 and 87.

Shape letters: T frames, J joints of the body (22).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from datagen.compiled import kept
from datagen.motion import BODY_JOINT_NAMES, BODY_PARENTS, Array, BadClipError, Motion

Mask = NDArray[np.bool_]

PARENTS_J = np.array(BODY_PARENTS)
LIMBS = ("elbow", "wrist", "knee", "ankle", "foot")
IS_LIMB_J = np.array([name.endswith(LIMBS) for name in BODY_JOINT_NAMES])
# Accelerations and turns are taken over this time at least: shorter, and the noise of capture at
# high rates would pass for movement.
SECONDS = 1 / 30
# A larger turn from frame to frame could as well have gone the other way round.
AMBIGUOUS_TURN = 2.0
SPEED, ACCELERATION, TURN = range(3)


@dataclass
class GlitchConfig:
    """Where motion stops being a person's; stretches beyond a limit are cut out.

    Attributes:
        speed: of a joint relative to the pelvis, m/s.
        pelvis_speed: of the pelvis in the world, m/s.
        limb_acceleration: of elbows, wrists, knees, ankles and feet relative to the pelvis, m/s2.
        trunk_acceleration: of the pelvis in the world, and of hips, spine, shoulders and head
            relative to it, m/s2.
        turn: of a segment in the world, rad/s.
        margin: seconds that are cut away on either side as well.
    """

    speed: float = 20.0
    pelvis_speed: float = 12.0
    limb_acceleration: float = 300.0
    trunk_acceleration: float = 100.0
    turn: float = 60.0
    margin: float = 0.25


@dataclass(frozen=True)
class Glitch:
    """Frames that are cut out, from `first` up to but without `end`, and the worst of them."""

    first: int
    end: int
    reason: str


def clean_stretches(
    motion: Motion, offsets_J3: Array, config: GlitchConfig, fewest: int
) -> tuple[list[tuple[int, Motion]], list[Glitch]]:
    """Return what is left of a clip without its glitches, and what was cut out.

    Args:
        motion: a clip as its source gives it.
        offsets_J3: the bones on which its joints are looked at, metres.
        config: the limits.
        fewest: frames that a stretch must have to be kept; shorter ones are cut out as well.

    Returns the first frame and the motion of each stretch, and the glitches, in order. A clip
    without glitches is returned whole. Raises BadClipError where no stretch is left.
    """
    glitches = find_glitches(motion, offsets_J3, config, fewest)
    frames = len(motion.rotations_TJ3)
    firsts = [0, *(glitch.end for glitch in glitches)]
    ends = [*(glitch.first for glitch in glitches), frames]
    kept = [(first, end) for first, end in zip(firsts, ends, strict=True) if end > first]
    if not kept:
        raise BadClipError(f"has too little left beside its glitches: {glitches[0].reason}")
    if not glitches:
        return [(0, motion)], []
    return [(first, _part(motion, first, end)) for first, end in kept], glitches


def find_glitches(
    motion: Motion, offsets_J3: Array, config: GlitchConfig, fewest: int
) -> list[Glitch]:
    """Return what `clean_stretches` cuts out: glitches, and what they leave that is too short."""
    rate = motion.rate
    step = max(1, round(SECONDS * rate))
    limits_3J = _limits(config, step / rate)
    units_3 = np.array([1 / rate, (step / rate) ** 2, step / rate])
    places_TJ3, turns_TJ4 = _trace(
        motion.rotations_TJ3[:, : len(PARENTS_J)], motion.translation_T3, offsets_J3, PARENTS_J
    )
    excess_T, kind_T, joint_T = _worst_excess(
        places_TJ3, turns_TJ4, step, units_3[:, None] * limits_3J
    )
    bad_T = _widened(excess_T > 0, round(config.margin * rate))
    glitches = []
    for first, end in _runs(_without_short_gaps(bad_T, fewest)):
        worst = first + int(np.argmax(excess_T[first:end]))
        kind, joint = int(kind_T[worst]), int(joint_T[worst])
        value = float(excess_T[worst] * limits_3J[kind, joint])
        glitches.append(Glitch(first, end, _reason(kind, joint, value)))
    return glitches


def _limits(config: GlitchConfig, seconds: float) -> Array:
    """Return the limits of every joint's speed, acceleration and turning, (3, J)."""
    return np.stack(
        [
            np.where(PARENTS_J < 0, config.pelvis_speed, config.speed),
            np.where(IS_LIMB_J, config.limb_acceleration, config.trunk_acceleration),
            np.full(len(PARENTS_J), min(config.turn, AMBIGUOUS_TURN / seconds)),
        ]
    )


def _reason(kind: int, joint: int, value: float) -> str:
    name = BODY_JOINT_NAMES[joint]
    return {
        SPEED: f"{name} at {value:.0f} m/s",
        ACCELERATION: f"{name} accelerated at {value:.0f} m/s2",
        TURN: f"{name} turning at {value:.0f} rad/s",
    }[kind]


def _part(motion: Motion, first: int, end: int) -> Motion:
    return replace(
        motion,
        rotations_TJ3=motion.rotations_TJ3[first:end],
        translation_T3=motion.translation_T3[first:end],
    )


def _widened(bad_T: Mask, margin: int) -> Mask:
    """Return `bad_T` with so many frames on either side of each bad one."""
    return maximum_filter1d(bad_T, 2 * margin + 1, mode="constant", cval=0)


def _without_short_gaps(bad_T: Mask, fewest: int) -> Mask:
    """Return `bad_T` with the good stretches of less than `fewest` frames made bad."""
    filled = bad_T.copy()
    if bad_T.any():
        for first, end in _runs(~bad_T):
            if end - first < fewest:
                filled[first:end] = True
    return filled


def _runs(mask_T: Mask) -> Iterator[tuple[int, int]]:
    """Yield where each run of true values begins and where it has ended."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask_T, False].astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


@kept
def _trace(
    rotations_TJ3: Array, translation_T3: Array, offsets_J3: Array, parents_J: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return where each joint is relative to the pelvis, and each segment's world quaternion.

    The pelvis' own place is that in the world.
    """
    frames, joints = rotations_TJ3.shape[:2]
    places, turns = np.zeros((frames, joints, 3)), np.empty((frames, joints, 4))
    for t in range(frames):
        for j in range(joints):
            x, y, z = rotations_TJ3[t, j]
            angle = np.sqrt(x * x + y * y + z * z)
            scale = np.sin(angle / 2) / angle if angle > 1e-9 else 0.5
            w, x, y, z = np.cos(angle / 2), scale * x, scale * y, scale * z
            if parents_J[j] < 0:
                turns[t, j, 0], turns[t, j, 1], turns[t, j, 2], turns[t, j, 3] = w, x, y, z
                continue
            pw, px, py, pz = turns[t, parents_J[j]]
            turns[t, j, 0] = pw * w - px * x - py * y - pz * z
            turns[t, j, 1] = pw * x + px * w + py * z - pz * y
            turns[t, j, 2] = pw * y - px * z + py * w + pz * x
            turns[t, j, 3] = pw * z + px * y - py * x + pz * w
            # v + 2 (w u + u x) (u x v) for a quaternion (w, u).
            vx, vy, vz = offsets_J3[j]
            cx, cy, cz = py * vz - pz * vy, pz * vx - px * vz, px * vy - py * vx
            above = places[t, parents_J[j]]
            places[t, j, 0] = above[0] + vx + 2 * (pw * cx + py * cz - pz * cy)
            places[t, j, 1] = above[1] + vy + 2 * (pw * cy + pz * cx - px * cz)
            places[t, j, 2] = above[2] + vz + 2 * (pw * cz + px * cy - py * cx)
    places[:, 0] = translation_T3
    return places, turns


@kept
def _worst_excess(
    places_TJ3: Array, turns_TJ4: Array, step: int, limits_3J: Array
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return by how many times each frame passes a limit at most, and which limit of which joint.

    Limits are of metres from frame to frame, of metres of second difference over `step` frames,
    and of radians over `step` frames. A frame within all limits has the excess 0.
    """
    frames, joints = places_TJ3.shape[:2]
    excess, kind, joint = np.zeros(frames), np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    for j in range(joints):
        fastest, quickest = limits_3J[0, j] ** 2, limits_3J[1, j] ** 2
        smallest_cosine = np.cos(limits_3J[2, j] / 2)
        for t in range(frames):
            speed = acceleration = 0.0
            cosine = 1.0
            if t >= 1:
                for axis in range(3):
                    speed += (places_TJ3[t, j, axis] - places_TJ3[t - 1, j, axis]) ** 2
            if step <= t < frames - step:
                for axis in range(3):
                    acceleration += (
                        places_TJ3[t + step, j, axis]
                        - 2 * places_TJ3[t, j, axis]
                        + places_TJ3[t - step, j, axis]
                    ) ** 2
            if t >= step:
                cosine = 0.0
                for part in range(4):
                    cosine += turns_TJ4[t, j, part] * turns_TJ4[t - step, j, part]
                cosine = abs(cosine)
            if speed > fastest and np.sqrt(speed / fastest) > excess[t]:
                excess[t], kind[t], joint[t] = np.sqrt(speed / fastest), 0, j
            if acceleration > quickest and np.sqrt(acceleration / quickest) > excess[t]:
                excess[t], kind[t], joint[t] = np.sqrt(acceleration / quickest), 1, j
            if cosine < smallest_cosine and 2 * np.arccos(cosine) / limits_3J[2, j] > excess[t]:
                excess[t], kind[t], joint[t] = 2 * np.arccos(cosine) / limits_3J[2, j], 2, j
    return excess, kind, joint
