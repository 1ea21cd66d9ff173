"""The source `bvh`: a folder of BVH files, a skeleton map, and sentences for them."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster.storage import Location, location
from datagen.motion import NOT_STATED, BadClipError, ClipRef, Motion
from datagen.sources.bvh_file import Bvh, read_bvh
from datagen.sources.contents import Contents, columns_of
from datagen.sources.descriptions import read_descriptions, read_table
from datagen.sources.listing import below, clip_name, files_below, unique
from datagen.sources.retarget import Retargeted, retarget
from datagen.sources.skeleton_map import load_skeleton_map, presets
from datagen.sources.smpl_motion import snapped_rate

FORMAT = "a clip of motion capture (BVH)"
# How many of each unit make a metre.
UNITS = {"metres": 1.0, "inches": 39.37, "centimetres": 100.0, "millimetres": 1000.0}
# In a name with A for each capital and a for each other letter.
WORD = re.compile(r"A+(?!a)|A?a+")


@dataclass
class BvhConfig:
    """A folder of motion capture.

    Attributes:
        folder: searched for *.bvh with all its subfolders.
        skeleton: a preset (bandai, cmu, mixamo) or the path of a skeleton map (.yaml).
        descriptions: a table of sentences (CSV) or words for the parts of files' names (YAML), as
            in `descriptions.py`. Without it a clip's text is the words of its file name.
        name: what the clips' names begin with.
        licence: what the motion may be used for, for the cards of what is trained on it.
    """

    folder: str
    skeleton: str
    descriptions: str = ""
    name: str = "bvh"
    licence: str = NOT_STATED


class BvhSource:
    """Reads the clips of a `BvhConfig`.

    Raises UserError for a skeleton map or descriptions that cannot be read.
    """

    def __init__(self, config: BvhConfig) -> None:
        self.config = config
        self.skeleton = load_skeleton_map(config.skeleton)
        self._describe = read_descriptions(config.descriptions) if config.descriptions else None

    def list_clips(self) -> list[ClipRef]:
        """List every BVH file below the folder, by name.

        Raises UserError for a folder that is missing or has no BVH file in it, and for files
        whose clips would have the same name.
        """
        folder = self.config.folder
        paths = files_below(folder, "*.bvh", "BVH")
        return unique(self._refer(path, below(folder, path)) for path in paths)

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read and retarget one clip at its own rate; raises BadClipError with the reason."""
        return _motion(ref, *self.read_retargeted(ref))

    def read_retargeted(self, ref: ClipRef) -> tuple[Bvh, Retargeted]:
        """Read one clip as the file has it and as retargeted; raises BadClipError."""
        if not ref.text:
            raise BadClipError(f"has no description in {self.config.descriptions}")
        bvh = read_bvh(location(ref.locator))
        return bvh, retarget(bvh, self.skeleton)

    def _refer(self, path: Location, below: Path) -> ClipRef:
        text, action = text_from_name(below.stem), ""
        if self._describe is not None:
            said = self._describe(below)
            text, action = (said.sentence, said.content) if said else ("", "")
        name = clip_name(self.config.name, below)
        return ClipRef(name, str(path), text, action, source=self.config.name)


def _motion(ref: ClipRef, bvh: Bvh, retargeted: Retargeted) -> Motion:
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


def text_from_name(stem: str) -> str:
    """Return the words of a file name, in lower case and without numbers.

    `walkTurnLeft_03` becomes `walk turn left`; a name without words becomes `a person moves`.
    Letters are those of all scripts.
    """
    name = unicodedata.normalize("NFC", stem)
    kinds = "".join(map(_kind, name))
    words = (name[found.start() : found.end()].lower() for found in WORD.finditer(kinds))
    return " ".join(words) or "a person moves"


def _kind(character: str) -> str:
    # Marks are the vowels of some scripts.
    if unicodedata.category(character)[0] not in "LM":
        return "-"
    return "A" if character.isupper() else "a"


def inspect(path: Location) -> Contents | None:
    """Return what a BVH file or one of descriptions holds, or None for another file.

    The unit is guessed from the figure's extent; in a run the skeleton map says it. Raises
    UserError for descriptions that are damaged.
    """
    if path.suffix.lower() == ".csv" and {"file", "description"} <= set(columns_of(path, ",")):
        described = read_table(str(path))
        words = f"{len({said.sentence for said in described.values()})} sentences"
        return Contents("bvh", "descriptions of clips (CSV)", clips=len(described), text=words)
    if path.suffix.lower() != ".bvh":
        return None
    try:
        bvh = read_bvh(path)
    except BadClipError as error:
        return Contents("bvh", FORMAT, problems=(str(error),))
    known = [preset for preset in presets() if _knows(preset, bvh)]
    positions_TJ3, _ = bvh.world_pose()
    extent = float(np.median(np.ptp(positions_TJ3, axis=1).max(axis=1)))
    units = [name for name, metre in UNITS.items() if 1.0 <= extent / metre < 2.5]
    motion: Motion | None = None
    problems = () if known else ("no preset knows its joints; give a skeleton map of its own",)
    try:
        if known:
            retargeted = retarget(bvh, load_skeleton_map(known[0]))
            motion = _motion(ClipRef(path.stem, str(path), ""), bvh, retargeted)
    except BadClipError as error:
        problems = (f"{error} (preset {known[0]})",)
    return Contents(
        "bvh",
        FORMAT,
        joints=len(bvh.names),
        frames=len(bvh.values_TC),
        rate=snapped_rate(1.0 / bvh.frame_seconds),
        units=f"{units[0] if units else 'unknown'} (the figure is {extent:.4g} across)",
        skeleton=f"{' or '.join(known)} (preset)" if known else "",
        people="1",
        text=text_from_name(path.stem),
        problems=problems,
        motion=motion,
    )


def _knows(preset: str, bvh: Bvh) -> bool:
    try:
        load_skeleton_map(preset).locate(bvh.names)
    except BadClipError:
        return False
    return True
