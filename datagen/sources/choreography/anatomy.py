"""Anatomical angles and how they become SMPL-H rotations.

The angles are the clinic's: degrees, zero in the neutral standing position (arms hanging, palms
towards the thighs, thumbs forward), each positive in the direction that its name says. The rest
pose of SMPL is the T-pose, facing +z, left arm along +x, palms down; lowering both arms by 90
degrees gives the neutral position.

Shoulder and hip: (flexion, abduction) are the two components of one swing of the limb away from
hanging, as an exponential map, so that neither flexion nor abduction of 90 degrees is singular;
rotation is the turn of the limb about its own length, before the swing. The shoulder's angles are
of the upper arm against the thorax; the collar takes its share inside (scapulohumeral rhythm).
Rotations of the right side mirror the left's.

Letters: T frames, A angles, J joints.
"""

import numpy as np

from datagen.kinematics import conjugate, multiply, quaternions
from datagen.motion import FINGERS, JOINT_INDEX, JOINTS, Array
from datagen.sources.choreography import rotation

SIDES = ("left", "right")
LONG_FINGERS = FINGERS[:4]

# Lowest and highest angle in degrees. A: norms of the American Academy of Orthopaedic Surgeons
# (Joint Motion: Method of Measuring and Recording, 1965; Greene & Heckman 1994); K: Kapandji, The
# Physiology of the Joints, where the Academy gives none or measures in one position only.
SIDE_LIMITS: dict[str, tuple[float, float, str]] = {
    "collar_elevation": (-10, 40, "K"),
    "collar_protraction": (-25, 30, "K"),
    "shoulder_flexion": (-60, 180, "A"),
    "shoulder_abduction": (-45, 180, "A; adduction across the chest K"),
    "shoulder_internal_rotation": (-90, 95, "A outwards; K inwards, behind the back"),
    "elbow_flexion": (0, 150, "A"),
    "forearm_pronation": (-80, 80, "A"),
    "wrist_flexion": (-70, 80, "A"),
    "wrist_ulnar_deviation": (-20, 30, "A"),
    **{
        f"{finger}_{part}": limit
        for finger in LONG_FINGERS
        for part, limit in {
            "knuckle_flexion": (-45.0, 90.0, "A"),
            "middle_flexion": (0.0, 100.0, "A"),
            "spread": (-20.0, 20.0, "K"),
        }.items()
    },
    "thumb_opposition": (-15, 70, "A (palmar abduction)"),
    "thumb_adduction": (-40, 30, "K"),
    "thumb_knuckle_flexion": (-10, 50, "A"),
    "thumb_end_flexion": (-20, 80, "A"),
    "hip_flexion": (-30, 120, "A"),
    "hip_abduction": (-30, 45, "A"),
    "hip_internal_rotation": (-45, 45, "A"),
    "knee_flexion": (0, 135, "A"),
    "ankle_dorsiflexion": (-50, 20, "A"),
    "ankle_inversion": (-15, 35, "A"),
    "toe_extension": (-45, 70, "A"),
}
TRUNK_LIMITS: dict[str, tuple[float, float, str]] = {
    "spine_flexion": (-25, 80, "A"),
    "spine_left_bend": (-35, 35, "A"),
    "spine_left_turn": (-45, 45, "A"),
    "neck_flexion": (-45, 45, "A"),
    "neck_left_bend": (-45, 45, "A"),
    "neck_left_turn": (-60, 60, "A"),
}
# Where the pelvis is turned, and how far it is off the ground (metres); not joints.
PELVIS = ("pelvis_forward_tilt", "pelvis_left_tilt", "pelvis_left_turn", "pelvis_lift")

