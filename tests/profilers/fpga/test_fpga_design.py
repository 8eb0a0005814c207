import pytest

from costmodel.catalog import UnknownNameError
from costmodel.formats import Format
from profilers.fpga import Design, verilog
from profilers.fpga.operands import product


@pytest.mark.parametrize("bits", [0, 33])
def test_formats_have_1_to_32_bits(bits, monkeypatch):
    odd = Format(f"int{bits}", bits)
    monkeypatch.setattr("profilers.fpga.design.get", {odd.name: odd}.get)
    with pytest.raises(ValueError, match=f"1 to 32 bits, got int{bits} with {bits}"):
        Design("product", odd.name, odd.name)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unit": "dot", "a_format": "int4", "b_format": "int4", "n": 0}, "n must be within 1 to 256, got 0"),
        ({"unit": "dot", "a_format": "int4", "b_format": "int4", "n": -3}, "got -3"),
        ({"unit": "dot", "a_format": "int4", "b_format": "int4", "n": 4, "acc_bits": 9}, "must be 0 or at least 10"),
        ({"unit": "dot", "a_format": "int4", "b_format": "int4", "acc_bits": -1}, "acc_bits must be within"),
        ({"unit": "product", "a_format": "int4", "b_format": "int4", "n": 2}, "a product has n = 1"),
        ({"unit": "product", "a_format": "int4", "b_format": "nf4"}, "without a group's scale, got nf4"),
        ({"unit": "product", "a_format": "int4", "b_format": "e8m0"}, "got e8m0"),
        ({"unit": "product", "a_format": "bf16", "b_format": "bf16"}, "at most 128 bits"),
        ({"unit": "binary_dot", "a_format": "int4", "b_format": "binary", "n": 4}, "binary operands alone"),
        ({"unit": "sign_dot", "a_format": "int4", "b_format": "int2", "n": 4}, "binary or ternary b"),
        ({"unit": "mx_dot", "a_format": "int4", "b_format": "int4", "n": 4}, "needs an accumulator"),
        ({"unit": "float_product", "a_format": "int4", "b_format": "bf16"}, "needs an out_format"),
        ({"unit": "float_product", "a_format": "bf16", "b_format": "bf16", "out_format": "e2m1"}, "has no nan"),
        ({"unit": "float_product", "a_format": "e2m1", "b_format": "e2m1", "out_format": "int8"}, "must be a mini"),
        ({"unit": "to_float", "a_format": "e2m1", "out_format": "bf16"}, "reads an integer"),
        ({"unit": "to_fixed", "a_format": "bf16"}, "at most 128 bits"),
        ({"unit": "requantise", "acc_bits": 16, "out_format": "int8", "b_format": "int8"}, "unsigned integer b_format"),
        ({"unit": "shift_requantise", "acc_bits": 8, "out_format": "int8"}, "must exceed the output's 8 bits"),
        ({"unit": "thresholds", "acc_bits": 8, "out_format": "int4"}, "unsigned out_format"),
    ],
)  # fmt: skip
def test_bad_designs_say_what_is_expected(fields, message):
    with pytest.raises(ValueError, match=message):
        verilog(Design(**fields))


def test_unknown_names_list_near_ones():
    with pytest.raises(UnknownNameError, match="product"):
        verilog(Design("produt", "int4", "int4"))
    with pytest.raises(UnknownNameError, match="int4"):
        Design("product", "int4", "imt4")


def test_names_are_stable_and_split_by_hash():
    assert Design("dot", "int4", "e2m1", 8, 20).name == "dot-int4-e2m1-n8-acc20"
    assert Design("to_float", "int8", out_format="bf16").name == "to_float-int8-n1-acc0-to_bf16"
    held = [Design("dot", "int4", "int4", n).held_out for n in range(1, 257)]
    assert 0.2 < sum(held) / len(held) < 0.4


def test_product_geometry():
    from costmodel.formats import get

    p = product(get("fp4_e2m1"), get("int8"))
    assert p.swapped
    assert (p.a.bits, p.b.significand_bits, p.shift, p.significand_bits, p.bits) == (8, 2, 2, 10, 12)
    assert p.lowest_exponent == -1


def test_verilog_is_self_contained_and_the_same_every_time():
    text = verilog(Design("dot", "int4", "int4", 4, 16))
    assert text == verilog(Design("dot", "int4", "int4", 4, 16))
    assert text.count("module accumulator") == 1
    assert "module requantise" not in text
