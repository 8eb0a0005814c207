"""Casts of float32 inputs against ml_dtypes and torch, bit for bit.

ml_dtypes rounds a float64 to float32 first, so that one close beside a midpoint may differ there; ours rounds once.
"""

import ml_dtypes
import numpy as np
import pytest
import torch

from costmodel.formats import cast, get, largest, values

FLOATS = {
    "float8_e3m4": "e3m4_ieee",
    "float8_e4m3": "e4m3_ieee",
    "float8_e4m3fn": "fp8_e4m3",
    "float8_e4m3fnuz": "e4m3_fnuz",
    "float8_e4m3b11fnuz": "e4m3_b11_fnuz",
    "float8_e5m2": "fp8_e5m2",
    "float8_e5m2fnuz": "e5m2_fnuz",
    "float8_e8m0fnu": "e8m0",
    "float6_e2m3fn": "fp6_e2m3",
    "float6_e3m2fn": "fp6_e3m2",
    "float4_e2m1fn": "fp4_e2m1",
    "bfloat16": "bf16",
    "float16": "fp16",
}
INTEGERS = ("int2", "int4", "uint2", "uint4")


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return (a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))


def patterns(name, bits):
    """Every bit pattern of an ml_dtypes dtype, as float64."""
    codes = np.arange(2**bits).astype(np.uint16 if bits == 16 else np.uint8)
    with np.errstate(invalid="ignore"):
        return codes.view(dtype_of(name)).astype(np.float64)


def inputs(name, bits):
    """float32 grid values, midpoints, both with their float32 neighbours, far values, specials and random patterns."""
    grid = np.unique(patterns(name, bits)[np.isfinite(patterns(name, bits))])
    marks = np.concatenate([grid, (grid[1:] + grid[:-1]) / 2, grid[[0, -1]] * 1.0625, grid[[0, -1]] * 1.25])
    random = np.random.default_rng(20240521)
    anything = random.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, -3.4e38], np.float32)
    with np.errstate(all="ignore"):
        marks = marks.astype(np.float32)
        near = (random.standard_normal(50_000) * grid[-1]).astype(np.float32)
        around = [np.nextafter(marks, np.float32(side)) for side in (-np.inf, np.inf)]
    every = np.concatenate([marks, -marks, *around, anything, near, near / 64, special])
    return np.where(np.isnan(every), np.float32(np.nan), every)  # no signalling nan: those warn on conversion


@pytest.mark.parametrize(("name", "ours"), FLOATS.items())
def test_cast_equals_ml_dtypes_in_both_overflow_modes(name, ours):
    fmt = get(ours)
    x = inputs(name, fmt.bits)
    with np.errstate(all="ignore"):
        theirs = x.astype(dtype_of(name)).astype(np.float64)
    x = x.astype(np.float64)
    theirs[np.isnan(x)] = np.nan  # fp6 and fp4 have no nan: ml_dtypes stores a zero, we keep the nan visible
    assert same_bits(cast(x, ours, overflow="ieee"), theirs).all()

    lost = ~np.isfinite(theirs) & ~np.isnan(x) & (fmt.signed | (x > 0))
    saturated = np.where(lost, np.copysign(largest(ours), x), theirs)
    assert same_bits(cast(x, ours), saturated).all()
    assert lost.any() or not fmt.special


def test_a_float64_beside_a_midpoint_is_rounded_once():
    beside = 1.0625 + 2.0**-40
    assert cast(np.array([beside]), "fp8_e4m3") == 1.125
    assert np.array([beside]).astype(ml_dtypes.float8_e4m3fn).astype(np.float64) == 1.0, "through float32's 1.0625"


@pytest.mark.parametrize(("name", "ours"), FLOATS.items())
def test_every_bit_pattern_is_a_fixed_point_and_listed(name, ours):
    every = patterns(name, get(ours).bits)
    for overflow in ("saturate", "ieee"):
        kept = every if overflow == "ieee" else every[~np.isinf(every)]
        assert same_bits(cast(kept, ours, overflow=overflow), kept).all()
    np.testing.assert_array_equal(values(ours), np.unique(every[np.isfinite(every)]))


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_grids_equal_ml_dtypes(name):
    every = patterns(name, get(name).bits)
    np.testing.assert_array_equal(values(name), np.unique(every))
    x = np.concatenate([np.linspace(-20, 20, 641), every, [-np.inf, np.inf]])
    info = ml_dtypes.iinfo(dtype_of(name))
    nearest = np.clip(np.rint(x), int(info.min), int(info.max))
    theirs = nearest.astype(np.int8).astype(dtype_of(name)).astype(np.float64)
    assert same_bits(cast(x, name), theirs).all()
    assert same_bits(cast(x, name, overflow="ieee"), theirs).all()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("float8_e4m3fn", "fp8_e4m3"),
        ("float8_e5m2", "fp8_e5m2"),
        ("float8_e4m3fnuz", "e4m3_fnuz"),
        ("float8_e5m2fnuz", "e5m2_fnuz"),
        ("float8_e8m0fnu", "e8m0"),
        ("bfloat16", "bf16"),
        ("float16", "fp16"),
    ],
)
def test_cast_equals_torch_within_range(name, ours):
    x = inputs(name, get(ours).bits)
    x = x[np.abs(x) <= largest(ours)]
    x = x[x > 0] if not get(ours).signed else x  # torch drops the sign, ml_dtypes and we give nan
    theirs = torch.from_numpy(x).to(getattr(torch, name)).double().numpy()
    assert same_bits(cast(x, ours), theirs).all()


