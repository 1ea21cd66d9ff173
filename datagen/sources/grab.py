"""The source `grab`: people who grasp objects, SMPL-X npz files of the data set GRAB.

Shape letters: T frames, J joints (the 52 of SMPL-H), P principal components of a hand's pose.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location, location
from datagen.motion import Array, BadClipError, ClipRef, Motion
from datagen.sources.contents import Contents, contents_of_clip
from datagen.sources.grab_text import describe
from datagen.sources.listing import below, clip_name, files_below, unique
from datagen.sources.npz import floats, mapping, names_in, number, read_npz, word
from datagen.sources.smpl_motion import into_project, joint_rotations, mean_pelvis, snapped_rate

WANTED = ("sbj_id", "framerate", "body")
HANDS = ("left", "right")
HAND_WIDTH = 45


@dataclass
class GrabConfig:
    """GRAB's folder.

    Attributes:
        folder: holds s1 to s10 with their *.npz.
        hands: an SMPL-X model file (.npz), whose principal components of hand poses are needed
            for clips without `fullpose`.
        name: what the clips' names begin with.
        licence: what the motion may be used for, for the cards of what is trained on it.
    """

    folder: str
    hands: str = ""
    name: str = "grab"
    licence: str = "GRAB: non-commercial research"


class GrabSource:
    """Reads the clips of a `GrabConfig`; raises UserError where `hands` cannot be read."""

    def __init__(self, config: GrabConfig) -> None:
        self.config = config
        self._hands = read_hands(config.hands) if config.hands else None

    def list_clips(self) -> list[ClipRef]:
        """List every clip by name; intent and object stand in the file's name, as GRAB has it.

        Raises UserError for a folder that is missing or empty, or clips of the same name.
        """
        folder = self.config.folder
        paths = files_below(folder, "*.npz", "GRAB")
        return unique(self.refer(path, below(folder, path)) for path in paths)

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read one clip at its own rate; raises BadClipError with the reason."""
        clip = read_npz(location(ref.locator), WANTED)
        person = word(clip, "sbj_id")
        if ref.subject and person != ref.subject:
            raise BadClipError(f"is of the person {person} but lies in the folder {ref.subject}")
        params = mapping(mapping(clip, "body"), "params")
        translation = floats(params, "transl", 3)
        rotations = joint_rotations(full_pose(params, self._hands), "fullpose")
        if len(rotations) != len(translation):
            raise BadClipError(f"has {len(rotations)} poses but {len(translation)} positions")
        # GRAB's people are measured surfaces without shape values: the mean body's pelvis is off
        # by centimetres, the same in every frame.
        rotations, pelvis = into_project(rotations, translation + mean_pelvis())
        return Motion(
            name=ref.name,
            rate=snapped_rate(number(clip, "framerate")),
            rotations_TJ3=rotations,
            translation_T3=pelvis,
            text=ref.text,
            action=ref.action,
            subject=ref.subject,
            source=ref.source,
        )

    def refer(self, path: Location, below: Path) -> ClipRef:
        """Return the clip of a file that lies at `below` in the folder."""
        text, action = describe(below.stem)
        name = clip_name(self.config.name, below)
        return ClipRef(name, str(path), text, action, below.parent.name, self.config.name)


def full_pose(params: dict[str, Any], hands: dict[str, Array] | None) -> Array:
    """Return the pose of SMPL-X (T, 165), put together from its parts where it is not given.

    A hand's pose is p C + m, with p (T, P) what is stored and the components C (P, 45) and mean
    m (45,) of SMPL-X. Raises BadClipError where the components are needed and not given.
    """
    if params.get("fullpose") is not None:
        return floats(params, "fullpose", 165)
    if hands is None:
        raise BadClipError(
            "has no fullpose, and its hands are principal components; "
            "give an SMPL-X model file as `hands`"
        )
    parts = [floats(params, "global_orient", 3), floats(params, "body_pose", 63)]
    parts += [floats(params, name, 3) for name in ("jaw_pose", "leye_pose", "reye_pose")]
    for side in HANDS:
        values = floats(params, f"{side}_hand_pose")
        if values.shape[1] > HAND_WIDTH:
            raise BadClipError(f"has {side}_hand_pose of shape {values.shape}, not (T, 24)")
        parts.append(values @ hands[side][: values.shape[1]] + hands[f"{side} mean"])
    if len({len(part) for part in parts}) != 1:
        raise BadClipError("has parts of the pose with different numbers of frames")
    return np.concatenate(parts, axis=1)


def read_hands(path: str) -> dict[str, Array]:
    """Return components (45, 45) and means (45,) of both hands' poses; raises UserError."""
    hands = {}
    try:
        stored = read_npz(location(path))
        for side in HANDS:
            components, mean = f"hands_components{side[0]}", f"hands_mean{side[0]}"
            rows = {mean: np.asarray(stored.get(mean, 0)).reshape(1, -1)}
            hands[side] = floats(stored, components, HAND_WIDTH)
            hands[f"{side} mean"] = floats(rows, mean, HAND_WIDTH)[0]
            if len(hands[side]) != HAND_WIDTH:
                raise BadClipError(f"has {components} of shape {hands[side].shape}, not (45, 45)")
    except BadClipError as error:
        raise UserError(f"{path}: {error}; `hands` is an SMPL-X model file (.npz)") from None
    return hands


def inspect(path: Location) -> Contents | None:
    """Return what a GRAB clip holds, or None for another file; raises BadClipError."""
    if path.suffix.lower() != ".npz" or not {"sbj_id", "body"} <= set(names_in(path)):
        return None
    source = GrabSource(GrabConfig(folder=""))
    ref = source.refer(path, Path(path.resolve().parent.name, path.name))
    form = "a clip of GRAB: SMPL-X poses and an object (npz)"
    return contents_of_clip("grab", form, 55, lambda: source.read_clip(ref))
