"""Pickles of others: data come through unchanged, and nothing else ever runs."""

import builtins
import contextlib
import io
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse

from datagen.safe_pickle import BadPickleError, load_pickle

VALUES = {
    "floats": np.linspace(0, 1, 12).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big endian": np.arange(4, dtype=">i4"),
    "words": np.array(["a", "longer"]),
    "objects": np.array([{"n": 1}, None, "x"], dtype=object),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "scalar": np.float64(2.5),
    "flag": np.array([True, False]),
    "plain": {"text": "ä", "bytes": b"\xff", "list": [1, 2.5, None, True], "set": {1}},
}


def dumped(value: object, protocol: int = 4) -> bytes:
    return pickle.dumps(value, protocol)


def loaded(raw: bytes) -> Any:
    return load_pickle(io.BytesIO(raw))


@pytest.mark.parametrize("protocol", range(6))
def test_data_come_through_unchanged(protocol: int) -> None:
    read = loaded(dumped(VALUES, protocol))
    assert read.keys() == VALUES.keys()
    for name, value in VALUES.items():
        if isinstance(value, np.ndarray):
            assert read[name].dtype == value.dtype.newbyteorder("="), name
            assert np.array_equal(read[name], value), name
            assert read[name].flags.f_contiguous == value.flags.f_contiguous, name
        else:
            assert read[name] == value, name


@pytest.mark.parametrize("kind", [sparse.csc_matrix, sparse.csr_matrix])
@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_a_sparse_matrix_becomes_dense(kind: Any, protocol: int, rng: np.random.Generator) -> None:
    dense = rng.normal(size=(5, 8)) * (rng.random((5, 8)) < 0.3)
    read = loaded(dumped({"J_regressor": kind(dense)}, protocol))
    assert np.array_equal(np.asarray(read["J_regressor"]), dense)


def test_python_2_and_old_module_names_are_understood() -> None:
    """`pickle.dumps({'v': numpy.arange(2.)}, 2)` of Python 2 and numpy 1."""
    raw = (
        b"\x80\x02}q\x01U\x01vq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85q\x05U\x01bq\x06\x87q\x07Rq\x08(K\x01K\x02\x85q\tcnumpy\ndtype\nq\n"
        b"U\x02f8q\x0bK\x00K\x01\x87q\x0cRq\r(K\x03U\x01<q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff"
        b"\xffK\x00tq\x0fb\x89U\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0?"
        b"q\x10tq\x11bs."
    )
    assert np.array_equal(loaded(raw)["v"], [0.0, 1.0])


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Classes under chumpy's names, to write pickles with."""
    module = types.ModuleType("chumpy.ch")
    for name in ("Ch", "Select", "Sum"):
        setattr(module, name, type(name, (), {"__module__": "chumpy.ch"}))
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return module


@pytest.mark.parametrize("protocol", [1, 2])
def test_chumpy_arrays_are_read_without_chumpy(chumpy: Any, protocol: int) -> None:
    values = chumpy.Ch()
    values.x = np.arange(12.0).reshape(3, 4)
    values._dirty_vars = {"x"}
    part = chumpy.Select()
    part.a, part.idxs, part.preferred_shape = values, np.array([1, 5, 9]), (3, 1)
    read = loaded(dumped({"shapedirs": values, "v_template": part}, protocol))
    assert np.array_equal(np.asarray(read["shapedirs"]), np.arange(12.0).reshape(3, 4))
    assert np.array_equal(np.asarray(read["v_template"]), [[1.0], [5.0], [9.0]])
    total = chumpy.Sum()
    total.terms = [values]
    with pytest.raises(BadPickleError, match="chumpy expression"):
        loaded(dumped(total, protocol))


class Payload:
    """Calls a function while it is unpickled."""

    def __init__(self, call: Any, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("call", [os.system, builtins.eval, builtins.exec, builtins.getattr])
def test_a_harmful_payload_is_refused_and_does_not_run(
    tmp_path: Path, call: Any, protocol: int
) -> None:
    mark = tmp_path / "ran"
    commands = {os.system: f"touch {mark}", builtins.getattr: 1}
    command = commands.get(call, f"open({str(mark)!r}, 'w')")
    arguments = (1, "real") if call is getattr else (command,)
    raw = dumped({"poses": np.zeros(3), "text": Payload(call, *arguments)}, protocol)
    assert call is getattr or (pickle.loads(raw), mark.exists())[1], "the payload must be real"
    mark.unlink(missing_ok=True)
    with pytest.raises(BadPickleError, match=r"asks for .*, which is not data"):
        loaded(raw)
    assert not mark.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"cnumpy\nload\n.",
        b"cnumpy.testing._private.utils\nrunstring\n.",
        b"cnumpy._core.multiarray\nfromfile\n.",
        b"cnumpy\nsystem.os\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0bos.getlogin\x93.",
        b"cscipy.sparse._csc\nsys\n.",
        b"cdatagen.safe_pickle\nload_pickle\n.",
        b"cbuiltins\nobject\n\x81.",
        # What a pickle may call it may not change: the next pickle would meet it.
        b"cnumpy.core.multiarray\nscalar\nN}U\x0c__defaults__K\x01s\x86b.",
        b"cnumpy\ndtype\nN}U\x08__init__U\x01xs\x86b.",
        b"cchumpy.ch\nCh\nN}U\x0c__setstate__U\x01xs\x86b.",
    ],
)
def test_nothing_but_data_is_reached_and_nothing_is_changed(raw: bytes) -> None:
    with pytest.raises(BadPickleError):
        loaded(raw)
    assert loaded(dumped(VALUES))["scalar"] == 2.5


def test_sizes_that_lie_are_refused_before_memory_is_taken() -> None:
    raw = dumped(np.zeros(3), 2)
    assert raw.count(b"K\x03\x85") == 1
    with pytest.raises(BadPickleError, match="size"):
        loaded(raw.replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"))
    with pytest.raises(BadPickleError):
        loaded(b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"abc.")
    # The unpickler in C would make a memo of 32 GB for this.
    assert loaded(b"Kar\xff\xff\xff\x7f.") == 97
    huge = sparse.csc_matrix((10**9, 10**9))
    huge.indptr = np.zeros(2, dtype=np.int32)
    with pytest.raises(BadPickleError, match="too large"):
        loaded(dumped(huge))
    out_of_bounds = sparse.csc_matrix(np.eye(3))
    out_of_bounds.indices[:] = 10**6
    with pytest.raises(BadPickleError):
        loaded(dumped(out_of_bounds))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_pickles_only_ever_give_bad_pickle_error(data: st.DataObject) -> None:
    matrix = sparse.csc_matrix(np.eye(3))
    value = VALUES | {"matrix": matrix}
    raw = bytearray(dumped(value, data.draw(st.sampled_from([0, 2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))]
    with contextlib.suppress(BadPickleError):
        loaded(bytes(raw))


@settings(max_examples=200, deadline=None)
@example(b"")
@given(st.binary(max_size=200))
def test_random_bytes_only_ever_give_bad_pickle_error(raw: bytes) -> None:
    with contextlib.suppress(BadPickleError):
        loaded(raw)
