"""The compiled scanner against Python's own `float`, word by word."""

import contextlib
import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datagen.sources.decimals import NoNumberError, read_decimals

FORMS = ("{!r}", "{:.6f}", "{:.4f}", "{:g}", "{:.9g}", "{:e}", "{:+.3E}", "{:.0f}", "{:.18e}")
SPACES = (b" ", b"\n", b"\t", b"\r\n", b"  \x0b\x0c ")


def read(text: bytes, most: int = 1000) -> np.ndarray:
    values, count = read_decimals(text, 0, most)
    assert len(values) == min(count, most)
    return values


def significant_digits(word: bytes) -> int:
    return int(re.split(rb"[eE]", word)[0].strip(b"+-").replace(b".", b"") or b"0")


def assert_as_float_reads(word: bytes, value: float) -> None:
    truth = float(word)
    if not math.isfinite(truth) or significant_digits(word) < 2**53:
        np.testing.assert_array_equal(value, truth)
        assert math.copysign(1, value) == math.copysign(1, truth) or math.isnan(truth)
    else:
        assert abs(value - truth) <= math.ulp(truth)


# The first call loads the compiled scanner.
AT_LEISURE = settings(deadline=None)


@AT_LEISURE
@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.sampled_from(FORMS)), max_size=20),
    st.sampled_from(SPACES),
)
def test_numbers_are_what_float_makes_of_them(numbers: list, space: bytes) -> None:
    words = [form.format(number).encode() for number, form in numbers]
    values = read(space.join(words) + space)
    assert len(values) == len(words)
    for word, value in zip(words, values.tolist(), strict=True):
        assert_as_float_reads(word, value)


WORDS = st.text(alphabet="0123456789+-.eEnaif_x,", min_size=1, max_size=24)


@AT_LEISURE
@given(st.lists(WORDS, min_size=1, max_size=4))
@example(["1e", "2"])
@example(["1e+", "."])
@example([".5", "5.", "-.5e-3", "+5.e2", "-0", "1e22", "1e-22", "1e23"])
@example(["99999999999999999999", "0.000000000000000000000000001", "1e400", "1e0005"])
@example(["nan", "-inf", "Infinity", "1_000"])
@example(["1.2.3"])
@example(["--1"])
@example(["1-1"])
def test_words_are_numbers_where_float_takes_them(words: list[str]) -> None:
    text = " ".join(words).encode()
    truth = []
    for word in words:
        try:
            if "_" in word:
                raise ValueError
            truth.append(float(word))
        except ValueError:
            with pytest.raises(NoNumberError) as caught:
                read(text)
            assert (caught.value.word, caught.value.index) == (word, len(truth))
            return
    for word, value in zip(words, read(text).tolist(), strict=True):
        assert_as_float_reads(word.encode(), value)


@AT_LEISURE
@given(st.binary(max_size=60))
def test_any_bytes_are_numbers_or_one_bad_word(raw: bytes) -> None:
    with contextlib.suppress(NoNumberError):
        assert len(read(raw)) == len(raw.split())


def test_no_more_are_returned_than_asked_for_but_all_are_counted() -> None:
    values, count = read_decimals(b"skip 1 2 nan 4", 4, 2)
    assert values.tolist() == [1, 2]
    assert count == 4
    with pytest.raises(NoNumberError, match="four"):
        read_decimals(b"1 2 nan four", 0, 2)
