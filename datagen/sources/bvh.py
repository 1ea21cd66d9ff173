"""The source `bvh`: a folder of BVH files, a skeleton map, and sentences for them."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import UserError
from datagen.motion import BadClipError, ClipRef, Motion
from datagen.sources.bvh_file import Bvh, read_bvh
from datagen.sources.listing import clip_name, files_below, unique
from datagen.sources.retarget import Retargeted, retarget
from datagen.sources.skeleton_map import load_skeleton_map

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass
class BvhConfig:
    """A folder of motion capture.

    Attributes:
        folder: searched for *.bvh with all its subfolders.
        skeleton: a preset (bandai, cmu, mixamo) or the path of a skeleton map (.yaml).
        descriptions: CSV with the columns `file` (path below the folder) and `description`, one
            sentence a clip, and optionally `content`, the activity's label. Without it a clip's
            text is the words of its file name.
        name: what the clips' names begin with.
    """

    folder: str
    skeleton: str
    descriptions: str = ""
    name: str = "bvh"


class BvhSource:
    """Reads the clips of a `BvhConfig`.

    Raises UserError for a skeleton map or descriptions that cannot be read.
    """

    def __init__(self, config: BvhConfig) -> None:
        self.config = config
        self.skeleton = load_skeleton_map(config.skeleton)
        self._described = _read_descriptions(config.descriptions) if config.descriptions else None

    def list_clips(self) -> list[ClipRef]:
        """List every BVH file below the folder, by name.

        Raises UserError for a folder that is missing or has no BVH file in it, and for files
        whose clips would have the same name.
        """
        folder = self.config.folder
        paths = files_below(folder, ".bvh", "BVH")
        return unique(self._refer(path, path.relative_to(folder)) for path in paths)

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read and retarget one clip at its own rate; raises BadClipError with the reason."""
        bvh, retargeted = self.read_retargeted(ref)
        return Motion(
            name=ref.name,
            rate=1.0 / bvh.frame_seconds,
            rotations_TJ3=retargeted.rotations_TJ3,
            translation_T3=retargeted.translation_T3,
            text=ref.text,
            action=ref.action,
            subject=ref.subject,
            source=ref.source,
            offsets_J3=retargeted.offsets_J3,
        )

    def read_retargeted(self, ref: ClipRef) -> tuple[Bvh, Retargeted]:
        """Read one clip as the file has it and as retargeted; raises BadClipError."""
        if not ref.text:
            raise BadClipError(f"has no description in {self.config.descriptions}")
        bvh = read_bvh(Path(ref.locator))
        return bvh, retarget(bvh, self.skeleton)

    def _refer(self, path: Path, below: Path) -> ClipRef:
        text, action = text_from_name(below.stem), ""
        if self._described is not None:
            text, action = self._described.get(below.as_posix(), ("", ""))
        name = clip_name(self.config.name, below)
        return ClipRef(name, str(path), text, action, source=self.config.name)


def text_from_name(stem: str) -> str:
    """Return the words of a file name, in lower case and without numbers.

    `walkTurnLeft_03` becomes `walk turn left`; a name without words becomes `a person moves`.
    """
    return " ".join(word.lower() for word in WORD.findall(stem)) or "a person moves"


def _read_descriptions(path: str) -> dict[str, tuple[str, str]]:
    """Return sentence and label by file; raises UserError."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"file", "description"} - set(rows.fieldnames or [])
            if missing:
                raise UserError(f"{path}: has no column {' or '.join(sorted(missing))}")
            return {
                row["file"]: ((row["description"] or "").strip(), row.get("content") or "")
                for row in rows
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path}: the descriptions cannot be read: {reason}") from None
