"""Numbers to float16 as the processor does it; numpy does it one by one."""

import numpy as np
from numpy.typing import NDArray

from datagen.compiled import compiled

SIGN, MAGNITUDE = np.uint32(0x8000), np.uint32(0x7FFFFFFF)
# The smallest number that float16 holds with full precision, as the bits of float32.
SMALLEST_NORMAL = np.uint32(0x38800000)
# float32 counts exponents from 127, float16 from 15.
EXPONENTS = np.uint32((127 - 15) << 23)
# Float16 has 13 digits fewer; what is half of the last digit goes to the even neighbour.
DIGITS, HALF_LESS_ONE = np.uint32(13), np.uint32(0xFFF)
ONE, SIXTEEN = np.uint32(1), np.uint32(16)
# Next to one half, float32 has the steps that float16 has next to nought.
ONE_HALF = np.float32(0.5)
BITS_OF_ONE_HALF = np.uint32(0x3F000000)


@compiled
def write_half(values: NDArray[np.floating], out: NDArray[np.uint16]) -> int:
    """Write the bits of the float16 nearest to each of flat values, ties to even.

    Returns the bits of the largest magnitude as a float32; NaN counts as the largest. What
    float16 cannot hold is written wrongly.
    """
    largest = np.uint32(0)
    for i in range(len(values)):
        value = np.float32(values[i])
        bits = value.view(np.uint32)
        size = bits & MAGNITUDE
        largest = max(largest, size)
        normal = size - EXPONENTS
        normal = (normal + HALF_LESS_ONE + ((normal >> DIGITS) & ONE)) >> DIGITS
        small = np.float32(abs(value) + ONE_HALF).view(np.uint32) - BITS_OF_ONE_HALF
        out[i] = (small if size < SMALLEST_NORMAL else normal) | ((bits >> SIXTEEN) & SIGN)
    return int(largest)
