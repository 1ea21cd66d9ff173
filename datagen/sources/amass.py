"""The source `amass`: SMPL-H npz files of the archive AMASS, and sentences for them.

Shape letters: T frames, J joints (the 52 of SMPL-H).
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location, location
from datagen.body import BUILT_IN, SHAPES, BodyModel
from datagen.motion import Array, BadClipError, ClipRef, Motion
from datagen.smpl_file import SmplFile
from datagen.sources.amass_text import (
    Stretch,
    Stretches,
    file_key,
    frames_of,
    read_babel,
    read_humanml3d,
)
from datagen.sources.bvh import text_from_name
from datagen.sources.contents import Contents, columns_of, contents_of_clip
from datagen.sources.listing import below, clip_name, files_below, unique
from datagen.sources.npz import floats, names_in, number, read_npz, word
from datagen.sources.smpl_motion import into_project, joint_rotations, mean_pelvis, snapped_rate

WANTED = ("poses", "trans", "betas", "mocap_framerate", "mocap_frame_rate", "gender")
# A person's shape without a pose, which AMASS keeps beside the clips.
NOT_CLIPS = ("shape.npz", "_stagei.npz")
# A part of a file: its path, and the place of a Stretch.
PART = re.compile(r"(.*)#([\d.]+:[\d.]+f?)", re.DOTALL)
# ACCAD/Female1Walking_c3d, DanceDB/20120731_StefanosTheodorou: and what names the person.
OF_ONE_PERSON = re.compile(r"((?:Female|Male)\d+)[A-Za-z]\w*_c3d|\d{8}_([A-Za-z]\w*)")
GENDER, GENDERS = "{gender}", ("female", "male", "neutral")


@dataclass
class AmassConfig:
    """AMASS or one of its data sets.

    Attributes:
        folder: searched for *.npz with all its subfolders.
        babel: BABEL's JSON file or the folder of all of them; only what it labels is read.
        humanml3d: HumanML3D's folder, with index.csv and texts; only what it describes is read.
            Without either, a clip's text is the words of its file name.
        body: SMPL-H model file (.npz, .pkl), `{gender}` in its path standing for MALE, FEMALE or
            NEUTRAL; without one the pelvis is the mean mannequin's and bones stay unknown.
        name: what the clips' names begin with.
        licence: what the motion may be used for, for the cards of what is trained on it.
    """

    folder: str
    babel: str = ""
    humanml3d: str = ""
    body: str = BUILT_IN
    name: str = "amass"
    licence: str = "AMASS: non-commercial research; its parts have terms besides"


class AmassSource:
    """Reads the clips of an `AmassConfig`; raises UserError for both kinds of text at once."""

    def __init__(self, config: AmassConfig) -> None:
        if config.babel and config.humanml3d:
            raise UserError(
                f"sources.amass.{config.name}: has babel and humanml3d; make two sources of it"
            )
        self.config = config

    def list_clips(self) -> list[ClipRef]:
        """List every clip, or every stretch that BABEL or HumanML3D describes, by name.

        Raises UserError for a folder that is missing, empty or not described, for texts that
        cannot be read, for no body model's file, and for clips of the same name.
        """
        folder, body = self.config.folder, self.config.body
        models = body_files(body).values()
        if models and not any(location(path).is_file() for path in models):
            raise UserError(
                f"sources.amass.{self.config.name}.body={body}: no such file; give an SMPL-H model"
            )
        paths = [p for p in files_below(folder, "*.npz", "AMASS") if not p.name.endswith(NOT_CLIPS)]
        if not paths:
            raise UserError(
                f"{folder}: its npz files hold people's shapes alone ({', '.join(NOT_CLIPS)}); "
                "give the folder that holds the clips, too"
            )
        if self.config.babel:
            stretches = read_babel(location(self.config.babel))
        elif self.config.humanml3d:
            stretches = read_humanml3d(location(self.config.humanml3d))
        else:
            return unique(self.refer(path, below(folder, path)) for path in paths)
        refs = unique(
            self.refer(path, below(folder, path), stretch)
            for path in paths
            for stretch in _stretches_of(path, stretches)
        )
        if not refs:
            given = self.config.babel or self.config.humanml3d
            raise UserError(
                f"{given}: describes none of the files in {folder}; their paths have to end "
                f"in DATASET/SUBJECT/NAME_poses.npz as in AMASS"
            )
        return refs

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read one clip at its own rate; raises BadClipError with the reason."""
        part = PART.fullmatch(ref.locator)
        path, place = part.groups() if part else (ref.locator, "")
        stored = read_npz(location(path), WANTED)
        poses, trans = floats(stored, "poses"), floats(stored, "trans", 3)
        if len(poses) != len(trans):
            raise BadClipError(f"has {len(poses)} poses but {len(trans)} positions")
        slow = stored.get("mocap_framerate") is None and "mocap_frame_rate" in stored
        rate = snapped_rate(number(stored, "mocap_frame_rate" if slow else "mocap_framerate"))
        pelvis, offsets = self._body(stored)
        kept = frames_of(place, len(poses), rate)
        rotations, translation = into_project(
            joint_rotations(poses[kept], "poses"), trans[kept] + pelvis
        )
        return Motion(
            name=ref.name,
            rate=rate,
            rotations_TJ3=rotations,
            translation_T3=translation,
            text=ref.text,
            action=ref.action,
            subject=ref.subject,
            source=ref.source,
            offsets_J3=offsets,
        )

    def _body(self, stored: dict[str, Any]) -> tuple[Array, Array | None]:
        """Return where the pelvis lies in the model's coordinates, and the person's own bones.

        `trans` moves the whole body, so the pelvis is at trans + J_pelvis(betas). Only a model
        file understands `betas`; the mannequin stands in with its mean.
        """
        if self.config.body == BUILT_IN:
            return mean_pelvis(), None
        path = self.config.body
        if GENDER in path:
            # Some files hold the printed form of bytes, b'male'.
            gender = word(stored, "gender").lower().removeprefix("b").strip("'")
            if gender not in GENDERS:
                raise BadClipError(f"has the gender {gender[:20]!r}, for which there is no model")
            path = path.replace(GENDER, gender.upper())
        betas = floats({"betas": np.reshape(stored.get("betas", 0), (1, -1))}, "betas")[:, :SHAPES]
        if betas.shape[1] != SHAPES:
            raise BadClipError(f"has {betas.shape[1]} betas; a body needs {SHAPES}")
        body = _model(path, f"sources.amass.{self.config.name}.body").bodies(betas)
        return body.joints_NJ3[0, 0], body.offsets_NJ3[0]

    def refer(self, path: Location, below: Path, stretch: Stretch | None = None) -> ClipRef:
        """Return the clip of a file that lies at `below` in the folder, or a stretch of it."""
        name = clip_name(self.config.name, below)
        subject = "" if below.parent == Path() else _person(below.parent)
        if stretch is None:
            text = text_from_name(below.stem.removesuffix("_poses").removesuffix("_stageii"))
            return ClipRef(name, str(path), text, "", subject, self.config.name)
        return ClipRef(
            f"{name}-{stretch.name}",
            f"{path}#{stretch.place}" if stretch.place else str(path),
            stretch.text,
            stretch.action,
            # All that is cut from one file is of one person, known or not.
            subject or below.stem,
            self.config.name,
        )


