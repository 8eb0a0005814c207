import numpy as np
import pytest

from costmodel.formats import get, largest, smallest_normal, smallest_subnormal, values


@pytest.mark.parametrize(
    ("name", "top", "normal", "subnormal"),
    [
        ("fp32", 3.4028234663852886e38, 2.0**-126, 2.0**-149),
        ("bf16", 3.3895313892515355e38, 2.0**-126, 2.0**-133),
        ("fp16", 65504.0, 2.0**-14, 2.0**-24),
        ("fp8_e4m3", 448.0, 2.0**-6, 2.0**-9),
        ("fp8_e5m2", 57344.0, 2.0**-14, 2.0**-16),
        ("fp6_e3m2", 28.0, 0.25, 0.0625),
        ("fp6_e2m3", 7.5, 1.0, 0.125),
        ("fp4_e2m1", 6.0, 1.0, 0.5),
        ("e8m0", 2.0**127, 2.0**-127, 2.0**-127),
        ("e4m3", 480.0, 2.0**-6, 2.0**-9),
        ("e4m3_ieee", 240.0, 2.0**-6, 2.0**-9),
        ("e4m3_fnuz", 240.0, 2.0**-7, 2.0**-10),
    ],
)
def test_extremes_of_floats(name, top, normal, subnormal):
    assert (largest(name), smallest_normal(name), smallest_subnormal(name)) == (top, normal, subnormal)


def test_fp4_grid_by_hand():
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    np.testing.assert_array_equal(values("fp4_e2m1"), [-v for v in positive[:0:-1]] + positive)
    np.testing.assert_array_equal(values("mxfp4"), values("fp4_e2m1"))
    np.testing.assert_array_equal(values("nvfp4"), values("fp4_e2m1"))


def test_integer_grids_by_hand():
    np.testing.assert_array_equal(values("int3"), [-4, -3, -2, -1, 0, 1, 2, 3])
    np.testing.assert_array_equal(values("uint2"), [0, 1, 2, 3])
    assert (largest("int8"), largest("uint8"), largest("int32")) == (127.0, 255.0, 2.0**31 - 1)
    assert len(values("int16")) == len(values("uint16")) == 2**16


def test_mxint8_elements_are_multiples_of_a_64th():
    np.testing.assert_array_equal(values("mxint8"), np.arange(-128, 128) / 64)
    assert largest("mxint8") == 127 / 64


def test_e8m0_is_the_powers_of_two():
    np.testing.assert_array_equal(values("e8m0"), 2.0 ** np.arange(-127, 128))


def test_zero_is_listed_once_and_positive():
    zero = values("fp8_e4m3")[values("fp8_e4m3") == 0]
    assert len(zero) == 1
    assert not np.signbit(zero[0])


@pytest.mark.parametrize("name", ["fp32", "tf32", "int32"])
def test_wide_formats_are_not_listed(name):
    with pytest.raises(ValueError, match="at most 16 bits"):
        values(name)


def test_subnormals_belong_to_floats():
    for question in (smallest_normal, smallest_subnormal):
        with pytest.raises(ValueError, match="int8 is integer, expected a float"):
            question("int8")


def test_a_format_record_is_taken_as_well_as_its_name():
    assert largest(get("fp8_e4m3")) == largest("fp8_e4m3")
