"""BVH: the hierarchy and motion of one file, and its own forward kinematics.

Angles stand in degrees, lengths in whatever unit the file was written in. A joint's rotation
channels are intrinsic and apply in the order in which they are listed; a position channel
replaces the same axis of the joint's OFFSET, on any joint, as MotionBuilder and Blender do.
Shape letters: T frames, J joints, C channels.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from cluster.storage import Location
from datagen.kinematics import matrices, multiply
from datagen.motion import Array, BadClipError
from datagen.sources.decimals import NoNumberError, read_decimals

SHORTEST_FRAME, LONGEST_FRAME = 1 / 2000, 1.0
AXES = "XYZ"
KEYWORD = b"HIERARCHY"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A joint's name runs to the end of its line: some programs write names with spaces.
TOKEN = re.compile(
    r"(?:ROOT|JOINT)[ \t]+(?P<name>[^\r\n{]*[^\r\n{\s])"
    r"|(?P<end>End[ \t]+\w+)"
    r"|OFFSET(?P<offset>(?:\s+[^\s{}]+){3})"
    r"|CHANNELS\s+(?P<channels>\d+(?:\s+[XYZ](?:position|rotation))*)"
    r"|(?P<brace>[{}])"
    r"|(?P<other>\S+)",
    re.IGNORECASE,
)
MOTION = re.compile(rb"(?:^|\r)[ \t]*MOTION\b", re.IGNORECASE | re.MULTILINE)
MOTION_HEAD = re.compile(
    rb"\s*Frames\s*:\s*(?P<frames>\S+)\s+Frame\s+Time\s*:\s*(?P<seconds>\S+)", re.IGNORECASE
)


@dataclass(frozen=True)
class Bvh:
    """One BVH file; parents come before their children.

    Attributes:
        names: of the joints, without End Sites.
        parents: index of each joint's parent, -1 for the root.
        offsets_J3: OFFSET of each joint from its parent.
        channels: of each joint, such as `Xposition` or `Zrotation`, in the file's order.
        frame_seconds: time between frames.
        values_TC: the channels' values, all joints side by side.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets_J3: Array
    channels: tuple[tuple[str, ...], ...]
    frame_seconds: float
    values_TC: Array

    def local_translations(self) -> Array:
        """Return each joint's place in its parent's frame, (T, J, 3)."""
        translations = np.repeat(self.offsets_J3[None], len(self.values_TC), axis=0)
        for joint, name, column in self._columns():
            if name.endswith("position"):
                translations[:, joint, AXES.index(name[0])] = self.values_TC[:, column]
        return translations

    def local_rotations(self) -> Array:
        """Return each joint's rotation in its parent's frame as quaternions, (T, J, 4)."""
        orders: dict[str, tuple[list[int], list[int]]] = {}
        by_joint: dict[int, tuple[str, list[int]]] = {}
        for joint, name, column in self._columns():
            if name.endswith("rotation"):
                order, columns = by_joint.get(joint, ("", []))
                by_joint[joint] = (order + name[0], [*columns, column])
        for joint, (order, columns) in by_joint.items():
            joints, all_columns = orders.setdefault(order, ([], []))
            joints.append(joint)
            all_columns.extend(columns)
        rotations = np.zeros((len(self.values_TC), len(self.names), 4))
        rotations[..., 0] = 1.0
        for order, (joints, all_columns) in orders.items():
            angles = self.values_TC[:, all_columns].reshape(-1, len(order))
            turned = Rotation.from_euler(order, angles, degrees=True).as_quat(scalar_first=True)
            rotations[:, joints] = turned.reshape(-1, len(joints), 4)
        return rotations

    def world_pose(self) -> tuple[Array, Array]:
        """Return positions (T, J, 3) and quaternions (T, J, 4) in the file's world."""
        return chain(self.parents, self.local_translations(), self.local_rotations())

    def _columns(self) -> list[tuple[int, str, int]]:
        """Return (joint, channel, column of values_TC) of every channel."""
        listed = [(joint, name) for joint, names in enumerate(self.channels) for name in names]
        return [(joint, name, column) for column, (joint, name) in enumerate(listed)]


def chain(
    parents: tuple[int, ...], translations_TJ3: Array, rotations_TJ4: Array
) -> tuple[Array, Array]:
    """Return world positions (T, J, 3) and quaternions (T, J, 4) of local ones."""
    positions, world = translations_TJ3.copy(), rotations_TJ4.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            turned = matrices(world[:, parent]) @ translations_TJ3[:, joint, :, None]
            positions[:, joint] = positions[:, parent] + turned[..., 0]
            world[:, joint] = multiply(world[:, parent], rotations_TJ4[:, joint])
    return positions, world


def read_bvh(path: Location) -> Bvh:
    """Read a BVH file; raises BadClipError with one reason where it is not whole and sound."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadClipError(f"cannot be read: {error.strerror}") from None
    return parse_bvh(content)


def parse_bvh(content: bytes) -> Bvh:
    """Parse the content of a BVH file; raises BadClipError as `read_bvh` does."""
    content = content.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not content[: len(KEYWORD)].upper() == KEYWORD:
        raise BadClipError("is not a BVH file: it does not begin with HIERARCHY")
    motion = MOTION.search(content)
    if motion is None:
        raise BadClipError("has no MOTION section")
    above = content[len(KEYWORD) : motion.start()].decode(errors="replace")
    hierarchy = _parse_hierarchy(above)
    channels = sum(len(names) for names in hierarchy.channels)
    frames, seconds, start = _parse_motion_head(content, motion.end())
    values = _parse_values(content, start, frames, channels)
    _refuse_non_finite(values, hierarchy)
    return Bvh(
        tuple(hierarchy.names),
        tuple(hierarchy.parents),
        np.array(hierarchy.offsets),
        tuple(hierarchy.channels),
        seconds,
        values,
    )


@dataclass
class _Hierarchy:
    """What stands above MOTION; `open` holds the joints whose braces are not yet closed."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)


