"""The FPGA columns against a scalar reading of the published text, and the laws that they must keep."""

from dataclasses import replace

import fpga_oracle as oracle
import numpy as np
import pytest
from fpga_strategies import DSP_KINDS, divisors, integer_precisions, layers, units
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators import fpga
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.cycles import cycles, padding_cycles, stream_cycles, window_cycles
from costmodel.estimators.fpga.unit import window_lanes, windowed
from costmodel.hardware import Fpga
from costmodel.precision import precision
from costmodel.record import map_fields, stack
from costmodel.workload import Window
from costmodel.workload.ops import activation, attention, conv, embedding, linear, norm, pooling, softmax

RESOURCES = ("lut", "dsp", "bram18", "uram")


def board(kind="DSP48E2", lut=1e5):
    return Fpga("board", lut, 2 * lut, 500, 0, 500, kind, 100e6, 1e9, 1e9)


@given(units(), integer_precisions(), st.sampled_from(DSP_KINDS))
def test_columns_equal_the_scalar_oracle(unit, used, kind):
    op, folding = unit
    pe, simd, allowed = folding.pe, folding.simd, folding.dsp
    found = fpga.finn_evaluate(op, used, board(kind), folding)
    matrix, window = oracle.cycles(op, pe, simd)
    assert found["cycles"] == max(matrix, window)
    assert found["latency_s"] == pytest.approx(max(matrix, window) / 100e6, rel=1e-12)
    assert found["bound"] == ("compute" if matrix >= window else "window")
    assert found["lut"] == oracle.lut(op, used.weight, used.activation, pe, simd, allowed)
    assert found["dsp"] == oracle.dsp(op, used.weight, used.activation, pe, simd, allowed, kind)
    assert found["bram18"] == oracle.bram18(op, used.weight, used.activation, pe, simd, folding.uram)
    assert found["uram"] == oracle.uram(op, used.weight, pe, simd, folding.uram)
    assert (found["pe"], found["simd"], found["source"]) == (pe, simd, "FINN-R formula")


@pytest.mark.parametrize(
    ("size", "stride", "groups", "pe", "simd", "expected"),
    [
        ((11, 13), 1, 1, 8, 72, 13 * 15 + 2),  # a whole window a cycle waits for padded inputs
        ((11, 13), 1, 1, 8, 8, (2 * 15 + 3) + 11 * 13 * 9),
        ((11, 13), 1, 1, 8, 4, 2 * ((2 * 15 + 3) + 11 * 13 * 9)),
        ((11, 13), 2, 1, 8, 8, (2 * 15 + 3) + 6 * 7 * 9),
        ((8, 3), 4, 1, 8, 8, (2 * 5 + 3) + 2 * 4 * 5),  # rows read take longer than the one window in each
        ((11, 13), 2, 8, 2, 1, 4 * (2 * 15 + 3) + 6 * (7 * 9 * 4 + 7 * 3) + 4 * 15),  # depthwise
        ((11, 13), 2, 8, 2, 3, 4 * 13 * 15 + 2),
    ],
)
def test_windows_slide_over_padded_rows(size, stride, groups, pe, simd, expected):
    """FINN's ConvolutionInputGenerator_rtl, get_exp_cycles, of what FMPadding passes on, by hand: 8 channels, 3 x 3."""
    op = conv("c", 1, 8, 8, input_size=size, kernel=(3, 3), stride=(stride, stride), padding=(1, 1), groups=groups)
    assert window_cycles(op, Folding(pe, simd)) == expected
    assert padding_cycles(op, Folding(pe, simd)) == 0


@given(layers(), st.data())
def test_a_padded_image_costs_what_the_image_with_its_padding_does(op, data):
    """Cycles and memories, but for elements that are moved; FMPadding of as many channels a cycle is never slower."""
    if op.kind != "conv":
        return
    w = op.window
    around = (w.padded_height, w.padded_width)
    area = around[0] * around[1] / (w.input_height * w.input_width)
    whole = Window(w.kernel_height, w.kernel_width, w.stride_height, w.stride_width, *around)
    unpadded = replace(op, window=whole, input_elements=round(op.input_elements * area))
    folding = Folding(*(data.draw(st.sampled_from(divisors(size))) for size in (op.b * op.n, op.k)))
    ours, theirs = (fpga.finn_evaluate(each, precision("int4/int4"), board(), folding) for each in (op, unpadded))
    if windowed(unpadded) or not windowed(op):
        assert all(ours[name] == theirs[name] for name in (*RESOURCES, "cycles"))
    keeping_up = replace(folding, padding_simd=window_lanes(op, folding))
    assert padding_cycles(op, keeping_up) <= window_cycles(op, folding)
    assert (op.macs, op.weight_elements, op.output_elements) == (unpadded.macs, op.weight_elements, op.output_elements)


