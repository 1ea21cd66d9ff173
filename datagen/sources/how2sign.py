"""The source `how2sign`: sign language, poses of SMPL-X fitted to the videos of How2Sign.

Three public layouts of fitted poses, told apart by their files: one .npz for each sentence or
video, SMPLer-X's folder of one .npz for each frame, SignAvatars' one .pkl for each sentence or
video. A name is a SENTENCE_NAME, or a VIDEO_NAME, which is then cut at the realigned times.

Fitted poses are in the camera's coordinates, x to the right, y down, z into the picture. Half a
turn about x makes y point up. What the camera's own tilt leaves is taken out by the smallest
constant rotation after which the torso, from pelvis to neck, points on average where it does in
the T-pose: signers stand upright. There is no trajectory in any of the layouts (SMPLer-X's
`transl` belongs to a box that it chooses anew for each frame), so the pelvis stays in its place.

Shape letters: T frames, J joints (the 52 of SMPL-H).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.storage import Location, Url, location
from datagen.kinematics import axis_angles, joint_positions, multiply, quaternions
from datagen.motion import JOINT_INDEX, Array, BadClipError, ClipRef, Motion
from datagen.safe_pickle import BadPickleError, load_pickle
from datagen.sources.frames import cut, fill_rotations, located, locator, on_every_frame
from datagen.sources.how2sign_text import Sentence, read_sentences
from datagen.sources.limb_twist import shortest_rotations
from datagen.sources.listing import clip_name, unique
from datagen.sources.npz import read_npz
from datagen.sources.retarget import mean_offsets
from datagen.sources.smpl_motion import joint_rotations

# Names of root, body, left and right hand, and how many values a frame of each has.
WIDTHS = (3, 63, 45, 45)
OF_A_SENTENCE = ("smplx_root_pose", "smplx_body_pose", "smplx_lhand_pose", "smplx_rhand_pose")
OF_A_FRAME = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose")
FRAMES_FOLDER = "smplx"
FRAME_FILE = re.compile(r"(\d{1,9})_(\d{1,9})\.npz")
SIGNAVATARS = "smplx"
SIGNAVATARS_WIDTH = 182
SUFFIXES = (".npz", ".pkl")
# Half a turn about x: from the camera's axes to the project's.
CAMERA_TO_WORLD = np.array([0.0, 1.0, 0.0, 0.0])
MOST_TILT = np.radians(60)


@dataclass
class How2SignConfig:
    """Poses fitted to How2Sign's videos, and its sentences.

    Attributes:
        folder: searched for poses in any of the three layouts with all its subfolders.
        sentences: folder with how2sign_realigned_train.csv, _val.csv and _test.csv, or one of
            these files.
        rate: frames per second of the poses, where the sentences have no column `fps`.
        name: what the clips' names begin with.
        licence: what the motion may be used for, for the cards of what is trained on it.
    """

    folder: str
    sentences: str
    rate: float = 24.0
    name: str = "how2sign"
    licence: str = "CC BY-NC 4.0"


class How2SignSource:
    """Reads the clips of a `How2SignConfig`; raises UserError for sentences it cannot read."""

    def __init__(self, config: How2SignConfig) -> None:
        if not 1 <= config.rate <= 2000:
            raise UserError(
                f"sources.how2sign.{config.name}.rate={config.rate:g}: give frames per second, "
                "1 to 2000"
            )
        self.config = config
        self._sentences = read_sentences(location(config.sentences), config.rate)
        self._of_video: dict[str, list[Sentence]] = {}
        for sentence in self._sentences.values():
            self._of_video.setdefault(sentence.video, []).append(sentence)

    def list_clips(self) -> list[ClipRef]:
        """List every sentence that has poses, by name.

        Raises UserError for a folder that is missing, has no poses or none with a sentence, and
        for poses that are there twice.
        """
        found = find_poses(self.config.folder)
        refs = [ref for stem in sorted(found) for ref in self._refer(stem, found[stem])]
        if not any(ref.text for ref in refs):
            raise UserError(
                f"{self.config.folder}: none of its {len(found)} poses, such as {min(found)}, is "
                f"a SENTENCE_NAME or VIDEO_NAME of {self.config.sentences}"
            )
        return unique(refs)

    def read_clip(self, ref: ClipRef) -> Motion:
        """Read one clip at its own rate; raises BadClipError with the reason."""
        sentence = self._sentences.get(ref.name.removeprefix(f"{self.config.name}/"))
        if sentence is None:
            raise BadClipError(f"has no sentence in {self.config.sentences}")
        if not ref.text:
            raise BadClipError(f"has an empty sentence in {self.config.sentences}")
        path, span = located(ref.locator)
        numbers, poses = read_poses(path)
        rows = cut(numbers, span)
        every = on_every_frame(numbers[rows], poses[rows].reshape(-1, 52, 3), sentence.rate)
        filled = fill_rotations(every, sentence.rate)
        rotations = joint_rotations(filled.reshape(len(filled), -1), "a pose")
        return Motion(
            name=ref.name,
            rate=sentence.rate,
            rotations_TJ3=upright(rotations),
            translation_T3=np.zeros((len(rotations), 3)),
            text=ref.text,
            subject=ref.subject,
            source=ref.source,
        )

    def _refer(self, stem: str, path: Location) -> list[ClipRef]:
        name = self.config.name
        if stem in self._sentences:
            of_clip = [(self._sentences[stem], str(path))]
        else:
            of_clip = [
                (sentence, locator(path, *sentence.frames))
                for sentence in self._of_video.get(stem, [])
            ]
        return [
            ClipRef(f"{name}/{one.name}", place, one.text, "", one.signer, name)
            for one, place in of_clip
        ] or [ClipRef(clip_name(name, Path(stem + ".npz")), str(path), "", source=name)]


def find_poses(folder: str) -> dict[str, Location]:
    """Return the file or folder of frames of each sentence or video by its name.

    Raises UserError for a folder that is missing, unreadable or empty, and for names that are
    there twice.
    """
    found: dict[str, Location] = {}
    place = location(folder)
    for path in _poses_at(place) if isinstance(place, Url) else _poses_in(place):
        stem = path.stem if path.name.lower().endswith(SUFFIXES) else path.name
        if stem in found:
            raise UserError(f"{path}: {found[stem]} has the same name; give a folder with one")
        found[stem] = path
    if not found:
        raise UserError(f"{folder}: holds no fitted poses (*.npz, *.pkl or NAME/smplx/*.npz)")
    return found


def _poses_in(folder: Path) -> Iterator[Path]:
    """Yield files of poses and folders of frames; the frames themselves are not even listed."""

    def stop(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}")

    seen: set[Path] = set()
    for place, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        whole = Path(place).resolve()
        if whole in seen:  # links that lead round in a circle
            folders.clear()
        elif FRAMES_FOLDER in folders:
            folders.clear()
            yield Path(place)
        else:
            yield from (Path(place) / file for file in files if _is_of_poses(file))
        seen.add(whole)


def _poses_at(folder: Url) -> Iterator[Url]:
    """Yield the same at a URL."""
    try:
        below = sorted(path.relative_to(str(folder)) for path in folder.files())
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    of_frames = {
        Path(*path.parts[: path.parts.index(FRAMES_FOLDER)])
        for path in below
        if FRAMES_FOLDER in path.parts[:-1]
    }
    yield from (folder / path.as_posix() if path.parts else folder for path in sorted(of_frames))
    for path in below:
        if _is_of_poses(path.name) and not of_frames & {*path.parents}:
            yield folder / path.as_posix()


def _is_of_poses(name: str) -> bool:
    """Whether a file is one of poses; what macOS keeps beside one, ._NAME, is none."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def read_poses(path: Location) -> tuple[Array, Array]:
    """Return frame numbers (T,) and poses (T, 156) in the camera's coordinates, radians.

    Frames that could not be fitted may be NaN or missing. Raises BadClipError.
    """
    if path.is_dir():
        return _read_frames(path / FRAMES_FOLDER)
    poses = _read_signavatars(path) if path.suffix.lower() == ".pkl" else _read_sentence(path)
    return np.arange(len(poses), dtype=float), poses


