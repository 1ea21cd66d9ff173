"""The vocabulary in which actions are written: parts of a pose, in degrees.

A part is a mapping from the names of anatomical angles to degrees; parts are joined with `|`. What
a pose does not name stays as the stance has it.
"""

import math
from collections.abc import Callable

from datagen.sources.choreography.anatomy import LONG_FINGERS, SIDES
from datagen.sources.choreography.reach import arm_angles

Pose = dict[str, float]
Point = tuple[float, float, float]

ARM = {
    "flex": "shoulder_flexion",
    "abd": "shoulder_abduction",
    "turn": "shoulder_internal_rotation",
    "elbow": "elbow_flexion",
    "pron": "forearm_pronation",
    "wrist": "wrist_flexion",
    "dev": "wrist_ulnar_deviation",
    "shrug": "collar_elevation",
    "protract": "collar_protraction",
}
LEG = {
    "hip": "hip_flexion",
    "apart": "hip_abduction",
    "turn": "hip_internal_rotation",
    "knee": "knee_flexion",
    "ankle": "ankle_dorsiflexion",
    "toes": "toe_extension",
}
TRUNK = {"bend": "spine_flexion", "side": "spine_left_bend", "turn": "spine_left_turn"}
HEAD = {"nod": "neck_flexion", "tilt": "neck_left_bend", "turn": "neck_left_turn"}
PELVIS = {
    "tilt": "pelvis_forward_tilt",
    "roll": "pelvis_left_tilt",
    "turn": "pelvis_left_turn",
    "lift": "pelvis_lift",
}


def _part(names: dict[str, str], prefixes: tuple[str, ...]) -> Callable[..., Pose]:
    def part(**values: float) -> Pose:
        return {
            prefix + names[key]: float(value)
            for key, value in values.items()
            for prefix in prefixes
        }

    return part


right = _part(ARM, ("right_",))
left = _part(ARM, ("left_",))
both = _part(ARM, ("left_", "right_"))
right_leg = _part(LEG, ("right_",))
left_leg = _part(LEG, ("left_",))
legs = _part(LEG, ("left_", "right_"))
trunk = _part(TRUNK, ("",))
head = _part(HEAD, ("",))
pelvis = _part(PELVIS, ("",))


def reach(
    side: str,
    point: Point,
    swivel: float = 20.0,
    palm: Point | None = None,
    wrist: float = 0.0,
    dev: float = 0.0,
) -> Pose:
    """Bring a wrist to `point`.

    Args:
        side: "left" or "right".
        point: metres from the middle between the shoulders, along the thorax: (towards the
            reaching side, up, forward).
        swivel: degrees by which the elbow is lifted outwards from hanging below the arm.
        palm: direction in which the palm faces, in the same axes; None leaves the forearm be.
        wrist, dev: flexion and ulnar deviation of the wrist, degrees.
    """
    angles = arm_angles(point, swivel, palm) | {"wrist": wrist, "dev": dev}
    return _part(ARM, (f"{side}_",))(**angles)


def reach_right(point: Point, **how: float | Point | None) -> Pose:
    """Bring the right wrist to a point; see `reach`."""
    return reach("right", point, **how)  # type: ignore[arg-type]


def reach_left(point: Point, **how: float | Point | None) -> Pose:
    """Bring the left wrist to a point; see `reach`. The first coordinate counts to the left."""
    return reach("left", point, **how)  # type: ignore[arg-type]


def reach_both(point: Point, **how: float | Point | None) -> Pose:
    """Bring both wrists to mirrored points; see `reach`."""
    return reach_left(point, **how) | reach_right(point, **how)


