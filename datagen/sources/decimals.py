"""Decimal numbers out of text by a compiled scanner.

Numbers of up to 18 digits with a power of ten of up to 22, which is what files of motion hold, are
read digit by digit: exactly what `float` gives where the digits are less than 2**53, within one
unit in the last place otherwise. Whatever else there is between spaces goes to `float`.
"""

import re
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datagen.compiled import kept
from datagen.motion import Array

WORD = re.compile(rb"\S+")
TAB, RETURN, SPACE, PLUS, MINUS, POINT, DIGIT_ZERO, BIG_E, SMALL_E = b"\t\r +-.0Ee"
MOST_DIGITS = 18
MOST_POWER = 22
LONGEST_POWER = 3
NINE = np.uint8(9)
ZERO, ONE, TEN = np.uint64(0), np.uint64(1), np.uint64(10)
# These powers of ten are whole numbers that float64 holds exactly.
POWERS = 10.0 ** np.arange(MOST_POWER + 1)


class NoNumberError(ValueError):
    """A word that is no number.

    Attributes:
        word: as it stands in the text, its first 40 letters.
        index: how many numbers come before it.
    """

    def __init__(self, word: str, index: int) -> None:
        super().__init__(word)
        self.word, self.index = word, index


def read_decimals(text: bytes, start: int, most: int) -> tuple[Array, int]:
    """Return the numbers in `text` from `start` on, and how many they are.

    No more than `most` are returned, though all are read. Raises NoNumberError.
    """
    data = np.frombuffer(text, dtype=np.uint8)
    values = np.empty(most)
    position, count = _scan(data, start, values, 0)
    while found := WORD.match(text, int(position)):
        number = _number(found[0], count)
        if count < most:
            values[count] = number
        position, count = _scan(data, found.end(), values, count + 1)
    return values[:count], count


def _number(word: bytes, index: int) -> float:
    try:
        if b"_" not in word:
            return float(word)
    except ValueError:
        pass
    raise NoNumberError(word[:40].decode(errors="replace"), index)


@partial(kept, inline="always")
def _is_space(byte: np.uint8) -> bool:
    return bool(byte == SPACE or TAB <= byte <= RETURN)


@kept
def _scan(data: NDArray[np.uint8], start: int, values: Array, count: int) -> tuple[np.int64, int]:
    """Read numbers from the place `start` on into `values` from `count` on.

    Returns where it stopped, at the end or at a word that it leaves to others, and the count.
    Places are unsigned, which spares a check for negative ones at each access; loops over digits
    stand here and not in a function of their own, which would take twice the time.
    """
    at, size = np.uint64(start), np.uint64(len(data))
    while True:
        while at < size and _is_space(data[at]):
            at += ONE
        word = at
        if at < size and (data[at] == MINUS or data[at] == PLUS):
            at += ONE
        first, digits, tens, power = at, ZERO, ZERO, np.int64(0)
        while at < size and np.uint8(data[at] - DIGIT_ZERO) <= NINE:
            digits = TEN * digits + np.uint8(data[at] - DIGIT_ZERO)
            at += ONE
        length = np.int64(at - first)
        if at < size and data[at] == POINT:
            at += ONE
            first = at
            while at < size and np.uint8(data[at] - DIGIT_ZERO) <= NINE:
                digits = TEN * digits + np.uint8(data[at] - DIGIT_ZERO)
                at += ONE
            power = -np.int64(at - first)
            length -= power
        if at < size and (data[at] == BIG_E or data[at] == SMALL_E):
            sign = at + ONE
            signed = sign < size and (data[sign] == MINUS or data[sign] == PLUS)
            at = first = sign + ONE if signed else sign
            while at < size and np.uint8(data[at] - DIGIT_ZERO) <= NINE:
                tens = TEN * tens + np.uint8(data[at] - DIGIT_ZERO)
                at += ONE
            if not 0 < at - first <= LONGEST_POWER:
                return np.int64(word), count
            power += -np.int64(tens) if signed and data[sign] == MINUS else np.int64(tens)
        ends = at == size or _is_space(data[at])
        if not (ends and 0 < length <= MOST_DIGITS and -MOST_POWER <= power <= MOST_POWER):
            return np.int64(word), count
        value = digits / POWERS[-power] if power < 0 else digits * POWERS[power]
        if count < len(values):
            values[count] = -value if data[word] == MINUS else value
        count += 1