def upright(rotations_TJ3: Array) -> Array:
    """Turn poses from the camera's coordinates into the project's, standing upright on average.

    Raises BadClipError where the torso is nowhere near upright.
    """
    turned = rotations_TJ3.copy()
    root = multiply(CAMERA_TO_WORLD, quaternions(rotations_TJ3[:, 0]))
    turned[:, 0] = axis_angles(root)
    rest = np.zeros((1, *turned.shape[1:]))
    torso_3 = _torso(turned).mean(axis=0)
    rest_3 = _torso(rest)[0]
    length = np.linalg.norm(torso_3)
    if length < np.cos(MOST_TILT) or torso_3 @ rest_3 / length < np.cos(MOST_TILT):
        raise BadClipError(
            "has a torso that is not upright after half a turn about x; are these poses in the "
            "camera's coordinates, y down?"
        )
    tilt = shortest_rotations((torso_3 / length)[None], rest_3[None])
    turned[:, 0] = axis_angles(multiply(tilt, root))
    return turned


def _torso(rotations_TJ3: Array) -> Array:
    """Return the unit vectors from pelvis to neck, (T, 3)."""
    still = np.zeros((len(rotations_TJ3), 3))
    neck = joint_positions(mean_offsets(), rotations_TJ3, still)[:, JOINT_INDEX["neck"]]
    return neck / np.linalg.norm(neck, axis=-1, keepdims=True)


