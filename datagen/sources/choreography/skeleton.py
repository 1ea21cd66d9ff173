"""The performer's bones: the free SMPL-X rest joints of mannequin-x, made left-right symmetric.

Letters: T frames, J joints (the first 22: hands never bear on the ground beyond the wrist).
"""

from functools import cache
from pathlib import Path

import mannequin
import numpy as np

from datagen.kinematics import multiply
from datagen.motion import BODY_PARENTS, JOINT_INDEX, PARENTS, Array
from datagen.sources.choreography import rotation

BODY_JOINTS = len(BODY_PARENTS)
# mannequin-x has two hand joints of no length after the wrists that SMPL-H does not.
EXTRA_JOINTS = (22, 23)


@cache
def offsets_J3() -> Array:
    """Return each joint's rest offset (52, 3) from its parent, metres, pelvis zero."""
    assets = Path(mannequin.__file__).parent / "assets" / "smplx_calibration.npz"
    with np.load(assets, allow_pickle=False) as calibration:
        rest = np.delete(calibration["joint_rest"].astype(np.float64), EXTRA_JOINTS, axis=0)
    mirrored = [
        JOINT_INDEX[
            name.replace("left", "right") if "left" in name else name.replace("right", "left")
        ]
        for name in JOINT_INDEX
    ]
    rest = 0.5 * (rest + rest[mirrored] * np.array([-1.0, 1.0, 1.0]))
    parents = np.array(PARENTS[1:])
    offsets = np.zeros_like(rest)
    offsets[1:] = rest[1:] - rest[parents]
    return offsets


def body_frames(quaternions_TJ4: Array) -> tuple[Array, Array]:
    """Return positions (T, 22, 3) relative to the pelvis and world quaternions (T, 22, 4)."""
    offsets = offsets_J3()
    frames = len(quaternions_TJ4)
    positions = np.zeros((frames, BODY_JOINTS, 3))
    world = np.empty((frames, BODY_JOINTS, 4))
    world[:, 0] = quaternions_TJ4[:, 0]
    for joint, parent in enumerate(BODY_PARENTS[1:], start=1):
        positions[:, joint] = positions[:, parent] + rotation.rotate(
            world[:, parent], np.broadcast_to(offsets[joint], (frames, 3))
        )
        world[:, joint] = multiply(world[:, parent], quaternions_TJ4[:, joint])
    return positions, world
