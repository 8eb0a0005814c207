"""Laws of rounding, over every family and custom minifloats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from costmodel.formats import cast, get, largest, names, smallest_normal, smallest_subnormal, values

SMALL = [n for n in names() if get(n).bits <= 16]
SPECIALS = ("", "_ieee", "_fn", "_fnuz")


@st.composite
def minifloats(draw):
    exponent = draw(st.integers(1, 9))
    mantissa = draw(st.integers(max(0, 2 - exponent), min(15 - exponent, 10)))
    special = draw(st.sampled_from([s for s in SPECIALS if mantissa or s != "_ieee"]))
    own_name = (exponent, mantissa, special) == (8, 0, "")  # e8m0 is the unsigned scale of MX
    bias = draw(st.integers(-20, 40) if own_name else st.none() | st.integers(-20, 40))
    return f"e{exponent}m{mantissa}" + ("" if bias is None else f"_b{bias}") + special


formats = st.sampled_from(SMALL) | minifloats()
numbers = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e6, 1e6) | st.floats(allow_nan=False))


def brute_force(x, grid):
    """The nearest grid value; a tie goes to the neighbour with the even place in the grid counted from zero."""
    right = np.clip(np.searchsorted(grid, x), 1, len(grid) - 1)
    below, above = grid[right - 1], grid[right]
    zero = np.searchsorted(grid, 0.0)
    with np.errstate(over="ignore"):
        middle = below + (above - below) / 2
    even = np.where((right - zero) % 2 == 0, above, below)
    return np.where(x < middle, below, np.where(x > middle, above, even))


@given(formats, numbers)
def test_cast_is_idempotent(fmt, x):
    once = cast(x, fmt)
    np.testing.assert_array_equal(cast(once, fmt), once)


@given(formats, numbers)
def test_cast_keeps_order(fmt, x):
    ordered = cast(np.sort(x[x > 0] if fmt == "e8m0" else x), fmt)
    assert (np.diff(ordered) >= 0).all()


@given(formats)
def test_grid_values_are_fixed_points_in_both_modes(fmt):
    grid = values(fmt)
    for overflow in ("saturate", "ieee"):
        np.testing.assert_array_equal(cast(grid, fmt, overflow=overflow), grid)


@given(minifloats() | st.sampled_from([n for n in SMALL if get(n).encoding == "integer"]), numbers)
def test_cast_gives_the_nearest_value_with_ties_to_even(fmt, x):
    grid = values(fmt)
    ties = (grid[1:] + grid[:-1]) / 2
    marks = np.concatenate([grid, ties, grid[[0, -1]] * 1.5])
    x = np.concatenate([x, marks, np.nextafter(marks, -np.inf), np.nextafter(marks, np.inf)])
    if get(fmt).is_float and get(fmt).mantissa_bits == 0:
        x = x[~np.isin(x, ties)]
    np.testing.assert_array_equal(cast(x, fmt), brute_force(x, grid))


@pytest.mark.parametrize("fmt", ["e3m0", "e4m0_fn", "e5m0_fnuz"])
def test_without_mantissa_bits_ties_between_powers_of_two_go_up(fmt):
    positive = values(fmt)[values(fmt) > 0]
    np.testing.assert_array_equal(cast(positive[:-1] * 1.5, fmt), positive[1:])
    np.testing.assert_array_equal(cast(positive[:-1] * -1.5, fmt), -positive[1:])


@given(minifloats(), numbers)
def test_error_is_at_most_half_an_ulp_within_range(fmt, x):
    x = x[np.abs(x) <= largest(fmt)]
    m, tiny = get(fmt).mantissa_bits, smallest_subnormal(fmt)
    ulp = np.maximum(2.0 ** (np.frexp(x)[1] - 1 - m), tiny if m else 2 * tiny)
    assert (np.abs(cast(x, fmt) - x) <= ulp / 2).all()


@given(minifloats(), numbers)
def test_cast_is_odd(fmt, x):
    np.testing.assert_array_equal(cast(-x, fmt), -cast(x, fmt))


@given(minifloats(), numbers, st.integers(-40, 40))
def test_a_power_of_two_passes_through_the_bias(fmt, x, shift):
    """Lowering the bias by s multiplies every value by 2^s."""
    f = get(fmt)
    suffix = f"_{f.special}" if f.special else ""
    shifted = f"e{f.exponent_bits}m{f.mantissa_bits}_b{f.bias - shift}{suffix}"
    x = np.clip(x, -(2.0**500), 2.0**500)
    x = np.where(np.abs(x) < 2.0**-500, 0.0, x)
    np.testing.assert_array_equal(cast(x * 2.0**shift, shifted), cast(x, fmt) * 2.0**shift)


@given(minifloats())
def test_number_of_distinct_values(fmt):
    """2^bits codes less one for the second zero, and the codes given up for nan and infinity."""
    f = get(fmt)
    given_up = {"": 0, "ieee": 2 * 2**f.mantissa_bits, "fn": 2, "fnuz": 0}[f.special]
    assert len(values(fmt)) == 2**f.bits - 1 - given_up


@given(minifloats())
def test_extremes_agree_with_the_grid(fmt):
    grid, f = values(fmt), get(fmt)
    positive = grid[grid > 0]
    assert largest(fmt) == grid[-1] == -grid[0]
    assert smallest_subnormal(fmt) == positive[0]
    if f.exponent_bits == 1 and f.special == "ieee":
        with pytest.raises(ValueError, match="no normal numbers"):
            smallest_normal(fmt)
    else:
        assert smallest_normal(fmt) == 2.0 ** (1 - f.bias)
        assert smallest_normal(fmt) in positive


@given(formats, arrays(np.float64, (3, 4), elements=st.floats()))
def test_anything_goes_in_and_the_grid_or_nan_comes_out(fmt, x):
    done = cast(x, fmt)
    assert done.shape == x.shape
    assert np.isin(done[~np.isnan(done)], values(fmt)).all()
    assert np.isnan(done[np.isnan(x)]).all()
    if fmt != "e8m0":
        assert not np.isnan(done[~np.isnan(x)]).any()
