"""Shared scales: per tensor, per channel, per group."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from costmodel.catalog import UnknownNameError
from costmodel.formats import cast, get, largest, names, quantize, values

GROUPED = [n for n in names() if get(n).scale]
ALONE = [n for n in GROUPED if get(n).scale != "fp8_e4m3"]
"""Whose groups' scales do not depend on the rest of the tensor."""
WIDE = ["fp32", "tf32", "bf16", "fp16"]
MX = [n for n in names() if get(n).scale == "e8m0"]
weights = arrays(np.float64, (3, 40), elements=st.floats(-100, 100).map(lambda v: v if abs(v) > 1e-3 else 0.0))


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# integers


def test_int8_per_channel_equals_the_three_line_formula():
    x = normal(5, 64, seed=1) * 10.0 ** np.arange(-2, 3)[:, None]
    scale = np.abs(x).max(axis=1, keepdims=True) / 127
    codes = np.round(x / scale)
    np.testing.assert_array_equal(quantize(x, "int8", axis=0), codes * scale)


@pytest.mark.parametrize("bits", range(2, 17))
def test_signed_integers_are_symmetric_over_the_tensor(bits):
    x = normal(7, 9, seed=bits)
    scale = np.abs(x).max() / (2 ** (bits - 1) - 1)
    done = quantize(x, f"int{bits}")
    np.testing.assert_allclose(done, np.rint(x / scale) * scale, rtol=1e-14)
    assert len(np.unique(np.rint(done / scale))) <= 2**bits - 1
    np.testing.assert_array_equal(quantize(-x, f"int{bits}"), -done)


@pytest.mark.parametrize("bits", range(2, 17))
def test_unsigned_integers_spread_the_positive_part(bits):
    x = normal(7, 9, seed=bits)
    scale = x.max() / (2**bits - 1)
    np.testing.assert_allclose(quantize(x, f"uint{bits}"), np.rint(np.maximum(x, 0) / scale) * scale, rtol=1e-14)


@given(weights, st.sampled_from(["int2", "int4", "int8", "uint4"]), st.sampled_from([None, 0, 1, -1]))
def test_error_is_at_most_half_a_step(x, fmt, axis):
    x = np.maximum(x, 0) if fmt == "uint4" else x
    others = None if axis is None else 1 - axis % 2
    step = np.abs(x).max(axis=others, keepdims=True) / largest(fmt)
    assert (np.abs(quantize(x, fmt, axis=axis) - x) <= step / 2 * (1 + 1e-12)).all()


def test_each_index_of_the_axis_has_its_own_scale():
    x = normal(4, 3, 5)
    for axis in (0, 1, 2, -1):
        done = quantize(x, "int4", axis=axis)
        for i in range(x.shape[axis]):
            np.testing.assert_array_equal(done.take(i, axis), quantize(x.take(i, axis), "int4"))


# floats


@pytest.mark.parametrize("fmt", ["fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1", "e3m3", *WIDE])
@pytest.mark.parametrize("overflow", ["saturate", "ieee"])
def test_floats_without_axis_are_a_plain_cast(fmt, overflow):
    x = normal(6, 50) * 1e3
    np.testing.assert_array_equal(quantize(x, fmt, overflow=overflow), cast(x, fmt, overflow=overflow))


def test_fp8_without_axis_equals_ml_dtypes():
    x = normal(4000).astype(np.float32)
    np.testing.assert_array_equal(quantize(x, "fp8_e4m3"), x.astype(ml_dtypes.float8_e4m3fn).astype(np.float64))


@pytest.mark.parametrize("fmt", ["fp8_e4m3", "fp6_e2m3", "fp4_e2m1"])
def test_floats_with_axis_meet_the_largest_value(fmt):
    x = normal(6, 50)
    scale = np.abs(x).max(axis=1, keepdims=True) / largest(fmt)
    done = quantize(x, fmt, axis=0)
    np.testing.assert_array_equal(done, cast(x / scale, fmt) * scale)
    np.testing.assert_allclose(np.abs(done).max(axis=1), np.abs(x).max(axis=1), rtol=1e-15)


@pytest.mark.parametrize("fmt", WIDE)
def test_wide_floats_need_no_scale(fmt):
    x = normal(6, 50)
    np.testing.assert_array_equal(quantize(x, fmt, axis=0), cast(x, fmt))


