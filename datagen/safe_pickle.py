"""Pickles of others, read without running anything of theirs.

SMPL's model files, GRAB's clips and SignAvatars' videos are pickles, and a pickle is a program.
Here only dicts, lists, sets, strings and numbers come to be, numpy arrays, scipy.sparse matrices
and the arrays of `chumpy`, which SMPL's files want and which no current Python can install. Even
these are not built by the pickle's own calls: stand-ins check the description first, so a wrong one
cannot reach numpy's or scipy's C code. `np.asarray(value)` turns each of them into a plain array.
Tensors of torch, which are pickles within the pickle and which nothing here needs, are left out as
None: SignAvatars keeps its marks of valid hands in them, beside the poses.
"""

import math
import pickle
import re
from collections.abc import Callable, Mapping
from typing import IO, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

DTYPE = re.compile(r"[?]|O8?|[biufcSU]\d{1,6}")
MOST_DENSE_VALUES = 200_000_000
ARRAYS = re.compile(r"numpy\.(_core|core)\.(multiarray|numeric)")
SPARSE = re.compile(r"scipy\.sparse(\._?cs[cr])?")
CHUMPY = re.compile(r"chumpy(\.\w+)*")


class BadPickleError(Exception):
    """A pickle that is damaged or asks for more than data; the message is the reason."""


def load_pickle(file: IO[bytes]) -> Any:
    """Return what a pickle holds; raises BadPickleError.

    Arrays may come as subclasses of ndarray, sparse matrices and chumpy's arrays as objects that
    `np.asarray` turns into dense arrays.
    """
    try:
        return _Unpickler(file, encoding="latin1").load()
    except BadPickleError:
        raise
    # A damaged pickle runs into nearly every exception that there is.
    except Exception as error:
        raise BadPickleError(f"is a damaged pickle ({type(error).__name__})") from None


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python, as the one in C can be made to fill the memory by a few bytes."""

    # Of the parent's inner side, which type stubs leave out.
    read: Callable[[int], bytes]
    append: Callable[[object], None]
    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class or function; raises BadPickleError without one."""
        stand_in: Any = None
        if module in ("builtins", "__builtin__"):
            stand_in = BUILT_INS.get(name)
        elif module in ("copyreg", "copy_reg") and name == "_reconstructor":
            stand_in = _Function(_new_stand_in)
        elif module == "_codecs" and name == "encode":
            stand_in = _Function(_encode)
        elif module == "numpy":
            stand_in = {"ndarray": "ndarray", "dtype": _Dtype}.get(name)
        elif ARRAYS.fullmatch(module):
            stand_in = ARRAY_FUNCTIONS.get(name)
        elif SPARSE.fullmatch(module):
            stand_in = {"csc_matrix": _Columns, "csr_matrix": _Rows}.get(name)
        elif (module, name) in TORCH_FUNCTIONS:
            stand_in = TORCH_FUNCTIONS[module, name]
        elif CHUMPY.fullmatch(module):
            stand_in = _Chumpy
        if stand_in is None:
            raise BadPickleError(f"is a pickle that asks for {module}.{name}, which is not data")
        return stand_in

    def load_bytearray8(self) -> None:
        """Read bytes before making room for them: the size may be a lie."""
        size = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(size)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class _Function:
    """A function that a pickle may call but not change."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: object) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: object) -> NoReturn:
        raise BadPickleError("is a pickle that changes a function")


class _Dtype:
    """A simple numpy dtype: numbers, strings or objects, without fields."""

    def __init__(self, code: object = None, *_align_and_copy: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else str(code)
        if not DTYPE.fullmatch(text):
            raise BadPickleError(f"is a pickle with arrays of the type {text[:40]!r}")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, order, *fields = state
        if any(field is not None for field in fields[:3]):
            raise BadPickleError("is a pickle with arrays that have fields")
        order = order.decode("latin1") if isinstance(order, bytes) else order
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder("<" if order == "<" else ">")


class _Array(np.ndarray):
    """An array that is filled once its description has been checked."""

    def __setstate__(self, state: Any) -> None:
        *_version, shape, dtype, fortran, raw = state
        size = _checked_size(shape)
        if dtype.dtype.hasobject:
            if not isinstance(raw, list) or len(raw) != size:
                raise BadPickleError("is a damaged pickle (an array's size)")
        else:
            raw = _raw_bytes(raw)
            if len(raw) != size * dtype.dtype.itemsize:
                raise BadPickleError("is a damaged pickle (an array's size)")
        state = (1, tuple(shape), dtype.dtype, bool(fortran), raw)
        super().__setstate__(state)


class _Dense:
    """Something that stands for a dense array."""

    array: NDArray[Any]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)


class _Chumpy(_Dense):
    """Any of chumpy's arrays: values, or a selection from another one."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        if "x" in state:
            self.array = np.asarray(state["x"], dtype=np.float64)
        elif {"a", "idxs", "preferred_shape"} <= state.keys():
            chosen = np.asarray(state["a"], dtype=np.float64).ravel()[np.asarray(state["idxs"])]
            self.array = chosen.reshape(state["preferred_shape"])
        else:
            raise BadPickleError("is a pickle with a chumpy expression that is neither x nor a[i]")


