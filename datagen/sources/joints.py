"""The source `joints`: positions only, from text-to-motion models or from videos.

The shape of a file tells its layout: (T, 22, 3) is HumanML3D's `new_joints` and what T2M-GPT
writes, (T, 17, 3) VideoPose3D's joints of Human3.6M, (3, T, 18) MM-Fit's, which are those 17 after
a frame number.

Shape letters: T frames, K joints of the file, B joints of the body (22).
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location, location
from datagen.motion import BODY_JOINT_NAMES, NOT_STATED, Array, BadClipError, ClipRef, Motion
from datagen.sources.bvh import text_from_name
from datagen.sources.captions import Caption, read_captions
from datagen.sources.frames import cut, fill_positions, located, locator, on_every_frame
from datagen.sources.from_positions import check_size, from_positions
from datagen.sources.listing import below, clip_name, files_below, unique
from datagen.sources.npz import read_npy

# A mirrored clip of HumanML3D is the same performance and never stands in the other split.
MIRRORED = re.compile(r"M(?=\d{6}$)")
MMFIT_POSES, MMFIT_LABELS = "_pose_3d.npy", "_labels.csv"
HUMAN36M = (
    "hip right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax nose "
    "head_top left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist"
).split()
# Where SMPL's joints lie between those of Human3.6M, as shares; the others have the same name.
BETWEEN = {
    "pelvis": {"hip": 1.0},
    "spine1": {"hip": 0.55, "spine": 0.45},
    "spine2": {"spine": 1.0},
    "spine3": {"spine": 0.8, "thorax": 0.2},
    "neck": {"thorax": 1.0},
    "left_collar": {"thorax": 0.6, "left_shoulder": 0.4},
    "right_collar": {"thorax": 0.6, "right_shoulder": 0.4},
    "head": {"thorax": 0.4, "head_top": 0.6},
}
UNSEEN = ("left_foot", "right_foot")
# Rows: where the project's axes point in a file with this axis up.
AXES = {
    "x": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "-x": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    "-y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "-z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
}


@dataclass
class JointsConfig:
    """A folder of joint positions.

    Attributes:
        folder: searched with all its subfolders.
        files: which files in it hold positions, such as *_pose_3d.npy.
        texts: folder with one .txt for each clip, of the same name: HumanML3D's
            caption#tokens#start#end, or plain sentences. Without it a clip's text is the words
            of its file name, or MM-Fit's labels where they lie beside it.
        rate: frames per second.
        unit: metres of one unit: 1, 0.01 for centimetres, 0.001 for millimetres.
        up: the file's axis that points up: x, y, z, -x, -y or -z.
        name: what the clips' names begin with.
        licence: what the motion may be used for, for the cards of what is trained on it.
    """

    folder: str
    files: str = "*.npy"
    texts: str = ""
    rate: float = 20.0
    unit: float = 1.0
    up: str = "y"
    name: str = "joints"
    licence: str = NOT_STATED


class JointsSource:
    """Reads the clips of a `JointsConfig`; raises UserError for keys that make no sense."""

    def __init__(self, config: JointsConfig) -> None:
        self.config = config
        key = f"sources.joints.{config.name}"
        if not 1 <= config.rate <= 2000:
            raise UserError(f"{key}.rate={config.rate:g}: give frames per second, 1 to 2000")
        if not 0 < config.unit < np.inf:
            raise UserError(f"{key}.unit={config.unit:g}: give metres of one unit, such as 0.01")
        if config.up not in AXES:
            raise UserError(f"{key}.up={config.up}: is no axis; give one of {', '.join(AXES)}")
        if config.texts and not location(config.texts).is_dir():
            raise UserError(f"{key}.texts={config.texts}: no such folder")

    def list_clips(self) -> list[ClipRef]:
        """List every file, or each of its parts that has a sentence of its own, by name.

        Raises UserError for a folder that is missing or empty, and for clips of the same name.
        """
        folder = self.config.folder
        paths = files_below(folder, self.config.files, "joint position")
        return unique(ref for path in paths for ref in self._refer(path, below(folder, path)))

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read one clip at its own rate; raises BadClipError with the reason."""
        path, span = located(ref.locator)
        if not ref.text:
            self._captions(path)
            raise BadClipError("has no sentence")
        turned = from_positions(self._positions(path, span), self.config.rate)
        return Motion(
            name=ref.name,
            rate=self.config.rate,
            rotations_TJ3=turned.rotations_TJ3,
            translation_T3=turned.translation_T3,
            text=ref.text,
            action=ref.action,
            subject=ref.subject,
            source=ref.source,
            offsets_J3=turned.offsets_J3,
        )

    def _positions(self, path: Location, span: tuple[int, int] | None) -> Array:
        """Return positions of the body's joints (T, B, 3) in the project's world."""
        numbers, stored = frames_and_positions(read_npy(path))
        rows = cut(numbers, span)
        rate, unit = self.config.rate, self.config.unit
        every = on_every_frame(numbers[rows], stored[rows], rate)
        of_video = every.shape[1] == len(HUMAN36M)
        names = HUMAN36M if of_video else BODY_JOINT_NAMES
        positions = unit * fill_positions(every, rate, names) @ np.transpose(AXES[self.config.up])
        if of_video:
            positions = body_joints(positions)
        check_size(positions, unit, f"sources.joints.{self.config.name}.unit")
        return positions

    def _refer(self, path: Location, below: Path) -> list[ClipRef]:
        name, subject = clip_name(self.config.name, below), MIRRORED.sub("", below.stem)
        source = self.config.name
        labels = path.with_name(path.name.replace(MMFIT_POSES, MMFIT_LABELS))
        if path.name.endswith(MMFIT_POSES) and not self.config.texts and labels.is_file():
            subject = path.name.removesuffix(MMFIT_POSES)
            return [
                ClipRef(f"{name}-{row}", locator(path, first, last), text, action, subject, source)
                for row, (first, last, text, action) in enumerate(read_labels(labels), 1)
            ]
        try:
            captions = self._captions(path)
        except BadClipError:  # reading the clip says why
            return [ClipRef(name, str(path), "", "", subject, source)]
        refs = []
        for number, caption in enumerate(captions):
            place = str(path)
            if caption.end:
                first, end = (int(t * self.config.rate) for t in (caption.start, caption.end))
                place = locator(path, first, max(end - 1, first))
            suffix = f"-{number}" if number else ""
            refs.append(ClipRef(name + suffix, place, caption.text, "", subject, source))
        return refs

    def _captions(self, path: Location) -> list[Caption]:
        if not self.config.texts:
            return [Caption(text_from_name(path.stem))]
        return read_captions(location(self.config.texts) / f"{path.stem}.txt")


