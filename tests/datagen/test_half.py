import numpy as np
import pytest

from datagen.motion import BadClipError
from datagen.sample import to_half

EVERY_HALF = np.arange(2**16, dtype=np.uint16).view(np.float16)
FINITE = EVERY_HALF[np.isfinite(EVERY_HALF)]


def same(half, expected):
    return half.dtype == np.float16 and (half.view(np.uint16) == expected.view(np.uint16)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_half_stays_what_it_is(dtype):
    assert same(to_half(FINITE.astype(dtype), "x"), FINITE)


def test_numbers_between_two_halves_go_to_the_nearest_and_ties_to_the_even_one():
    positive = np.sort(FINITE[~np.signbit(FINITE)]).astype(np.float32)
    middle = (positive[1:] + positive[:-1]) / 2
    around = [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(1e9))]
    values = np.concatenate([*around, *(-each for each in around)])
    assert same(to_half(values, "x"), values.astype(np.float16))


def test_shapes_and_layouts_are_kept():
    values = np.random.default_rng(0).normal(size=(4, 5, 6)).transpose(2, 0, 1)
    half = to_half(values, "x")
    assert half.shape == (6, 4, 5)
    assert same(half, values.astype(np.float32).astype(np.float16))
    assert to_half(np.empty((0, 3)), "x").shape == (0, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 7e4, -7e4, 1e300])
def test_what_half_cannot_hold_is_a_bad_clip(value):
    with pytest.raises(BadClipError, match=r"force reaches .* float16 cannot hold"):
        to_half(np.array([0.0, value, 1.0]), "force")
