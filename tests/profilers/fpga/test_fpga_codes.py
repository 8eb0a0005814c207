import ml_dtypes
import numpy as np
import pytest

from profilers.fpga.codes import decode, get, integers
from profilers.fpga.ports import wrap

ORACLES = {
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
    "e4m3_fnuz": ml_dtypes.float8_e4m3fnuz,
    "e5m2_fnuz": ml_dtypes.float8_e5m2fnuz,
    "fp4_e2m1": ml_dtypes.float4_e2m1fn,
    "fp6_e3m2": ml_dtypes.float6_e3m2fn,
    "fp6_e2m3": ml_dtypes.float6_e2m3fn,
    "e8m0": ml_dtypes.float8_e8m0fnu,
    "int8": np.int8,
}


@pytest.mark.parametrize("name", ORACLES)
def test_codes_decode_as_in_ml_dtypes(name):
    fmt = get(name)
    codes = np.arange(2**fmt.bits)
    expected = codes.astype(np.uint8).view(ORACLES[name]).astype(np.float64)
    np.testing.assert_array_equal(decode(codes, fmt), expected)


def test_bf16_codes_decode_as_in_ml_dtypes():
    codes = np.arange(2**16)
    expected = codes.astype(np.uint16).view(ml_dtypes.bfloat16)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(decode(codes, get("bf16")), expected.astype(np.float64))


def test_binary_and_ternary_codes():
    np.testing.assert_array_equal(decode([0, 1], get("binary")), [-1, 1])
    np.testing.assert_array_equal(decode([0, 1, 2, 3], get("ternary")), [0, 1, np.nan, -1])


@pytest.mark.parametrize("name", ["int4_g128", "mxfp8", "nf4"])
def test_formats_with_a_group_s_scale_are_no_elements(name):
    with pytest.raises(ValueError, match=f"takes elements without a group's scale, got {name}"):
        get(name)


def test_integers_are_exact_and_name_what_is_not():
    assert integers(np.array([0.75, -np.inf]), -2).tolist() == [3, None]
    with pytest.raises(ValueError, match=r"no multiple of 2\^-1"):
        integers(np.array([0.75]), -1)


def test_wrap_is_two_complement():
    numbers = np.array([127, 128, -129, 1 << 70, None], dtype=object)
    assert wrap(numbers, 8, signed=True).tolist() == [127, -128, 127, 0, None]
    assert wrap(numbers, 8, signed=False).tolist() == [127, 128, 127, 0, None]