def test_a_padding_of_few_channels_a_cycle_is_the_slowest():
    """FINN's FMPadding, get_exp_cycles: channels / SIMD of 12 x 12 pixels."""
    op = conv("c", 1, 64, 8, input_size=(10, 10), kernel=(3, 3), padding=(1, 1))
    found = fpga.finn_evaluate(op, precision("int4/int4"), board(), Folding(8, 64, padding_simd=2.0))
    assert (found["cycles"], found["bound"]) == (32 * 12 * 12, "window")


def test_same_padded_poolings_read_padded_rows():
    """2 x 2 windows at every fourth pixel, 4 channels a cycle: 8 x 8 of 7 x 7 pixels, more than the taps of 2 x 2."""
    window = Window(2, 2, 4, 4, 7, 7, 1, 1, 0, 0, 1, 1)
    op = pooling("p", 4 * 7 * 7, 4 * 2 * 2, window=window)
    assert stream_cycles(op, Folding(4, 1)) == 8 * 8
    half = pooling("p", 4 * 7 * 7, 4 * 4 * 4, window=replace(window, kernel_height=3, stride_height=2, stride_width=2))
    assert stream_cycles(half, Folding(4, 1)) == 4 * 4 * 6
    assert cycles(half, Folding(4, 1, padding_simd=2.0)) == 2 * 8 * 8


@given(st.lists(st.tuples(units(), integer_precisions()), min_size=1, max_size=6), st.sampled_from(DSP_KINDS))
def test_a_batch_equals_its_members(members, kind):
    ops, foldings, used = [u[0] for u, _ in members], [u[1] for u, _ in members], [p for _, p in members]
    batch = fpga.finn_evaluate(stack(ops), stack(used), board(kind), stack(foldings))
    for i, (op, folding, one) in enumerate(zip(ops, foldings, used, strict=True)):
        for name, value in fpga.finn_evaluate(op, one, board(kind), folding).items():
            assert np.broadcast_to(batch[name], len(ops))[i] == value, name


@given(st.lists(units(), min_size=1, max_size=4), st.lists(integer_precisions(), min_size=1, max_size=4))
def test_a_grid_equals_its_cells(members, used):
    ops, foldings = [op for op, _ in members], [folding for _, folding in members]
    op_axis = map_fields(stack(ops), lambda column: column.reshape(-1, 1))
    precision_axis = map_fields(stack(used), lambda column: column.reshape(1, -1))
    grid = fpga.finn_evaluate(op_axis, precision_axis, board(), stack(foldings).column())
    for i, (op, folding) in enumerate(zip(ops, foldings, strict=True)):
        for j, one in enumerate(used):
            for name, value in fpga.finn_evaluate(op, one, board(), folding).items():
                assert np.broadcast_to(grid[name], (len(ops), len(used)))[i, j] == value, name


@given(units(), integer_precisions(), st.integers(2, 16))
def test_more_bits_never_take_fewer_resources(unit, used, bits):
    """Without DSP blocks: with them, a fifth bit moves the products out of the LUTs."""
    op, folding = unit
    folding = Folding(folding.pe, folding.simd, 0.0, folding.uram)
    weight, other = used.weight.name, used.activation.name
    for spelling in (f"{{}}/{other}", f"{weight}/{{}}"):
        few, more = (precision(spelling.format(f"int{b}")) for b in (min(bits, 15), min(bits, 15) + 1))
        less, most = (fpga.finn_evaluate(op, p, board(), folding) for p in (few, more))
        for name in ("lut", "bram18", "uram"):
            assert less[name] <= most[name]
        assert less["dsp"] == most["dsp"] == 0