# Knuckle and middle flexion of index, middle, pinky, ring; spread; thumb: opposition, adduction,
# knuckle, end.
_CURLED = (85.0, 95.0)
_STRAIGHT = (4.0, 4.0)
HAND_SHAPES: dict[str, tuple[tuple[tuple[float, float], ...], float, tuple[float, ...]]] = {
    "relaxed": (((18, 24), (22, 28), (28, 30), (25, 30)), 0.0, (18, 0, 12, 12)),
    "flat": ((_STRAIGHT,) * 4, -3.0, (5, 15, 5, 5)),
    "spread": ((_STRAIGHT,) * 4, 16.0, (12, -25, 0, 0)),
    "fist": ((_CURLED,) * 4, 0.0, (45, 15, 40, 55)),
    "grip": (((62, 70), (65, 72), (65, 72), (66, 72)), 0.0, (50, 0, 25, 30)),
    "wide grip": (((35, 40), (38, 42), (38, 42), (38, 42)), 6.0, (55, -10, 15, 15)),
    "point": ((_STRAIGHT, _CURLED, _CURLED, _CURLED), 0.0, (50, 10, 40, 50)),
    "pinch": (((55, 45), (60, 55), (65, 65), (62, 60)), 0.0, (55, 0, 25, 25)),
    "pen": (((50, 40), (55, 55), (70, 75), (65, 70)), 0.0, (50, 5, 25, 30)),
    "hook": (((5, 80), (5, 80), (5, 80), (5, 80)), 0.0, (20, 10, 20, 20)),
    "claw": (((20, 50), (20, 50), (20, 50), (20, 50)), 12.0, (35, -15, 10, 35)),
    "thumb up": ((_CURLED,) * 4, 0.0, (-5, -35, 0, -10)),
    "two fingers": ((_STRAIGHT, _STRAIGHT, _CURLED, _CURLED), 12.0, (55, 10, 40, 50)),
    "three fingers": ((_STRAIGHT, _STRAIGHT, _CURLED, _STRAIGHT), 10.0, (60, 10, 40, 50)),
    "four fingers": ((_STRAIGHT,) * 4, 10.0, (60, 20, 40, 50)),
    "horns": ((_STRAIGHT, _CURLED, _STRAIGHT, _CURLED), 5.0, (50, 10, 40, 50)),
    "round": (((45, 40), (45, 40), (45, 40), (45, 40)), 0.0, (60, 0, 20, 20)),
}


def hand(side: str, shape: str, firmness: float = 1.0) -> Pose:
    """Form a hand: a key of HAND_SHAPES, blended with the relaxed hand for firmness < 1."""
    parts = [_hand_pose(side, HAND_SHAPES[name]) for name in (shape, "relaxed")]
    return {
        name: firmness * parts[0][name] + (1.0 - firmness) * parts[1][name] for name in parts[0]
    }


def hands(shape: str, firmness: float = 1.0) -> Pose:
    """Form both hands alike."""
    return hand("left", shape, firmness) | hand("right", shape, firmness)


def _hand_pose(side: str, shape: tuple) -> Pose:
    flexions, spread, thumb = shape
    assert side in SIDES
    pose: Pose = {}
    for finger, (knuckle, middle) in zip(LONG_FINGERS, flexions, strict=True):
        pose[f"{side}_{finger}_knuckle_flexion"] = knuckle
        pose[f"{side}_{finger}_middle_flexion"] = middle
        pose[f"{side}_{finger}_spread"] = spread
    names = ("opposition", "adduction", "knuckle_flexion", "end_flexion")
    pose |= {f"{side}_thumb_{name}": value for name, value in zip(names, thumb, strict=True)}
    return pose


def stand(
    tilt: float = 0.0,
    thigh: float = 3.0,
    knee: float = 5.0,
    apart: float = 4.0,
    toes_out: float = 4.0,
) -> Pose:
    """Set both legs with the soles flat and the feet where they are for straight legs.

    Args:
        tilt: how far the pelvis leans forward.
        thigh: how far the thighs point forward of straight down.
        knee: flexion of the knees.
        apart: abduction of the hips that sets the feet as far apart when the legs are straight.
        toes_out: outward rotation of straight legs.
    """
    hip, bend = math.radians(tilt + thigh), math.radians(knee)
    turn = -toes_out * max(math.cos(hip), 0.0)
    # To first order a foot is as far out as abduction carries thigh and shank (equally long),
    # less what outward rotation takes the bent shank inwards.
    thigh_reach = math.sin(hip) / hip if hip else 1.0
    shank_reach = (1.0 - math.cos(hip)) / hip if hip else 0.0
    reach_out = thigh_reach * (1.0 + math.cos(bend)) + shank_reach * math.sin(bend)
    abduction = (2.0 * apart - math.sin(bend) * turn) / reach_out
    return pelvis(tilt=tilt) | legs(
        hip=tilt + thigh, knee=knee, ankle=knee - thigh, apart=abduction, turn=turn
    )