def _read_sentence(path: Location) -> Array:
    stored = read_npz(path, OF_A_SENTENCE)
    parts = [
        _numbers(stored, name, width) for name, width in zip(OF_A_SENTENCE, WIDTHS, strict=True)
    ]
    if len({len(part) for part in parts}) != 1:
        raise BadClipError("has parts of the pose with different numbers of frames")
    return np.concatenate(parts, axis=1)


def _read_frames(folder: Location) -> tuple[Array, Array]:
    """Read SMPLer-X's files; of several people in a frame, the first that it found."""
    chosen: dict[int, tuple[int, Location]] = {}
    try:
        entries: Iterator[Location] = folder.iterdir()
        listed = sorted(entries, key=str)
    except OSError as error:
        raise BadClipError(f"cannot be read: {folder}: {error.strerror}") from None
    for path in listed:
        if found := FRAME_FILE.fullmatch(path.name):
            frame, person = int(found[1]), int(found[2])
            if frame not in chosen or person < chosen[frame][0]:
                chosen[frame] = person, path
    if not chosen:
        raise BadClipError(f"has no frames ({folder}/00001_0.npz and so on)")
    poses = np.empty((len(chosen), sum(WIDTHS)))
    frames = sorted(chosen)
    for row, frame in enumerate(frames):
        path = chosen[frame][1]
        try:
            stored = read_npz(path, OF_A_FRAME)
            parts = [
                _numbers({name: _row(stored, name)}, name, width)
                for name, width in zip(OF_A_FRAME, WIDTHS, strict=True)
            ]
        except BadClipError as error:
            raise BadClipError(f"has a bad frame: {path.name} {error}") from None
        poses[row] = np.concatenate(parts, axis=1)
    return np.array(frames, dtype=float), poses


def _read_signavatars(path: Location) -> Array:
    try:
        with path.open("rb") as file:
            stored = load_pickle(file)
    except BadPickleError as error:
        raise BadClipError(str(error)) from None
    except OSError as error:
        raise BadClipError(f"cannot be read: {error.strerror}") from None
    if not isinstance(stored, dict):
        raise BadClipError("is a pickle that has no smplx")
    return _numbers(stored, SIGNAVATARS, SIGNAVATARS_WIDTH)[:, : sum(WIDTHS)]


def _row(stored: dict[str, Any], name: str) -> Any:
    """Return one frame's array as one row; None where it is missing."""
    return None if stored.get(name) is None else np.reshape(stored[name], (1, -1))


def _numbers(stored: dict[str, Any], name: str, width: int) -> Array:
    """Return an array (T, width); its values may be NaN. Raises BadClipError."""
    if stored.get(name) is None:
        raise BadClipError(f"has no {name}")
    try:
        array = np.asarray(stored[name])
    except (TypeError, ValueError):
        raise BadClipError(f"has {name} that are not numbers") from None
    if array.dtype.kind not in "iuf":
        raise BadClipError(f"has {name} that are not numbers")
    if array.ndim != 2 or array.shape[1] != width:
        raise BadClipError(f"has {name} of shape {array.shape}, not (T, {width})")
    if not len(array):
        raise BadClipError(f"is empty: {name} has no frames")
    return array.astype(np.float64)