ANGLES = (
    *(f"{side}_{name}" for side in SIDES for name in SIDE_LIMITS),
    *TRUNK_LIMITS,
    *PELVIS,
)
ANGLE_INDEX = {name: index for index, name in enumerate(ANGLES)}
LIMITS = {f"{side}_{name}": SIDE_LIMITS[name][:2] for side in SIDES for name in SIDE_LIMITS} | {
    name: limit[:2] for name, limit in TRUNK_LIMITS.items()
}
LIMITED = np.array([ANGLE_INDEX[name] for name in LIMITS])
LOW_A = np.array([limit[0] for limit in LIMITS.values()], dtype=np.float64)
HIGH_A = np.array([limit[1] for limit in LIMITS.values()], dtype=np.float64)
SOFTNESS_A = np.minimum(2.0, (HIGH_A - LOW_A) / 25.0)

ARM_HANGS = rotation.turn(2, np.array(-0.5 * np.pi))
# The wrist joint carries little of the forearm's turn: a watch sits just above it.
WRIST_SHARE_OF_PRONATION = 0.15
# Degrees that the collar bone rises, and comes forward, while the arm is lifted overhead.
COLLAR_RISE = 26.0
COLLAR_SWING = 12.0
END_JOINT_SHARE = 0.67
MIRROR_QUATERNION = np.array([1.0, 1.0, -1.0, -1.0])
THUMB_OPPOSITION_AXIS = np.array([0.83, 0.0, -0.56])
THUMB_CURL_AXIS = np.array([0.5, 0.8, -0.33])

_mirrored = [
    ANGLE_INDEX[name.replace("left", "right", 1)]
    if name.startswith("left")
    else ANGLE_INDEX[name.replace("right", "left", 1)]
    if name.startswith("right")
    else index
    for index, name in enumerate(ANGLES)
]
MIRRORED = np.array(_mirrored)
MIRROR_SIGN = np.array([-1.0 if "_left_bend" in n or "_left_t" in n else 1.0 for n in ANGLES])


def mirror(angles_TA: Array) -> Array:
    """Return the angles of the mirror image."""
    return angles_TA[..., MIRRORED] * MIRROR_SIGN


def hard_limit(angles_A: Array) -> Array:
    """Return a key pose with every joint at most at its limit."""
    limited = angles_A.copy()
    limited[LIMITED] = np.clip(angles_A[LIMITED], LOW_A, HIGH_A)
    return limited


def soft_limit(angles_TA: Array) -> Array:
    """Keep every joint strictly inside its limits, smoothly.

    The map is analytic, rises everywhere, and is the identity but for the last few degrees.
    """
    limited = angles_TA.copy()
    inner = angles_TA[..., LIMITED]
    over = SOFTNESS_A * np.logaddexp(0.0, (inner - HIGH_A) / SOFTNESS_A)
    under = SOFTNESS_A * np.logaddexp(0.0, (LOW_A - inner) / SOFTNESS_A)
    limited[..., LIMITED] = inner - over + under
    return limited


def joint_quaternions(angles_TA: Array) -> Array:
    """Turn anatomical angles (T, A) in degrees into local quaternions (T, 52, 4)."""
    quaternions_TJ4 = np.zeros((len(angles_TA), JOINTS, 4))
    quaternions_TJ4[..., 0] = 1.0
    radians_AT = dict(zip(ANGLES, np.radians(angles_TA).T, strict=True))
    _set_trunk(quaternions_TJ4, radians_AT)
    for side in SIDES:
        angle = {name: radians_AT[f"{side}_{name}"] for name in SIDE_LIMITS}
        sign = MIRROR_QUATERNION if side == "right" else np.ones(4)
        for joint, quaternion in (_arm(angle) | _hand(angle) | _leg(angle)).items():
            quaternions_TJ4[:, JOINT_INDEX[f"{side}_{joint}"]] = sign * quaternion
    return quaternions_TJ4


