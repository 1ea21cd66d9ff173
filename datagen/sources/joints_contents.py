"""What `datagen inspect` says of files of the source `joints`.

Shape letters: T frames, K joints of the file.
"""

import numpy as np

from cluster.storage import Location
from datagen.motion import BODY_JOINT_NAMES, Array, BadClipError, ClipRef, Motion
from datagen.sources.contents import Contents
from datagen.sources.from_positions import UNITS, USUAL_LEG
from datagen.sources.joints import (
    HUMAN36M,
    MMFIT_LABELS,
    JointsConfig,
    JointsSource,
    body_joints,
    frames_and_positions,
    read_labels,
)
from datagen.sources.npz import read_npy


def inspect(path: Location) -> Contents | None:
    """Return what a file of joint positions or of MM-Fit's labels holds, or None for another.

    Raises BadClipError or UserError for one that is damaged. Such files say neither rate nor unit
    nor which way is up; the last two are guessed from the figure.
    """
    if path.name.endswith(MMFIT_LABELS):
        return Contents("joints", "MM-Fit's labels (CSV)", clips=len(read_labels(path)))
    if path.suffix.lower() != ".npy":
        return None
    _, positions = frames_and_positions(read_npy(path))
    frames, joints = positions.shape[:2]
    unit, up = guess_unit_and_up(positions)
    problems: tuple[str, ...] = ()
    motion: Motion | None = None
    try:
        source = JointsSource(JointsConfig(folder="", unit=unit, up=up))
        motion = source.read_clip(ClipRef("clip", str(path), "a person moves"))
    except BadClipError as error:
        problems = (str(error),)
    layout = "HumanML3D's 22" if joints == len(BODY_JOINT_NAMES) else "Human3.6M's 17"
    return Contents(
        "joints",
        f"a clip of joint positions, {layout} (npy)",
        joints=joints,
        frames=frames,
        units=f"unit={unit:g} (metres), up={up}, guessed from legs and head",
        problems=problems,
        motion=motion,
    )


def guess_unit_and_up(positions_TK3: Array) -> tuple[float, str]:
    """Return metres of a unit and the axis that points up, as legs and head suggest."""
    whole = positions_TK3[np.isfinite(positions_TK3).all(axis=(1, 2))]
    if whole.shape[1] == len(HUMAN36M):
        whole = body_joints(whole)
    hip, knee, ankle, head = (
        whole[:, BODY_JOINT_NAMES.index(name)]
        for name in ("left_hip", "left_knee", "left_ankle", "head")
    )
    lengths = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
    leg = float(np.median(lengths)) if len(lengths) else 0.0
    if not leg > 0:
        return 1.0, "y"
    unit = min(UNITS, key=lambda each: abs(np.log(leg * each / USUAL_LEG)))
    upwards = np.median(head - ankle, axis=0)
    axis = int(np.argmax(np.abs(upwards)))
    return unit, ("-" if upwards[axis] < 0 else "") + "xyz"[axis]
