"""An exact accumulator holds the greatest dot product of its formats, and has hardly a bit more than that takes."""

from fractions import Fraction
from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.formats import get, largest, smallest_subnormal, values
from costmodel.workload.ops import linear


def bits(weight: str, activation: str, terms: int) -> int:
    return int(accumulator_bits(linear("fc", 1, terms, 1), cm.precision(f"{weight}/{activation}")))


def unit(fmt) -> Fraction:
    return Fraction(smallest_subnormal(fmt)) if fmt.is_float else Fraction(1)


def needed(weight: str, activation: str, terms: int) -> int:
    """Bits in two's complement of the greatest magnitude that `terms` products reach, in units of the least product."""
    a, b = get(weight), get(activation)
    lows = [Fraction(float(values(fmt)[0])) for fmt in (a, b)]
    highs = [Fraction(largest(fmt)) for fmt in (a, b)]
    products = [x * y / (unit(a) * unit(b)) for x in (lows[0], highs[0]) for y in (lows[1], highs[1])]
    top, bottom = max(products) * terms, min(products) * terms
    width = 1
    while not (-(2 ** (width - 1)) <= bottom and top <= 2 ** (width - 1) - 1):
        width += 1
    return width


@pytest.mark.parametrize("fmt", ["e2m3", "e3m2", "e3m3", "fp8_e4m3", "fp4_e2m1", "int4", "int8"])
@pytest.mark.parametrize("terms", [1, 9, 64, 4608])
def test_no_sum_overflows_and_hardly_a_bit_is_spare(fmt, terms):
    """4608 is the longest dot product of a ResNet-18."""
    spare = ceil(log2(terms)) - log2(terms) if terms > 1 else 0
    assert 0 <= bits(fmt, fmt, terms) - needed(fmt, fmt, terms) <= 1 + ceil(spare)


@given(
    st.sampled_from(["e2m1", "e2m3", "e3m2", "int3", "int5", "uint4"]),
    st.sampled_from(["e2m1", "e3m3", "int4", "uint8"]),
    st.integers(1, 5000),
)
def test_mixed_pairs_never_overflow(weight, activation, terms):
    assert bits(weight, activation, terms) >= needed(weight, activation, terms)


def test_random_sums_are_exact_in_that_many_bits():
    rng = np.random.default_rng(0)
    grid = values("e3m2")
    for terms in (3, 50):
        held = 2 ** (bits("e3m2", "e3m2", terms) - 1)
        sums = (rng.choice(grid, (200, terms)) * rng.choice(grid, (200, terms))).sum(axis=1) / float(
            unit(get("e3m2")) ** 2
        )
        assert np.array_equal(sums, np.rint(sums))
        assert np.abs(sums).max() < held