def frames_and_positions(stored: object) -> tuple[Array, Array]:
    """Return frame numbers (T,) and positions (T, K, 3), in the file's own world.

    Raises BadClipError for an array of another layout.
    """
    array = np.asarray(stored)
    if array.dtype.kind not in "iuf":
        raise BadClipError("holds no numbers")
    if array.ndim == 4 and len(array) == 1:  # as T2M-GPT's sampling script writes it
        array = array[0]
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] == len(HUMAN36M) + 1:
        values = array.astype(np.float64).transpose(1, 2, 0)
        return values[:, 0, 0], values[:, 1:]
    if array.ndim == 3 and array.shape[1:] in ((len(BODY_JOINT_NAMES), 3), (len(HUMAN36M), 3)):
        return np.arange(len(array), dtype=float), array.astype(np.float64)
    raise BadClipError(
        f"has an array of shape {array.shape}, not (T, 22, 3), (T, 17, 3) or (3, T, 18)"
    )


def body_joints(positions_TK3: Array) -> Array:
    """Return the body's joints (T, B, 3) from the 17 of Human3.6M; the feet are NaN."""
    shares_BK = np.zeros((len(BODY_JOINT_NAMES), len(HUMAN36M)))
    for row, name in enumerate(BODY_JOINT_NAMES):
        for other, share in BETWEEN.get(name, {} if name in UNSEEN else {name: 1.0}).items():
            shares_BK[row, HUMAN36M.index(other)] = share
    positions = shares_BK @ positions_TK3
    positions[:, [BODY_JOINT_NAMES.index(name) for name in UNSEEN]] = np.nan
    return positions


def read_labels(path: Location) -> list[tuple[int, int, str, str]]:
    """Return MM-Fit's sets: first and last frame, sentence, activity; raises UserError."""
    sets, line = [], 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            for row in rows:
                line = rows.line_num
                if not any(cell.strip() for cell in row):
                    continue
                first, last, _repetitions, activity = row
                words = activity.strip().replace("_", " ")
                if not words or not 0 <= int(first) <= int(last):
                    raise ValueError
                sets.append((int(first), int(last), f"a person does {words}", words))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, csv.Error):
        raise UserError(
            f"{path}, line {line}: is not start_frame,end_frame,repetitions,activity"
        ) from None
    return sets