@pytest.mark.parametrize("name", ["fp32", "tf32"])
def test_wide_floats(name):
    random = np.random.default_rng(5)
    x = random.standard_normal(20_000) * 10.0 ** random.integers(-50, 45, 20_000)
    with np.errstate(over="ignore"):
        single = x.astype(np.float32).astype(np.float64)
    if name == "fp32":
        assert same_bits(cast(x, name, overflow="ieee"), single).all()
    else:
        y = cast(x, name)
        mantissa, _ = np.frexp(y)
        assert (mantissa * 2**11 == np.rint(mantissa * 2**11)).all()
        inside = (np.abs(x) < largest(name)) & (np.abs(x) > 2.0**-126)
        assert (np.abs(y - x)[inside] <= np.abs(x[inside]) * 2.0**-11).all()


@pytest.mark.parametrize("overflow", ["saturate", "ieee"])
def test_nan_stays_nan_in_every_format(overflow):
    for fmt in ("int8", "uint4", "fp4_e2m1", "fp6_e3m2", "fp8_e4m3", "fp8_e5m2", "e4m3_fnuz", "e8m0", "nf4", "bf16"):
        assert np.isnan(cast(np.nan, fmt, overflow=overflow))


def test_overflow_names_what_lies_beyond_the_largest_value():
    beyond = np.array([1e6, -np.inf])
    np.testing.assert_array_equal(cast(beyond, "fp8_e5m2"), [57344.0, -57344.0])
    np.testing.assert_array_equal(cast(beyond, "fp8_e5m2", overflow="ieee"), [np.inf, -np.inf])
    np.testing.assert_array_equal(cast(beyond, "fp8_e4m3"), [448.0, -448.0])
    np.testing.assert_array_equal(cast(beyond, "fp8_e4m3", overflow="ieee"), [np.nan, np.nan])
    np.testing.assert_array_equal(cast(beyond, "fp4_e2m1", overflow="ieee"), [6.0, -6.0])
    np.testing.assert_array_equal(cast(beyond, "int8", overflow="ieee"), [127.0, -128.0])


def test_shapes_and_dtypes_are_kept_or_read():
    assert cast(2.6, "int8").shape == ()
    assert cast(2.6, "int8") == 3.0
    assert cast(np.zeros((2, 0, 3)), "fp8_e4m3").shape == (2, 0, 3)
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    assert cast(x, "fp8_e4m3").dtype == np.float64
    np.testing.assert_array_equal(cast(x, "fp8_e4m3"), cast(np.ascontiguousarray(x), "fp8_e4m3"))
    np.testing.assert_array_equal(cast(np.array([1.0, 2.5]).astype(ml_dtypes.bfloat16), "int8"), [1.0, 2.0])
    np.testing.assert_array_equal(cast([True, False], "int8"), [1.0, 0.0])


def test_input_is_not_changed():
    x = np.array([1.3, -7.7, np.nan, 900.0])
    before = x.copy()
    for fmt in ("int4", "mxint8", "fp8_e4m3", "e4m3_fnuz", "e8m0", "nf4"):
        cast(x, fmt)
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("bad", ["text", ["a", "b"], [1 + 2j], [[1, 2], [3]], None, {"a": 1}, [object()]])
def test_what_is_not_numbers_raises(bad):
    with pytest.raises(ValueError, match="real numbers") as error:
        cast(bad, "int8")
    assert "\n" not in str(error.value)


def test_unknown_overflow_and_range_beyond_float64_raise():
    with pytest.raises(ValueError, match=r"overflow must be one of .*'wrap'"):
        cast([1.0], "int8", overflow="wrap")
    for name in ("e11m4", "e12m3_ieee", "e15m0", "e4m3_b1100", "e4m3_b-1100"):
        with pytest.raises(ValueError, match=f"{name} reaches beyond float64"):
            cast([1.0], name)