def body_files(body: str) -> dict[str, str]:
    """Return the model files that clips may need, by what tells them apart: .MALE and so on."""
    if body == BUILT_IN:
        return {}
    if GENDER not in body:
        return {"": body}
    return {f".{name.upper()}": body.replace(GENDER, name.upper()) for name in GENDERS}


@cache
def _model(path: str, key: str) -> BodyModel:
    return SmplFile(location(path), key)


def inspect(path: Location) -> Contents | None:
    """Return what a clip of AMASS or a file of BABEL or HumanML3D holds, or None for another file.

    Raises BadClipError or UserError for one that is damaged.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        names = set(names_in(path))
        if not {"poses", "trans"} <= names:
            return None
        source = AmassSource(AmassConfig(folder=""))
        ref = source.refer(path, Path(*path.resolve().parts[-3:]))
        layout = "SMPL-X" if "pose_jaw" in names else "SMPL-H"
        form = f"a clip of AMASS: {layout} poses (npz)"
        joints = 55 if layout == "SMPL-X" else 52
        return contents_of_clip("amass", form, joints, lambda: source.read_clip(ref))
    if suffix == ".json":
        return _described("BABEL's labels (JSON)", read_babel(path))
    if suffix == ".csv" and "source_path" in columns_of(path, ","):
        return _described("HumanML3D's index (CSV)", read_humanml3d(path.parent))
    return None


def _described(form: str, stretches: Stretches) -> Contents:
    found = [stretch for each in stretches.values() for stretch in each]
    words = f"{len({stretch.text for stretch in found})} sentences for {len(stretches)} files"
    return Contents("amass", form, clips=len(found), text=words)


def _stretches_of(path: Location, stretches: Stretches) -> list[Stretch]:
    """Return the stretches of a file by its path, or by that of what it is a link to."""
    ways = (path.absolute() if isinstance(path, Path) else path, path.resolve())
    return next((found for way in ways if (found := stretches.get(file_key(way.as_posix())))), [])


def _person(folder: Path) -> str:
    """Return whose a folder is: ACCAD's and DanceDB's have several for one person."""
    named = OF_ONE_PERSON.fullmatch(folder.name)
    return (folder.parent / (named[1] or named[2]) if named else folder).as_posix()
