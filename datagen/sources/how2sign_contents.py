"""What `datagen inspect` says of files of the source `how2sign`."""

import numpy as np

from cluster.storage import Location
from datagen.motion import BadClipError, Motion
from datagen.sources.contents import Contents, columns_of
from datagen.sources.frames import fill_rotations
from datagen.sources.how2sign import (
    OF_A_FRAME,
    OF_A_SENTENCE,
    WIDTHS,
    How2SignConfig,
    read_poses,
    upright,
)
from datagen.sources.how2sign_text import COLUMNS, read_sentences
from datagen.sources.npz import floats, names_in, read_npz
from datagen.sources.smpl_motion import joint_rotations

SMPLX_JOINT_COUNT = 55


def inspect(path: Location) -> Contents | None:
    """Return what a file of fitted poses or of How2Sign's sentences holds, or None for another.

    Raises BadClipError or UserError for one that is damaged.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv" and COLUMNS[0] in columns_of(path, "\t"):
        sentences = read_sentences(path, How2SignConfig.rate).values()
        return Contents(
            "how2sign",
            "How2Sign's realigned sentences (CSV)",
            clips=len(sentences),
            people=f"{len({sentence.signer for sentence in sentences})} signers or videos",
        )
    if suffix == ".pkl":
        return _of_clip(path, "SignAvatars' poses of a sentence or video (pkl)")
    names = names_in(path) if suffix == ".npz" else []
    if OF_A_SENTENCE[0] in names:
        return _of_clip(path, "SMPL-X poses of a sentence or video (npz)")
    return _of_frame(path) if set(OF_A_FRAME) <= set(names) else None


def _of_clip(path: Location, layout: str) -> Contents:
    frames: int | None = None
    problems: tuple[str, ...] = ()
    motion: Motion | None = None
    try:
        _, poses = read_poses(path)
        frames = len(poses)
        filled = fill_rotations(poses.reshape(frames, -1, 3), How2SignConfig.rate)
        rotations = upright(joint_rotations(filled.reshape(frames, -1), "a pose"))
        still = np.zeros((frames, 3))
        motion = Motion(path.stem, How2SignConfig.rate, rotations, still, "")
    except BadClipError as error:
        problems = (str(error),)
    return Contents(
        "how2sign",
        layout,
        joints=SMPLX_JOINT_COUNT,
        frames=frames,
        problems=problems,
        motion=motion,
    )


def _of_frame(path: Location) -> Contents:
    layout = "SMPLer-X's pose of one frame of a video (npz)"
    problems: tuple[str, ...] = ()
    try:
        stored = read_npz(path, OF_A_FRAME)
        for name, width in zip(OF_A_FRAME, WIDTHS, strict=True):
            floats({name: np.reshape(stored[name], (1, -1))}, name, width)
    except BadClipError as error:
        problems = (str(error),)
    return Contents("how2sign", layout, joints=SMPLX_JOINT_COUNT, frames=1, problems=problems)