# groups


def test_mxfp4_by_hand():
    """absmax 5: the scale is 2^(floor(log2 5) - 2) = 1; absmax 0.9: 2^(-1 - 2) = 1/8."""
    first = np.zeros(32)
    first[:6] = [5.0, -5.0, 2.4, 2.5, -0.3, 0.2]
    second = np.zeros(32)
    second[:4] = [0.9, 0.8, -0.1, 0.03]
    done = quantize(np.concatenate([first, second]), "mxfp4")
    np.testing.assert_array_equal(done[:6], [4.0, -4.0, 2.0, 2.0, -0.5, 0.0])
    np.testing.assert_array_equal(done[32:36], np.array([6.0, 6.0, -1.0, 0.0]) / 8)


@pytest.mark.parametrize(
    ("fmt", "absmax", "scale"),
    [
        ("mxfp8_e4m3", 1.0, 2.0**-8),
        ("mxfp8_e4m3", 1.99, 2.0**-8),
        ("mxfp8_e4m3", 448.0, 1.0),
        ("mxfp8_e5m2", 1.0, 2.0**-15),
        ("mxfp6_e3m2", 28.0, 1.0),
        ("mxfp6_e3m2", 32.0, 2.0),
        ("mxfp6_e2m3", 1.0, 0.25),
        ("mxfp4", 8.0, 2.0),
        ("mxint8", 1.5, 1.0),
        ("mxint8", 0.99, 0.5),
    ],
)
def test_mx_scale_is_the_power_of_two_under_absmax_over_that_under_the_largest_element(fmt, absmax, scale):
    x = np.concatenate([[absmax], np.linspace(-absmax, absmax, 31)])
    symmetric = np.clip(x / scale, -largest(fmt), largest(fmt))
    np.testing.assert_array_equal(quantize(x, fmt), cast(symmetric, fmt) * scale)


def test_mx_saturates_what_the_scale_leaves_above_the_largest_element():
    np.testing.assert_array_equal(quantize([7.9, -7.9], "mxfp4"), [6.0, -6.0])
    np.testing.assert_array_equal(quantize([1.999, -1.999], "mxint8"), [127 / 64, -127 / 64])
    np.testing.assert_array_equal(quantize([511.0, -511.0], "mxfp8_e4m3"), [448.0, -448.0])


def test_mx_scale_stays_within_e8m0():
    tiny = quantize([2.0**-140, 2.0**-129], "mxfp4")
    np.testing.assert_array_equal(tiny, [0.0, 0.0])
    np.testing.assert_array_equal(quantize([2.0**-128], "mxfp8_e4m3"), [2.0**-128])
    np.testing.assert_array_equal(quantize([1e300, 1.0], "mxfp4"), [6.0 * 2.0**127, 0.0])


def test_nvfp4_equals_its_definition_with_ml_dtypes():
    x = normal(8, 64, seed=9) * np.array([1e-2, 1, 3, 40, 1e2, 7, 0.3, 2])[:, None]
    tensor = np.float64(np.float32(np.abs(x).max() / (6 * 448)))
    blocks = x.reshape(8, 4, 16)
    block = np.abs(blocks).max(axis=-1, keepdims=True) / 6 / tensor
    block = block.astype(np.float32).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
    scale = block * tensor
    elements = (blocks / np.where(scale > 0, scale, 1)).astype(ml_dtypes.float4_e2m1fn).astype(np.float64)
    np.testing.assert_array_equal(quantize(x, "nvfp4"), (elements * scale).reshape(x.shape))


@pytest.mark.parametrize(("fmt", "size"), [("int4_g128", 128), ("int8_g32", 32), ("int3_g10", 10)])
def test_integer_groups_share_an_fp16_scale(fmt, size):
    x = normal(3, 2 * size + 7, seed=size)
    done = quantize(x, fmt)
    top = largest(fmt)
    for start in range(0, x.shape[1], size):
        group = x[:, start : start + size]
        scale = (np.abs(group).max(axis=1, keepdims=True) / top).astype(np.float16).astype(np.float64)
        codes = np.clip(np.rint(group / scale), -top, top)
        np.testing.assert_array_equal(done[:, start : start + size], codes * scale)


