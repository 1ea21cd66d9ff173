"""Motion: one clip on the SMPL-H skeleton, in the project's world.

World: y up, metres, seconds, right-handed; the rest pose is the T-pose of SMPL, facing +z with
the left arm along +x. Shape letters: T frames, J joints.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BODY_JOINT_NAMES = (
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 "
    "left_foot right_foot neck left_collar right_collar head left_shoulder right_shoulder "
    "left_elbow right_elbow left_wrist right_wrist"
).split()
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
HAND_JOINT_NAMES = [
    f"{side}_{finger}{knuckle}"
    for side in ("left", "right")
    for finger in FINGERS
    for knuckle in (1, 2, 3)
]
JOINT_NAMES = tuple(BODY_JOINT_NAMES + HAND_JOINT_NAMES)
JOINT_INDEX = {name: index for index, name in enumerate(JOINT_NAMES)}
BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
HAND_PARENTS = tuple(
    JOINT_INDEX[f"{side}_wrist"] if knuckle == 1 else JOINT_INDEX[f"{side}_{finger}{knuckle - 1}"]
    for side in ("left", "right")
    for finger in FINGERS
    for knuckle in (1, 2, 3)
)
PARENTS = BODY_PARENTS + HAND_PARENTS
JOINTS = len(JOINT_NAMES)


# The licence of what nobody has said anything about.
NOT_STATED = "not stated"


class BadClipError(Exception):
    """A clip that cannot be used; the message is the reason, listed in the manifest."""


@dataclass(frozen=True)
class Motion:
    """One clip of one person.

    Attributes:
        name: unique among the clips of a run.
        rate: frames per second.
        rotations_TJ3: axis-angle in radians, each joint relative to its parent, the pelvis
            relative to the world.
        translation_T3: position of the pelvis in metres.
        text: one sentence that says what happens.
        action: short label of the activity, or "" where the source has none.
        subject: who moves, or "" where the source does not say.
        source: which source it came from.
        offsets_J3: the performer's own bones: rest offset of each joint from its parent in
            metres (the pelvis' row is zero), where the source knows them.
    """

    name: str
    rate: float
    rotations_TJ3: Array
    translation_T3: Array
    text: str
    action: str = ""
    subject: str = ""
    source: str = ""
    offsets_J3: Array | None = field(default=None)

    def __post_init__(self) -> None:
        frames = len(self.rotations_TJ3)
        if self.rotations_TJ3.shape != (frames, JOINTS, 3):
            raise BadClipError(
                f"rotations have shape {self.rotations_TJ3.shape}, not (T, {JOINTS}, 3)"
            )
        if self.translation_T3.shape != (frames, 3):
            raise BadClipError(
                f"translation has shape {self.translation_T3.shape}, not ({frames}, 3)"
            )
        if not 1 <= self.rate <= 2000:
            raise BadClipError(f"a rate of {self.rate:g} frames per second is not believable")
        if not (np.isfinite(self.rotations_TJ3).all() and np.isfinite(self.translation_T3).all()):
            raise BadClipError("has NaN or infinite values")

    @property
    def seconds(self) -> float:
        """Time from the first frame to the last."""
        return (len(self.rotations_TJ3) - 1) / self.rate


@dataclass(frozen=True)
class ClipRef:
    """A clip that a source has listed but not yet read.

    Attributes:
        name: unique among the clips of a run; also the key of its samples, so of letters,
            digits, `_`, `-` and `/` alone.
        locator: what the source needs to read it: a path, or a seed.
        text, action, subject, source: as in Motion; known without reading.
    """

    name: str
    locator: str
    text: str
    action: str = ""
    subject: str = ""
    source: str = ""


class Source(Protocol):
    """A reader of one format; picklable, so that it can be sent to a worker."""

    def list_clips(self) -> list[ClipRef]:
        """List every clip in an order that never changes, without reading motion.

        Raises UserError for a folder that is missing or empty.
        """

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read one clip; raises BadClipError with the reason where it cannot be used."""
