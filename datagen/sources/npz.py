"""Others' .npz files, read with care: nothing in them runs, and no size in them is believed.

Objects among the arrays are pickles and go through `datagen.safe_pickle`.
"""

import math
import os
import zipfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from cluster.errors import UserError
from cluster.storage import Location
from datagen.motion import Array, BadClipError
from datagen.safe_pickle import BadPickleError, load_pickle

# Of one array: an hour of motion has 0.6 GB; what a few compressed bytes claim to be is more.
MOST_BYTES = 2_000_000_000


def names_in(path: Location) -> list[str]:
    """Return the names of the arrays in an .npz; raises BadClipError."""
    return list(read_npz(path, wanted=()))


def read_npz(path: Location, wanted: Container[str] | None = None) -> dict[str, Any]:
    """Return the arrays of an .npz by name, those that are not wanted as None.

    Raises BadClipError with one reason for a file that is not whole or holds more than data.
    """
    arrays: dict[str, Any] = {}
    with _one_reason(".npz"), path.open("rb") as whole, zipfile.ZipFile(whole) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            arrays[name] = None
            if wanted is None or name in wanted:
                with archive.open(member) as file:
                    arrays[name] = _read_npy(file, member.file_size)
    return arrays


def read_npy(path: Location) -> Any:
    """Return the array of an .npy; raises BadClipError as `read_npz` does."""
    with _one_reason(".npy"), path.open("rb") as file:
        return _read_npy(file, os.fstat(file.fileno()).st_size)


@contextmanager
def _one_reason(kind: str) -> Iterator[None]:
    """Turn whatever reading a file raises into a BadClipError with one line."""
    try:
        yield
    except (BadClipError, UserError):
        raise
    except BadPickleError as error:
        raise BadClipError(str(error)) from None
    except OSError as error:
        raise BadClipError(f"cannot be read: {error.strerror or error}") from None
    # A damaged archive runs into nearly every exception that zipfile, zlib and numpy know.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadClipError(f"is not a whole {kind} file: {reason[:120]}") from None


def floats(arrays: dict[str, Any], name: str, columns: int | None = None) -> Array:
    """Return the array `name` (T, columns) or (T, any) as float64.

    Raises BadClipError where it is missing, of another shape, or not finite numbers.
    """
    array = np.asarray(_value(arrays, name))
    if array.dtype.kind not in "biuf":
        raise BadClipError(f"has {name} that are not numbers")
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        raise BadClipError(f"has {name} of shape {array.shape}, not (T, {columns or 'any'})")
    if not len(array):
        raise BadClipError(f"is empty: {name} has no frames")
    values = array.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        bad = np.argwhere(~finite)
        raise BadClipError(
            f"has {len(bad)} NaN or infinite values in {name}, the first in frame {bad[0][0] + 1}"
        )
    return values


def number(arrays: dict[str, Any], name: str) -> float:
    """Return the one number `name`; raises BadClipError."""
    array = np.asarray(_value(arrays, name))
    if array.dtype.kind == "O" and array.size == 1:
        array = np.asarray(array.item())
    if array.dtype.kind not in "biuf" or array.size != 1:
        raise BadClipError(f"has {name} that is not one number")
    return float(array.item())


def word(arrays: dict[str, Any], name: str) -> str:
    """Return the string `name`, which may be stored as text or bytes; raises BadClipError."""
    array = np.asarray(_value(arrays, name))
    value = array.item() if array.size == 1 else None
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        raise BadClipError(f"has {name} that is not text")
    return value


def mapping(arrays: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the dictionary `name`, which np.savez stores as an object; raises BadClipError."""
    value = _value(arrays, name)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.size == 1:
        value = value.item()
    if not isinstance(value, dict):
        raise BadClipError(f"has {name} that is not a dictionary")
    return value


def _value(arrays: dict[str, Any], name: str) -> Any:
    if arrays.get(name) is None:
        raise BadClipError(f"has no {name}")
    return arrays[name]


def _read_npy(file: IO[bytes], size: int) -> Any:
    """Read one .npy of at most `size` bytes; whatever goes wrong is an exception."""
    if size > MOST_BYTES:
        raise BadClipError(f"has an array of {size / 1e9:.3g} GB, which is not believable")
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise BadClipError(f"is of version {version} of the npy format, which is not known")
    # Version 3 is version 2 with UTF-8 in the names of fields, which no file here has.
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        return load_pickle(file)
    count = math.prod(shape)
    if count * dtype.itemsize > size:
        raise BadClipError(f"is truncated: it says it holds an array of shape {shape}")
    raw = file.read(count * dtype.itemsize)
    if len(raw) != count * dtype.itemsize:
        raise BadClipError(f"is truncated: it says it holds an array of shape {shape}")
    array = np.frombuffer(raw, dtype=dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
