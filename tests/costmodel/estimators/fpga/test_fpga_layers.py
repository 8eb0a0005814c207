"""Our layers: laws over formats and foldings; what their parts come from."""

from dataclasses import replace

import numpy as np
import pytest
from fpga_strategies import INTEGERS, divisors, units
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.block_ram import ram_blocks, rom_blocks
from costmodel.estimators.fpga.coverage import DATA_MOVERS, PADDING
from costmodel.estimators.fpga.layer import lut_parts
from costmodel.estimators.fpga.sites import sites
from costmodel.hardware import fpga as device
from costmodel.hardware import gpu
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload import Window, Workload
from costmodel.workload.ops import conv, elementwise, linear, pooling

FLOATS = ["fp8_e4m3", "fp8_e5m2", "e3m2", "e2m1", "e4m3", "e2m3", "e5m2", "e3m0"]
FORMATS = [*INTEGERS, *FLOATS, "mxfp4", "mxfp8", "mxint8", "binary", "ternary"]
BOARD = device("zcu104")
RESOURCES = ("lut", "ff", "dsp", "bram18", "uram")
formats = st.sampled_from(FORMATS)


def pairs(weight=formats, activation=formats):
    return st.builds(lambda w, a: precision(f"{w}/{a}"), weight, activation)


@given(units(), pairs())
def test_every_covered_format_has_a_finite_cost_with_its_interval(unit, used):
    op, folding = unit
    found = fpga.evaluate(op, used, BOARD, folding)
    assert found["source"] == "synthesis-calibrated"
    assert all(found[name] >= 0 and found[name] == int(found[name]) for name in RESOURCES)
    assert 0 <= found["lut_low"] <= found["lut"] <= found["lut_high"]
    assert found["lut"] > found["lut_low"]
    assert found["energy_j"] > 0


@settings(max_examples=30)
@given(st.lists(st.tuples(units(), pairs()), min_size=1, max_size=5))
def test_a_batch_equals_its_members(members):
    ops, foldings, used = [u[0] for u, _ in members], [u[1] for u, _ in members], [p for _, p in members]
    batch = fpga.evaluate(stack(ops), stack(used), BOARD, stack(foldings))
    for i, (op, folding, one) in enumerate(zip(ops, foldings, used, strict=True)):
        for name, value in fpga.evaluate(op, one, BOARD, folding).items():
            assert np.broadcast_to(batch[name], len(ops))[i] == value, name


@given(units(), pairs(st.sampled_from(INTEGERS), st.sampled_from(INTEGERS)))
def test_dsp_blocks_never_cost_more_luts(unit, used):
    op, folding = unit
    blocks, luts = (
        fpga.evaluate(op, used, BOARD, Folding(folding.pe, folding.simd, d, folding.uram)) for d in (1.0, 0.0)
    )
    assert blocks["products_in"] == "DSP"
    assert luts["products_in"] == "LUT"
    assert luts["dsp"] == 0 < blocks["dsp"]
    assert blocks["bram18"] == luts["bram18"]


@given(units(), pairs())
def test_more_rows_at_once_take_more_luts_without_memories(unit, used):
    op, folding = unit
    now = fpga.evaluate(op, used, BOARD, Folding(1, folding.simd, 0.0))
    every = fpga.evaluate(op, used, BOARD, Folding(divisors(op.b * op.n)[-1], folding.simd, 0.0))
    assert every["cycles"] <= now["cycles"]
    if op.b * op.n > 2 and now["bram18"] == 0:
        assert every["lut"] >= now["lut"] * 0.5


def test_the_dot_product_is_the_calibrated_one():
    op, used = linear("fc", 1, 64, 32, bias=False), precision("int4/e3m2")
    parts = lut_parts(op, used, Folding(4, 8, 0.0), kind="DSP48E2")
    one = sites(used.weight, used.activation, n=8, acc_bits=accumulator_bits(op, used))
    assert parts["dot"] == 4 * one
    found = fpga.evaluate(op, used, BOARD, Folding(4, 8, 0.0))
    assert found["lut"] == np.ceil(sum(parts.values()))


def test_what_stands_before_a_unit_by_hand():
    """SIMD 8 of int4: 32 bits a cycle; 64 inputs are 8 words of a shift register, read again by 32 / 4 rows."""
    op, used = linear("fc", 1, 64, 32, bias=False), precision("int4/int4")
    parts = lut_parts(op, used, Folding(4, 8, 0.0), kind="DSP48E2")
    assert parts["converter"] == 32
    assert parts["queue"] == 32 + 2 * 5
    assert parts["replay"] == 32 + 32
    long = lut_parts(linear("fc", 1, 64 * 8, 32, bias=False), used, Folding(4, 8, 0.0), kind="DSP48E2")
    assert long["replay"] == 32 + 32 * 2


