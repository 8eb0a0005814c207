"""FP4 weights at power-of-two scales are FP8 numbers, and low-rank products cost what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.formats import cast, get, largest, quantize, values
from costmodel.strategies import strategy
from costmodel.strategies.zeroquant_fp import LowRankCompensation, exact_shifts, power_scales, row_scales
from costmodel.workload import Workload
from costmodel.workload.ops import linear

FP4 = get("fp4_e2m1")
scales = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8)


@pytest.mark.parametrize("wide", ["fp8_e5m2", "fp8_e4m3", "fp16", "bf16"])
def test_a_cast_is_exact_within_its_shifts_and_not_beyond(wide):
    low, high = exact_shifts(FP4, get(wide))
    for shift in range(low - 2, high + 3):
        moved = values(FP4) * 2.0**shift
        assert np.array_equal(cast(moved, wide), moved) == (low <= shift <= high)


@pytest.mark.parametrize("wide", ["fp8_e5m2", "fp8_e4m3"])
def test_a_cast_adds_to_the_exponent_alone(wide):
    """Codes of a value and of its double differ by one in the exponent's field."""
    fmt = get(wide)
    low, high = exact_shifts(FP4, fmt)
    grid = values(fmt)
    positive = values(FP4)[values(FP4) > 0]
    for shift in range(low + 3, high):
        code = np.searchsorted(grid, positive * 2.0**shift)
        above = np.searchsorted(grid, positive * 2.0 ** (shift + 1))
        assert (above - code == 2**fmt.mantissa_bits).all()


def test_weights_through_fp4_at_power_scales_lose_nothing_in_fp8_and_others_do():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((64, 32)) * rng.lognormal(0, 1, (64, 1))
    plain = np.abs(weights).max(axis=1, keepdims=True) / largest(FP4)
    for fmt in ("fp8_e5m2", "fp8_e4m3"):
        exact = quantize(weights, FP4, scale=power_scales(plain))
        assert np.array_equal(cast(exact, fmt), exact)
        scaled = row_scales(plain.reshape(8, 8)).reshape(64, 1)
        top = np.repeat(plain.reshape(8, 8).max(axis=1), 8)[:, None]
        shifted = quantize(weights, FP4, scale=scaled) / top
        assert np.array_equal(cast(shifted, fmt), shifted)
        assert not np.array_equal(cast(quantize(weights, FP4, scale=plain), fmt), quantize(weights, FP4, scale=plain))


def test_power_scales_cost_little_beside_free_ones():
    weights = np.random.default_rng(1).standard_normal((256, 64))
    plain = np.abs(weights).max(axis=1, keepdims=True) / largest(FP4)

    def error(scale):
        return np.mean((quantize(weights, FP4, scale=scale) - weights) ** 2)

    m1, m2 = error(power_scales(plain)), error(row_scales(plain.reshape(16, 16)).reshape(256, 1))
    assert error(plain) < m2 < m1 < 2.5 * error(plain)


@given(scales)
def test_power_scales_never_clip_and_at_most_double(found):
    for chosen in (power_scales(found), row_scales(found)):
        ratio = chosen / np.array(found)
        assert (ratio >= 1 - 1e-12).all()
        assert (ratio <= 2 + 1e-12).all()
    assert np.array_equal(np.log2(power_scales(found)), np.rint(np.log2(power_scales(found))))
    steps = np.log2(row_scales(found) / max(found))
    assert np.allclose(steps, np.rint(steps))


def test_a_layer_gains_rank_times_its_sides():
    net = Workload("net", (linear("a", 3, 64, 32, bias=False), linear("b", 3, 32, 16, bias=False)))
    made = LowRankCompensation(4)(net)
    assert [op.name for op in made.ops] == ["a.lorc_in", "a.lorc_out", "a", "b.lorc_in", "b.lorc_out", "b"]
    gained = sum(op.params for op in made.ops) - sum(op.params for op in net.ops)
    assert gained == 4 * (64 + 32) + 4 * (32 + 16)
    assert LowRankCompensation(4).overhead(net.ops[0]) == 4 * 96 / (64 * 32)
    assert sum(op.macs for op in made.ops) - sum(op.macs for op in net.ops) == 3 * gained
    assert made.op("b").inputs == ("a", "b.lorc_out")
    assert made.op("b.lorc_in").inputs == ("a",)


def test_narrow_factors_may_have_a_format_of_their_own():
    net = LowRankCompensation(8)(cm.zoo.build("llama-3.2-1b", phase="decode", context=64))
    factors = {op.name: "bf16" for op in net.ops if ".lorc_" in op.name}
    found = cm.estimate(net, {"*": "fp4_e2m1/fp8_e4m3/bf16"} | factors, cm.gpu("h100_sxm"))
    assert found.totals["latency_s"] > 0


def test_bad_input_is_one_line():
    with pytest.raises(ValueError, match="strategy zeroquant_fp: the rank must be at least 0, got -1"):
        strategy("zeroquant_fp:rank=-1")
    with pytest.raises(ValueError, match="fp8_e5m2 has fewer mantissa bits than fp6_e2m3"):
        exact_shifts(get("fp6_e2m3"), get("fp8_e5m2"))
    with pytest.raises(ValueError, match="no power of two brings every value of fp8_e5m2 into fp6_e3m2"):
        exact_shifts(get("fp8_e5m2"), get("fp6_e3m2"))
    with pytest.raises(ValueError, match="scales must be positive and finite"):
        power_scales([1.0, 0.0])