END_SITE = -2


def _parse_hierarchy(text: str) -> _Hierarchy:
    found = _Hierarchy()
    opening: int | None = None
    for token in TOKEN.finditer(text):
        if token["name"]:
            opening = len(found.names)
            _add_joint(found, token["name"])
        elif token["end"]:
            opening = END_SITE
        elif token["brace"] == "{":
            if opening is None:
                raise BadClipError("has unbalanced braces: one opens without a joint before it")
            found.open.append(opening)
            opening = None
        elif token["brace"] == "}":
            if not found.open:
                raise BadClipError("has unbalanced braces: one closes that was never opened")
            found.open.pop()
        elif not found.open or opening is not None or token["other"]:
            raise BadClipError(
                f"has {token[0].split()[0]!r} in the hierarchy where it has no place"
            )
        elif found.open[-1] != END_SITE:
            _describe_joint(found, found.open[-1], token)
    _refuse_incomplete(found)
    return found


def _add_joint(found: _Hierarchy, name: str) -> None:
    if found.names and not found.open:
        raise BadClipError("has more than one ROOT; a clip is one figure")
    if found.open and found.open[-1] == END_SITE:
        raise BadClipError(f"has the joint {name} inside an End Site")
    found.names.append(name)
    found.parents.append(found.open[-1] if found.open else -1)
    found.offsets.append([])
    found.channels.append(())


def _describe_joint(found: _Hierarchy, joint: int, token: re.Match[str]) -> None:
    name = found.names[joint]
    if token["offset"]:
        try:
            found.offsets[joint] = [float(number) for number in token["offset"].split()]
        except ValueError:
            raise BadClipError(f"has an OFFSET of {name} that is no number") from None
        return
    count, *names = token["channels"].split()
    channels = tuple(word[0].upper() + word[1:].lower() for word in names)
    if int(count) != len(channels) or len(set(channels)) != len(channels):
        raise BadClipError(f"has unknown, missing or repeated CHANNELS at {name}")
    found.channels[joint] = channels


def _refuse_incomplete(found: _Hierarchy) -> None:
    if found.open:
        raise BadClipError(f"has unbalanced braces: {len(found.open)} never closed")
    if not found.names:
        raise BadClipError("has no ROOT joint")
    repeated = [name for name, count in Counter(found.names).items() if count > 1]
    if repeated:
        raise BadClipError(f"has more than one joint with the name {repeated[0]}")
    for name, offset in zip(found.names, found.offsets, strict=True):
        if not offset or not np.isfinite(offset).all():
            raise BadClipError(f"has no finite OFFSET of {name}")


def _parse_motion_head(content: bytes, start: int) -> tuple[int, float, int]:
    """Return the frames, the seconds of one and where the values begin."""
    head = MOTION_HEAD.match(content, start)
    if head is None:
        raise BadClipError("has no `Frames:` and `Frame Time:` after MOTION")
    try:
        frames, seconds = int(head["frames"]), float(head["seconds"])
    except ValueError:
        said = (head[name].decode(errors="replace") for name in ("frames", "seconds"))
        raise BadClipError("has Frames {} and Frame Time {}: not numbers".format(*said)) from None
    if frames < 1:
        raise BadClipError(f"has Frames: {frames}, so no motion")
    if not SHORTEST_FRAME <= seconds <= LONGEST_FRAME:
        raise BadClipError(f"has a Frame Time of {seconds:g} s, which is not believable")
    return frames, seconds, head.end()


def _parse_values(content: bytes, start: int, frames: int, channels: int) -> Array:
    needed = frames * channels
    try:
        # The file's length bounds what it can hold, whatever number of frames it claims.
        values, count = read_decimals(content, start, min(needed, len(content)))
    except NoNumberError as error:
        place = f"in frame {error.index // channels + 1}" if channels else "and no channels"
        raise BadClipError(f"has {error.word!r} among its motion values, {place}") from None
    if count < needed:
        raise BadClipError(
            f"is truncated: {count} motion values where {frames} frames of "
            f"{channels} channels need {needed}"
        )
    if count > needed:
        raise BadClipError(
            f"has {count} motion values, more than the {needed} of "
            f"{frames} frames of {channels} channels"
        )
    return values.reshape(frames, channels)


def _refuse_non_finite(values_TC: Array, hierarchy: _Hierarchy) -> None:
    finite_TC = np.isfinite(values_TC)
    if not finite_TC.all():
        bad = np.argwhere(~finite_TC)
        frame, column = bad[0]
        listed = [
            f"{joint} {channel}"
            for joint, channels in zip(hierarchy.names, hierarchy.channels, strict=True)
            for channel in channels
        ]
        raise BadClipError(
            f"has {len(bad)} NaN or infinite values, the first in frame {frame + 1} "
            f"at {listed[column]}"
        )
