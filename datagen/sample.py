"""One sample of a shard: how its arrays and its description lie in a tar.

Shape letters: T frames, J joints, N bodies, W wrists (left, right), E width of a text vector.
"""

import io
import json
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.motion import JOINTS, BadClipError

SCHEMA = 2
RATE = 60
META_MEMBER = "meta.json"

Half = NDArray[np.float16]


@dataclass(frozen=True)
class Sample:
    """One segment of a clip, as it lies on disk.

    Attributes:
        key: unique in a run; the prefix of its members' names.
        pose_TJ3: axis-angle in radians at 60 Hz.
        acc_NTW3: specific force in m/s2, for each body.
        gyro_NTW3: angular velocity in rad/s; the first axis is 1 where all bodies share it.
        shape_N10: shape parameters of the bodies.
        text_E: vector of the sentence.
        meta: schema, source, clip, subject, split, text, action, rate, placement, body, start,
            people (stature, mass and proportions of the bodies).
    """

    key: str
    pose_TJ3: Half
    acc_NTW3: Half
    gyro_NTW3: Half
    shape_N10: NDArray[np.float32]
    text_E: Half
    meta: dict[str, Any]


# Member's ending, the field of Sample that it holds, its type.
ARRAY_MEMBERS = (
    ("pose.npy", "pose_TJ3", np.float16),
    ("acc.npy", "acc_NTW3", np.float16),
    ("gyro.npy", "gyro_NTW3", np.float16),
    ("shape.npy", "shape_N10", np.float32),
    ("text.npy", "text_E", np.float16),
)


def to_half(values: NDArray[Any], what: str) -> Half:
    """Return `values` as float16; raises BadClipError where they are not finite or too large."""
    from datagen.half import write_half  # compiled by numba, which readers of shards do not need

    half = np.empty(values.shape, dtype=np.float16)
    bits = write_half(np.ascontiguousarray(values).reshape(-1), half.view(np.uint16).reshape(-1))
    largest = float(np.uint32(bits).view(np.float32))
    if not largest <= float(np.finfo(np.float16).max):
        raise BadClipError(f"{what} reaches {largest:g}, which float16 cannot hold")
    return half


def to_members(sample: Sample) -> dict[str, Any]:
    """Return a sample as WebDataset writes it: its key, and bytes by the members' endings."""
    members: dict[str, Any] = {"__key__": sample.key}
    for ending, name, dtype in ARRAY_MEMBERS:
        buffer = io.BytesIO()
        array = np.ascontiguousarray(getattr(sample, name), dtype=dtype)
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        members[ending] = buffer.getvalue()
    meta = json.dumps(sample.meta, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return members | {META_MEMBER: meta.encode()}


# numpy reads a header by Python's parser, whose count of its own depth in CPython 3.11 is shared by
# threads (python/cpython issue 106905): now and then a reader died of a SystemError.
_ONE_HEADER_AT_A_TIME = threading.Lock()


def from_members(members: dict[str, Any]) -> Sample:
    """Return the sample in a group of members; nothing in it is unpickled.

    Raises ValueError or KeyError where a member is missing or is not what it should be.
    """
    key = members["__key__"]
    meta = json.loads(members[META_MEMBER])
    if meta["schema"] != SCHEMA:
        raise ValueError(other_schema(meta["schema"]))
    arrays = {}
    for ending, name, dtype in ARRAY_MEMBERS:
        array = _array(members[ending])
        if array.dtype != dtype:
            raise ValueError(f"{key}.{ending} holds {array.dtype}, not {np.dtype(dtype)}")
        arrays[name] = array
    sample = Sample(key=key, meta=meta, **arrays)
    _check_shapes(sample)
    return sample


def _array(member: bytes) -> NDArray[Any]:
    """Return the array of an npy file without copying it; it cannot be written to."""
    head = io.BytesIO(member)
    version = np.lib.format.read_magic(head)
    if version != (1, 0):
        raise ValueError(f"npy format {version}, not (1, 0)")
    with _ONE_HEADER_AT_A_TIME:
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(head)
    values = np.frombuffer(member, dtype, offset=head.tell())
    return values.reshape(shape, order="F" if by_columns else "C")


def _check_shapes(sample: Sample) -> None:
    frames, bodies = len(sample.pose_TJ3), len(sample.acc_NTW3)
    expected = (
        ("pose", sample.pose_TJ3.shape, {(frames, JOINTS, 3)}),
        ("acc", sample.acc_NTW3.shape, {(bodies, frames, 2, 3)}),
        ("gyro", sample.gyro_NTW3.shape, {(1, frames, 2, 3), (bodies, frames, 2, 3)}),
        ("shape", sample.shape_N10.shape, {(bodies, 10)}),
        ("text", sample.text_E.shape, {(sample.text_E.size,)}),
    )
    for name, shape, allowed in expected:
        if shape not in allowed:
            raise ValueError(f"{sample.key}.{name}.npy has shape {shape}, not {min(allowed)}")


def other_schema(found: object) -> str:
    """Say that a file is of schema version `found`."""
    return f"schema version {found}, but this program reads version {SCHEMA}; make the shards anew"