class _Columns(_Dense):
    """A scipy.sparse matrix in compressed columns."""

    matrix: Any = sparse.csc_matrix

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        if _checked_size(state["_shape"]) > MOST_DENSE_VALUES:
            raise BadPickleError(f"is a pickle with a matrix of {state['_shape']}, too large")
        parts = [np.array(state[part], copy=True) for part in ("data", "indices", "indptr")]
        matrix = self.matrix(tuple(parts), shape=tuple(state["_shape"]))
        matrix.check_format(full_check=True)
        self.array = matrix.toarray()


class _Rows(_Columns):
    """A scipy.sparse matrix in compressed rows."""

    matrix = sparse.csr_matrix


def _checked_size(shape: Any) -> int:
    if len(shape) > 32 or not all(type(length) is int and length >= 0 for length in shape):
        raise BadPickleError("is a damaged pickle (an array's shape)")
    return math.prod(shape)


def _raw_bytes(raw: str | bytes | bytearray) -> bytes:
    """Return an array's bytes; what Python 2 wrote arrives as text."""
    return raw.encode("latin1") if isinstance(raw, str) else bytes(raw)


def _new_array(_kind: object, _shape: object, _code: object) -> NDArray[Any]:
    return np.ndarray.__new__(_Array, (0,))


def _array_from_buffer(raw: bytes, dtype: _Dtype, shape: Any, order: str) -> NDArray[Any]:
    array = np.ndarray.__new__(_Array, (0,))
    array.__setstate__((1, shape, dtype, order == "F", raw))
    return array


def _scalar(dtype: _Dtype, raw: str | bytes) -> Any:
    return np.frombuffer(_raw_bytes(raw), dtype=dtype.dtype, count=1)[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise BadPickleError("is a pickle with text in an encoding that numpy does not use")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    """Return what old protocols call `bytes` for; with a number it would fill the memory."""
    return b""


def _no_tensor(*_description: object) -> None:
    """Return what stands for a tensor and for its values: nothing."""


def _no_hooks() -> dict[str, Any]:
    """Return a tensor's hooks, of which it has none."""
    return {}


def _new_stand_in(kind: type[_Dense], _base: object, _state: object) -> _Dense:
    if not issubclass(kind, _Dense):
        raise BadPickleError("is a damaged pickle (an object without a class)")
    return kind()


BUILT_INS = {"object": object, "set": set, "bytes": _Function(_empty_bytes)}
ARRAY_FUNCTIONS = {
    "_reconstruct": _Function(_new_array),
    "scalar": _Function(_scalar),
    "_frombuffer": _Function(_array_from_buffer),
}
TORCH_FUNCTIONS = {
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_no_tensor),
    ("torch.storage", "_load_from_bytes"): _Function(_no_tensor),
    ("collections", "OrderedDict"): _Function(_no_hooks),
}