@pytest.mark.parametrize("fmt", ALONE)
def test_groups_run_along_the_axis_and_the_last_may_be_short(fmt):
    x = normal(37, 5, 70, seed=2)
    size = get(fmt).group_size
    np.testing.assert_array_equal(quantize(x, fmt), quantize(x, fmt, axis=-1))
    along = quantize(x, fmt, axis=0)
    np.testing.assert_array_equal(along, np.moveaxis(quantize(np.moveaxis(x, 0, -1), fmt), -1, 0))
    alone = [quantize(x[..., i : i + size], fmt) for i in range(0, 70, size)]
    np.testing.assert_array_equal(quantize(x, fmt), np.concatenate(alone, axis=-1))


@given(weights, st.sampled_from(ALONE))
def test_group_formats_are_idempotent(x, fmt):
    once = quantize(x, fmt)
    np.testing.assert_array_equal(quantize(once, fmt), once)


@pytest.mark.parametrize("fmt", [n for n in GROUPED if n not in ALONE])
def test_scales_within_a_tensor_s_are_idempotent_where_those_of_blocks_are_normal(fmt):
    once = quantize(normal(20, 64), fmt)
    np.testing.assert_array_equal(quantize(once, fmt), once)


@given(weights, st.sampled_from([n for n in names() if get(n).bits < 16 and n != "e8m0"]), st.integers(-8, 8))
def test_a_power_of_two_scales_through(x, fmt, shift):
    """Scales chosen from the data move with it; a plain float cast has one grid, so it takes an axis here."""
    axis = None if get(fmt).scale else 0
    stored = get(fmt).scale not in ("fp16", "fp8_e4m3")
    if stored or np.abs(x).max() > 1:
        whole = x if stored else np.where(np.abs(x) > 0, np.sign(x) * (1 + np.abs(x)), 0.0)
        moved = quantize(whole * 2.0**shift, fmt, axis=axis)
        np.testing.assert_array_equal(moved, quantize(whole, fmt, axis=axis) * 2.0**shift)


@pytest.mark.parametrize("fmt", ["mxfp8_e4m3", "mxfp6_e3m2", "mxint8", "nvfp4", "int4_g32", "nf4"])
def test_relative_error_shrinks_with_bits(fmt):
    x = normal(64, 256, seed=11)
    error = np.sqrt(np.mean((quantize(x, fmt) - x) ** 2))
    assert error < {8: 0.03, 6: 0.08, 4: 0.13}[get(fmt).bits]


# every format


