"""Where the pelvis must be so that what bears on the ground stays there.

The lowest bearing point lies on the floor and, as far as it bears, does not slide: walking
moves forward by its own steps. Both rules are smooth (a soft minimum over points). What quickness
the change of the bearing foot leaves is taken out by Gaussians: a short one upwards, for the
compliance of ankles, soles and soft tissue, and a longer one along the floor, where a body's
speed hardly changes within a step; the feet then glide by a few centimetres.

Letters: T frames, P bearing points.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from datagen.motion import JOINT_INDEX, Array
from datagen.sources.choreography import rotation, skeleton

# Bearing points as (joint whose rotation carries the point, offset from it in rest, metres).
FEET = tuple(
    (f"{side}_{joint}", offset)
    for side in ("left", "right")
    for joint, offset in (
        ("ankle", (0.0, -0.07, -0.05)),
        ("foot", (0.0, -0.013, 0.0)),
        ("foot", (0.0, -0.011, 0.06)),
    )
)
KNEES = tuple((f"{side}_knee", (0.0, -0.02, 0.05)) for side in ("left", "right"))
TOES = tuple((f"{side}_foot", (0.0, -0.011, 0.06)) for side in ("left", "right"))
HANDS = tuple(
    (f"{side}_wrist", (sign * 0.07, -0.03, 0.0)) for side, sign in (("left", 1.0), ("right", -1.0))
)
SUPPORTS = {
    "feet": FEET,
    "knees": KNEES + TOES,
    "hands and toes": HANDS + TOES,
    "hands and knees": HANDS + KNEES,
}
# Metres above the lowest point at which a point's share in the height, and in the grip, has
# fallen to 1/e.
SOFT_MINIMUM = 0.012
SOFT_GRIP = 0.004
COMPLIANCE_SECONDS = 0.045
INERTIA_SECONDS = 0.16


def place_pelvis(quaternions_TJ4: Array, support: str, rate: float) -> Array:
    """Return the pelvis' position (T, 3) in metres over the floor y = 0.

    `support` is a key of SUPPORTS, or "seat": then the pelvis rests where it is highest enough
    for the feet to touch the floor on average.
    """
    points = SUPPORTS["feet" if support == "seat" else support]
    points_TP3 = _points(quaternions_TJ4, points)
    heights_TP = points_TP3[..., 1]
    if support == "seat":
        place = np.zeros((len(points_TP3), 3))
        place[:, 1] = -heights_TP.mean()
        return place
    lowest = heights_TP.min(axis=1, keepdims=True)
    near_TP = np.exp((lowest - heights_TP) / SOFT_MINIMUM)
    floor_T = lowest[:, 0] - SOFT_MINIMUM * np.log(near_TP.mean(axis=1))
    grip_TP = np.exp((lowest - heights_TP) / SOFT_GRIP)
    slide_T3 = np.einsum(
        "tp,tpc->tc",
        grip_TP / grip_TP.sum(axis=1, keepdims=True),
        np.gradient(points_TP3, 1.0 / rate, axis=0),
    )
    place = -np.concatenate(
        [np.zeros((1, 3)), np.cumsum(0.5 * (slide_T3[1:] + slide_T3[:-1]), axis=0) / rate]
    )
    place[:, 1] = -floor_T
    for axis, seconds in enumerate((INERTIA_SECONDS, COMPLIANCE_SECONDS, INERTIA_SECONDS)):
        place[:, axis] = gaussian_filter1d(place[:, axis], seconds * rate, mode="nearest")
    return place


def _points(quaternions_TJ4: Array, points: tuple) -> Array:
    positions, world = skeleton.body_frames(quaternions_TJ4)
    joints = [JOINT_INDEX[name] for name, _ in points]
    offsets = np.array([offset for _, offset in points])
    return positions[:, joints] + rotation.rotate(
        world[:, joints], np.broadcast_to(offsets, (len(positions), *offsets.shape))
    )
