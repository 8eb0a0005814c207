import numpy as np
import pytest

from costmodel.catalog import UnknownNameError
from costmodel.formats import Format, get, names, quantize

REQUIRED = [
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in range(2, 17)),
    "fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1", "bf16", "fp16", "tf32", "fp32", "e8m0",
    "mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4", "mxint8", "nvfp4",
    "int4_g32", "int4_g64", "int4_g128", "int8_g32", "int8_g64", "int8_g128", "nf4",
]  # fmt: skip


def test_every_required_format_is_listed_once():
    assert set(REQUIRED) <= set(names())
    assert len(names()) == len(set(names()))


@pytest.mark.parametrize("name", names())
def test_a_listed_name_is_the_format_s_own(name):
    assert get(name).name == name
    assert hash(get(name)) == hash(get(name))


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("int4", 4.0), ("uint7", 7.0), ("fp8_e4m3", 8.0), ("tf32", 32.0), ("e8m0", 8.0),
        ("mxfp8_e4m3", 8.25), ("mxfp8_e5m2", 8.25), ("mxfp6_e3m2", 6.25), ("mxfp6_e2m3", 6.25),
        ("mxfp4", 4.25), ("mxint8", 8.25), ("nvfp4", 4.5), ("nf4", 4.5), ("nf4_dq", 4.125),
        ("int4_g128", 4.125), ("int4_g32", 4.5), ("int8_g64", 8.25), ("int3_g16", 4.0),
    ],
)  # fmt: skip
def test_bits_per_element_count_the_shared_scale(name, bits):
    assert get(name).bits_per_element == bits


def test_the_scale_of_a_group_is_a_format_of_the_bits_it_takes():
    for fmt in map(get, names()):
        assert (fmt.scale == "") == (fmt.scale_bits == 0)
        assert not fmt.scale or get(fmt.scale).bits == fmt.scale_bits


@pytest.mark.parametrize("exponent", range(1, 16))
@pytest.mark.parametrize("special", ["", "_ieee", "_fn", "_fnuz"])
def test_every_minifloat_of_3_to_16_bits_parses(exponent, special):
    for mantissa in range(max(0, 2 - exponent), 16 - exponent):
        if special == "_ieee" and mantissa == 0:
            continue
        for bias in ("", "_b0", "_b11", "_b-3"):
            name = f"e{exponent}m{mantissa}{bias}{special}"
            if name == "e8m0":
                continue
            default = 2 ** (exponent - 1) - (special != "_fnuz")
            stored = int(bias[2:]) if bias else default
            top = 2**exponent - 1 - (special == "_ieee" or (special == "_fn" and mantissa == 0)) - stored
            if top > 1022 or 1 - stored - mantissa < -1022:
                with pytest.raises(ValueError, match=f"{name} reaches beyond float64"):
                    get(name)
                continue
            fmt = get(name)
            assert (fmt.name, fmt.bits, fmt.exponent_bits, fmt.mantissa_bits) == (
                name, 1 + exponent + mantissa, exponent, mantissa,
            )  # fmt: skip
            assert fmt.bias == stored
            assert fmt.special == special[1:]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("INT4", "int4"), (" Fp8_E4M3 ", "fp8_e4m3"), ("MXFP4", "mxfp4"), ("NVFP4", "nvfp4"), ("E3M2", "e3m2"),
        ("bfloat16", "bf16"), ("float16", "fp16"), ("float32", "fp32"), ("float8_e4m3fn", "fp8_e4m3"),
        ("float8_e5m2", "fp8_e5m2"), ("fp8", "fp8_e4m3"), ("fp4", "fp4_e2m1"), ("mxfp8", "mxfp8_e4m3"),
        ("mxfp6", "mxfp6_e3m2"),
    ],
)  # fmt: skip
def test_case_and_aliases(spelling, name):
    assert get(spelling) == get(name)


@pytest.mark.parametrize(
    "name",
    [
        "int1",
        "int17",
        "int04",
        "int4_g",
        "int4g128",
        "int4_g04",
        "fp7",
        "e4",
        "e4m3_inf",
        "e0m3",
        "e04m3",
        "e4m03",
        "",
        "é",
    ],
)
def test_unknown_names_raise_with_one_line(name):
    with pytest.raises(UnknownNameError, match="unknown format") as error:
        get(name)
    assert "\n" not in str(error.value)


def test_unknown_names_list_near_ones():
    with pytest.raises(UnknownNameError, match="fp8_e4m3"):
        quantize([1.0], "fp8_e4m4")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("e1m0", "3 to 16 bits, got 2"),
        ("e8m8", "3 to 16 bits, got 17"),
        ("e99m99", "3 to 16 bits, got 199"),
        ("e4m0_ieee", "at least 1 mantissa bit"),
        ("int1_g32", "2 to 16 bits"),
        ("int17_g32", "2 to 16 bits"),
        ("int4_g0", "group of at least 1"),
    ],
)
def test_impossible_widths_say_why(name, reason):
    with pytest.raises(ValueError, match=reason):
        get(name)


def test_a_format_is_one_frozen_record():
    assert Format("mine", 5) == Format("mine", 5)
    assert get("int8") != get("uint8")
    assert not get("int8").is_float
    assert get("e3m2").is_float


@pytest.mark.parametrize("name", ["e15m0", "e11m4", "e12m3_ieee", "e14m1_fnuz", "e8m7_b-1000", "e8m7_b1100"])
def test_what_float64_cannot_hold_has_no_name(name):
    with pytest.raises(ValueError, match=f"{name} reaches beyond float64"):
        get(name)


@pytest.mark.parametrize("exponent_bits", range(1, 11))
@pytest.mark.parametrize("suffix", ["", "_ieee", "_fn", "_fnuz"])
def test_every_minifloat_that_has_a_name_can_be_quantised_to(exponent_bits, suffix):
    for mantissa_bits in range(max(1, 2 - exponent_bits), 16 - exponent_bits):
        fmt = get(f"e{exponent_bits}m{mantissa_bits}{suffix}")
        assert np.isfinite(quantize(np.linspace(-3, 3, 5), fmt)).all()