@pytest.mark.parametrize("fmt", [n for n in names() if n != "e8m0"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_zeros_stay_zero(fmt, axis):
    x = normal(3, 130)
    x[0] = 0
    done = quantize(x, fmt, axis=axis)
    assert (done[0] == 0).all() or (fmt == "binary" and axis != 0)
    assert (quantize(np.zeros((2, 2)), fmt) == 0).all()


def test_one_and_two_levels_take_their_scale_from_means():
    x = np.array([[-4.0, 1.0, 1.0, 2.0, 0.0], [0.1, -0.1, 0.1, 0.1, -0.1]])
    binary = quantize(x, "binary", axis=0)
    np.testing.assert_allclose(np.abs(binary), [[1.6] * 5, [0.1] * 5])
    assert (np.sign(binary[0, :4]) == np.sign(x[0, :4])).all()
    ternary = quantize(x, "ternary", axis=0)
    np.testing.assert_allclose(ternary[0], [-3.0, 0.0, 0.0, 3.0, 0.0])
    sample = np.random.default_rng(0).standard_normal(100_000)
    noise = [np.mean((quantize(sample, f) - sample) ** 2) for f in ("binary", "ternary")]
    assert noise[0] == pytest.approx(1 - 2 / np.pi, abs=0.01)  # the least of any scale for a normal variable
    assert noise[1] == pytest.approx(0.19, abs=0.01)


@pytest.mark.parametrize("fmt", names())
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("overflow", ["saturate", "ieee"])
def test_nan_and_inf_touch_no_other_element(fmt, axis, overflow):
    x = np.abs(normal(4, 40, seed=6)) + 0.1
    expected = quantize(np.where(np.arange(40) == 3, 0.1, x), fmt, axis=axis, overflow=overflow)
    if fmt in ("binary", "ternary"):  # their scales are means, of the others alone
        expected = np.insert(quantize(np.delete(x, 3, axis=1), fmt, axis=axis, overflow=overflow), 3, 0.0, axis=1)
    for odd in (np.nan, np.inf, -np.inf):
        broken = x.copy()
        broken[:, 3] = odd
        done = quantize(broken, fmt, axis=axis, overflow=overflow)
        rest = np.arange(40) != 3
        np.testing.assert_allclose(done[:, rest], expected[:, rest], rtol=1e-14 if "ary" in fmt else 0)
        if np.isnan(odd):
            assert np.isnan(done[:, 3]).all()
        elif overflow == "saturate" and get(fmt).signed:
            assert (np.isfinite(done[:, 3]) & (np.sign(done[:, 3]) == np.sign(odd))).all()


@pytest.mark.parametrize("fmt", names())
def test_extreme_magnitudes_give_no_warning(fmt):
    x = np.array([[1.7976931348623157e308, -1e300, 5e-324, -1e-310], [5e-324, 0.0, -5e-324, 1e-320]])
    for axis in (None, 0, 1):
        for overflow in ("saturate", "ieee"):
            assert quantize(x, fmt, axis=axis, overflow=overflow).shape == x.shape
    assert quantize(np.full((2, 3), np.nan), fmt, axis=0).shape == (2, 3)
    assert quantize(np.full((2, 3), np.inf), fmt, axis=0).shape == (2, 3)


@pytest.mark.parametrize("fmt", names())
def test_shapes_scalars_and_empty_arrays(fmt):
    assert quantize(1.25, fmt).shape == ()
    assert quantize(np.zeros((0,)), fmt).shape == (0,)
    assert quantize(np.zeros((2, 0)), fmt).shape == (2, 0)
    assert quantize(np.zeros((2, 0)), fmt, axis=0).shape == (2, 0)
    assert quantize(np.ones((2, 3), np.float32), fmt, axis=0).dtype == np.float64


def test_input_is_not_changed():
    x = normal(4, 50)
    before = x.copy()
    for fmt in names():
        quantize(x, fmt, axis=0)
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("fmt", ["int4", "int4_g32", "fp8_e4m3", "mxfp4", "mxint8", "nvfp4", "nf4", "bf16"])
def test_a_given_scale_overrides(fmt):
    x = normal(4, 50)
    scale = np.array([[0.1], [0.2], [0.3], [4.0]])
    done = quantize(x, fmt, scale=scale)
    np.testing.assert_array_equal(done, cast(x / scale, fmt) * scale)
    if get(fmt).bits <= 8:
        assert np.isin(done[3] / 4, values(fmt)).all()
    np.testing.assert_array_equal(quantize(x, fmt, scale=0.5, axis=1), cast(x * 2, fmt) / 2)


def test_a_given_scale_reaches_the_most_negative_integer():
    np.testing.assert_array_equal(quantize([-9.0, 9.0], "int4", scale=1.0), [-8.0, 7.0])


@pytest.mark.parametrize("axis", [2, -3, 1.0, "0", True, (0, 1)])
@pytest.mark.parametrize("fmt", ["int8", "fp8_e4m3", "bf16", "mxfp4"])
def test_a_bad_axis_raises(fmt, axis):
    with pytest.raises(ValueError, match="axis must be"):
        quantize(np.ones((2, 2)), fmt, axis=axis)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf, [1.0, 0.0], "big", np.ones(3), np.ones((5, 2, 2))])
def test_a_bad_scale_raises(scale):
    with pytest.raises(ValueError) as error:
        quantize(np.ones((2, 2)), "int8", scale=scale)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fmt", ["int8", "fp8_e4m3", "mxfp4", "nf4", "bf16"])
def test_a_bad_overflow_or_input_raises(fmt):
    with pytest.raises(ValueError, match="overflow must be one of"):
        quantize([1.0], fmt, overflow="clip")
    with pytest.raises(ValueError, match="real numbers"):
        quantize(["one"], fmt)


def test_an_unknown_format_raises():
    with pytest.raises(UnknownNameError, match="did you mean"):
        quantize([1.0], "int4_g12x")