def _vector(x: Array | float, y: Array | float, z: Array | float) -> Array:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def _set_trunk(quaternions_TJ4: Array, angle: dict[str, Array]) -> None:
    pelvis = multiply(
        rotation.turn(1, angle["pelvis_left_turn"]),
        quaternions(
            _vector(angle["pelvis_forward_tilt"], 0.0, -angle["pelvis_left_tilt"]),
        ),
    )
    spine, neck = (
        _vector(angle[f"{part}_flexion"], angle[f"{part}_left_turn"], -angle[f"{part}_left_bend"])
        for part in ("spine", "neck")
    )
    quaternions_TJ4[:, JOINT_INDEX["pelvis"]] = pelvis
    for joint in ("spine1", "spine2", "spine3"):
        quaternions_TJ4[:, JOINT_INDEX[joint]] = quaternions(spine / 3.0)
    for joint in ("neck", "head"):
        quaternions_TJ4[:, JOINT_INDEX[joint]] = quaternions(neck / 2.0)


def _arm(angle: dict[str, Array]) -> dict[str, Array]:
    flexion, abduction = angle["shoulder_flexion"], angle["shoulder_abduction"]
    upper_arm = swing_and_turn(flexion, abduction, angle["shoulder_internal_rotation"])
    lifted = 0.5 * (1.0 - np.cos(np.sqrt(flexion**2 + abduction**2)))
    collar = quaternions(
        _vector(
            0.0,
            -angle["collar_protraction"] - np.radians(COLLAR_SWING) * lifted * np.sin(flexion),
            angle["collar_elevation"] + np.radians(COLLAR_RISE) * lifted,
        )
    )
    pronation = angle["forearm_pronation"]
    return {
        "collar": collar,
        "shoulder": multiply(conjugate(collar), multiply(upper_arm, ARM_HANGS)),
        "elbow": multiply(
            rotation.turn(1, -angle["elbow_flexion"]),
            rotation.turn(0, (1.0 - WRIST_SHARE_OF_PRONATION) * pronation),
        ),
        "wrist": multiply(
            rotation.turn(0, WRIST_SHARE_OF_PRONATION * pronation),
            quaternions(
                _vector(0.0, angle["wrist_ulnar_deviation"], -angle["wrist_flexion"]),
            ),
        ),
    }


def swing_and_turn(flexion: Array, abduction: Array, internal_rotation: Array) -> Array:
    """Return the rotation (..., 4) of a hanging left limb, in radians, from neutral."""
    return multiply(
        quaternions(_vector(-flexion, 0.0, abduction)), rotation.turn(1, -internal_rotation)
    )


def _hand(angle: dict[str, Array]) -> dict[str, Array]:
    joints = {}
    for finger, outward in zip(LONG_FINGERS, (-1.0, 0.0, 1.0, 0.5), strict=True):
        spread, middle = angle[f"{finger}_spread"], angle[f"{finger}_middle_flexion"]
        joints[f"{finger}1"] = quaternions(
            _vector(0.0, outward * spread, -angle[f"{finger}_knuckle_flexion"])
        )
        joints[f"{finger}2"] = rotation.turn(2, -middle)
        joints[f"{finger}3"] = rotation.turn(2, -END_JOINT_SHARE * middle)
    joints["thumb1"] = quaternions(
        angle["thumb_opposition"][:, None] * THUMB_OPPOSITION_AXIS
        + angle["thumb_adduction"][:, None] * np.array([0.0, 1.0, 0.0])
    )
    joints["thumb2"] = quaternions(angle["thumb_knuckle_flexion"][:, None] * THUMB_CURL_AXIS)
    joints["thumb3"] = quaternions(angle["thumb_end_flexion"][:, None] * THUMB_CURL_AXIS)
    return joints


def _leg(angle: dict[str, Array]) -> dict[str, Array]:
    return {
        "hip": swing_and_turn(
            angle["hip_flexion"], angle["hip_abduction"], angle["hip_internal_rotation"]
        ),
        "knee": rotation.turn(0, angle["knee_flexion"]),
        "ankle": quaternions(_vector(-angle["ankle_dorsiflexion"], 0.0, -angle["ankle_inversion"])),
        "foot": rotation.turn(0, -angle["toe_extension"]),
    }