@given(units(), integer_precisions())
def test_more_rows_or_columns_at_once_never_take_more_cycles(unit, used):
    """But for the two cycles in which a parallel window starts, against the one that fills a 1 x 1 one."""
    op, folding = unit
    now = fpga.finn_evaluate(op, used, board(), folding)["cycles"]
    for pe in divisors(op.b * op.n):
        if pe >= folding.pe:
            assert fpga.finn_evaluate(op, used, board(), Folding(pe, folding.simd))["cycles"] <= now
    for simd in divisors(op.k):
        if simd >= folding.simd:
            assert fpga.finn_evaluate(op, used, board(), Folding(folding.pe, simd))["cycles"] <= now + 1


@given(layers(), integer_precisions())
def test_one_weight_at_a_time_takes_a_cycle_each(op, used):
    found = fpga.finn_evaluate(op, used, board(), Folding(1, 1))
    assert found["cycles"] >= op.macs
    whole = fpga.finn_evaluate(op, used, board(), Folding(op.b * op.n, op.k))
    assert whole["cycles"] >= op.m


def test_ops_without_a_unit_are_free_and_say_so():
    others = [
        activation("relu", 100, function="relu"),
        softmax("softmax", 100),
        norm("norm", 100, 10, style="layer"),
        embedding("embedding", 5, 100, 10),
        attention("attention", 1, queries=4, keys=4, heads=2, kv_heads=2, head_dim=8),
    ]
    for op in others:
        found = fpga.finn_evaluate(op, precision("int8/int8"), board(), Folding(4, 4))
        assert all(found[name] == 0 for name in (*RESOURCES, "cycles", "latency_s", "pe", "simd"))
        assert (found["bound"], found["source"]) == ("none", "no formula")


@pytest.mark.parametrize(
    "spelling", ["fp8_e4m3", "bf16", "w4a16", "w32a32", "nf4/int8", "mxfp4/mxfp4", "int4_g128/int8"]
)
def test_formats_without_a_formula_are_nan_and_not_a_guess(spelling):
    found = fpga.finn_evaluate(linear("fc", 1, 64, 32), precision(spelling), board(), Folding(4, 4))
    assert all(np.isnan(found[name]) for name in RESOURCES)
    assert found["cycles"] == 8 * 16


def test_five_bits_move_products_from_luts_to_dsp_blocks():
    op, folding = linear("fc", 1, 64, 32), Folding(4, 8)
    four, five = (fpga.finn_evaluate(op, precision(f"int{b}/int{b}"), board(), folding) for b in (4, 5))
    kept = fpga.finn_evaluate(op, precision("int5/int5"), board(), Folding(4, 8, 0.0))
    assert four["dsp"] == kept["dsp"] == 0
    assert five["dsp"] >= 2 * 8
    assert five["lut"] < kept["lut"]


@pytest.mark.parametrize(("op", "blocks", "ultra"), [(linear("a", 1, 1152, 64), 32, 2), (linear("b", 1, 9, 128), 0, 0)])
def test_weights_are_in_one_memory(op, blocks, ultra):
    """8,192 words of 72 bits: two URAM blocks, or 8 x 4 of block RAM; 128 words stay in LUTs."""
    found = [fpga.finn_evaluate(op, precision("int8/int8"), board(), Folding(1, 9, 1.0, where)) for where in (0.0, 1.0)]
    assert [(f["bram18"], f["uram"]) for f in found] == [(blocks, 0), (0, ultra)]


def test_depthwise_rows_share_no_input():
    """Eight 3 x 3 filters, one a channel: 72 weights, so 72 x pixels cycles a weight at a time; no packing of DSPs."""
    op = conv("dw", 1, 8, 8, input_size=(10, 10), kernel=(3, 3), padding=(1, 1), groups=8)
    found = fpga.finn_evaluate(op, precision("int8/int8"), board(), Folding(1, 1))
    assert found["cycles"] >= 72 * 100
    packed = fpga.finn_evaluate(linear("fc", 1, 9, 8), precision("int8/int8"), board(), Folding(8, 9))
    alone = fpga.finn_evaluate(op, precision("int8/int8"), board(), Folding(8, 9))
    assert alone["dsp"] - packed["dsp"] == 8 * 9 - 4 * 9


def test_columns_of_a_folding_stand_upright():
    folding = Folding(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 1.0).column()
    assert folding.pe.shape == folding.simd.shape == (2, 1)
    assert (folding.dsp, folding.uram) == (1.0, 0.0)