def test_inputs_are_not_held_where_all_rows_read_them_at_once_or_share_none():
    used = precision("int4/int4")
    every = lut_parts(linear("fc", 1, 64, 32, bias=False), used, Folding(32, 8, 0.0), kind="DSP48E2")
    depthwise = conv("dw", 1, 32, 32, input_size=(8, 8), kernel=(3, 3), groups=32)
    own = lut_parts(depthwise, used, Folding(4, 3, 0.0), kind="DSP48E2")
    assert every["replay"] == own["replay"] == 0
    assert own["converter"] > 0


@given(units(), pairs())
def test_wider_words_take_no_fewer_luts_before_a_unit(unit, used):
    op, folding = unit
    narrow, wide = (lut_parts(op, used, Folding(folding.pe, s, 0.0), kind="DSP48E2") for s in (1, divisors(op.k)[-1]))
    assert all(wide[name] >= narrow[name] for name in ("converter", "queue"))


def test_weights_and_lines_lie_in_block_ram():
    op = conv("conv", 1, 64, 64, input_size=(32, 32), kernel=(3, 3), padding=(1, 1))
    found = fpga.evaluate(op, precision("int8/int8"), BOARD, Folding(2, 4))
    words = 64 * 576 / 8
    lines = (2 * 34 + 3) * 16
    assert found["bram18"] == rom_blocks(words, 64) + ram_blocks(lines, 32)
    assert found["weights_in"] == "BRAM"


def test_dilation_deepens_the_line_buffer():
    near, far = (
        conv("conv", 1, 64, 64, input_size=(32, 32), kernel=(3, 3), padding=(d, d), dilation=(d, d)) for d in (1, 4)
    )
    assert far.window == Window(3, 3, 1, 1, 32, 32, 4, 4, 4, 4, 4, 4)
    used, folding = precision("int8/int8"), Folding(2, 4)
    assert fpga.evaluate(far, used, BOARD, folding)["bram18"] > fpga.evaluate(near, used, BOARD, folding)["bram18"]


def test_padding_costs_a_gpu_nothing_and_an_fpga_its_cycles():
    op = conv("conv", 1, 8, 8, input_size=(16, 16), kernel=(3, 3), padding=(1, 1))
    bare = replace(op, window=Window(3, 3, 1, 1, 16, 16))
    for name in ("h100_sxm", "l4"):
        padded, plain = (estimate(Workload("net", (each,)), "int8/int8", gpu(name)) for each in (op, bare))
        assert dict(padded.totals) == dict(plain.totals)
    fast = Folding(8, 72)
    assert fpga.evaluate(op, precision("int4/int4"), BOARD, fast)["cycles"] == 18 * 18 + 2


def test_int4_packs_four_rows_a_block_and_int8_two():
    op = linear("fc", 1, 64, 32, bias=False)
    blocks = {
        b: fpga.evaluate(op, precision(f"int{b}/int{b}"), device("zcu102"), Folding(8, 4))["dsp"] for b in (4, 8, 16)
    }
    assert blocks == {4: 8, 8: 16, 16: 32}
    assert fpga.evaluate(op, precision("int8/int8"), device("vck190"), Folding(8, 6))["dsp"] == 8 * 2
    assert fpga.evaluate(op, precision("int8/int8"), device("arria10"), Folding(8, 4))["dsp"] == 16


def test_poolings_and_sums_are_counted():
    ops = (
        conv("conv", 1, 8, 8, input_size=(16, 16), kernel=(3, 3), padding=(1, 1)),
        pooling("pool", 8 * 16 * 16, 8 * 8 * 8, window=Window(2, 2, 2, 2, 16, 16)),
        elementwise("add", 8 * 8 * 8, inputs=("pool", "conv")),
        elementwise("gate", 8 * 8 * 8, operands=1, flops=3),
    )
    found = estimate(Workload("net", ops), "e4m3/e4m3", BOARD)
    assert found.columns["source"].tolist() == ["synthesis-calibrated", "formula", "formula", "no formula"]
    assert (found.lut[1:3] > 0).all()
    assert found.uncounted == ("gate (elementwise)", PADDING, DATA_MOVERS)


@pytest.mark.parametrize("spelling", ["nf4/int8", "int4_g128/int8", "w32a32", "int8/e8m0"])
def test_formats_without_a_model_are_nan_and_an_error_that_names_them(spelling):
    op = linear("fc", 1, 64, 32)
    found = fpga.evaluate(op, precision(spelling), BOARD, Folding(4, 4))
    assert all(np.isnan(found[name]) for name in (*RESOURCES, "lut_low", "lut_high"))
    with pytest.raises(ValueError, match="an FPGA layer takes integers of up to 16 bits, minifloats"):
        estimate(Workload("net", (op,)), spelling, BOARD)


def test_published_formulas_stay_beside_ours():
    op, folding = linear("fc", 1, 64, 32), Folding(4, 8)
    ours, theirs = (f(op, precision("int4/int4"), BOARD, folding) for f in (fpga.evaluate, fpga.finn_evaluate))
    assert theirs["source"] == "FINN-R formula"
    assert ours["lut"] != theirs["lut"]
    assert ours["cycles"] == theirs["cycles"]
