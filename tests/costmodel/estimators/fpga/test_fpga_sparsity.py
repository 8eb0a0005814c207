"""Sparse networks on an FPGA: what is skipped costs less, what is not is dense and said to be."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators.fpga import Folding, columns, overlay, skipping
from costmodel.estimators.fpga.folding import fold
from costmodel.estimators.fpga.memory import weight_word_bits
from costmodel.record import stack
from costmodel.strategies import strategy
from costmodel.strategies._cifar import resnet
from costmodel.workload.ops import linear

BOARD = cm.fpga("zcu104")
NET = resnet(3)
LAYER = linear("fc", 4, 64, 32)
PAIR = cm.W8A8
SPENT = ("lut", "ff", "dsp", "bram18", "uram", "cycles")


def pruned(spelled, op=LAYER):
    return strategy(spelled)(cm.Workload("net", (op,))).ops[0]


def spent(op, folding, names=SPENT):
    found = columns.costs(op, PAIR, BOARD, folding)
    return {name: float(found[name]) for name in names}


def test_a_row_of_whole_runs_has_a_product_for_each_kept_weight():
    op, folding = pruned("nm_sparsity:n=2,m=4"), Folding(8.0, 16.0)
    assert skipping.lanes(op, folding) == 8
    assert weight_word_bits(op, PAIR, folding) == 8 * 8 * (8 + 2)
    assert weight_word_bits(LAYER, PAIR, folding) == 8 * 16 * 8
    sparse, dense = spent(op, folding), spent(LAYER, folding)
    assert sparse["cycles"] == dense["cycles"]
    in_luts = replace(folding, dsp=0.0)
    assert spent(op, in_luts)["lut"] < 0.75 * spent(LAYER, in_luts)["lut"]


def test_rows_that_pick_their_inputs_share_no_dsp():
    """Two rows of 8-bit weights share a block through their input: half of the products then take as many blocks."""
    assert spent(pruned("nm_sparsity:n=2,m=4"), Folding(8.0, 16.0))["dsp"] == spent(LAYER, Folding(8.0, 16.0))["dsp"]
    assert (
        spent(pruned("nm_sparsity:n=1,m=4"), Folding(8.0, 16.0))["dsp"] == spent(LAYER, Folding(8.0, 16.0))["dsp"] / 2
    )


@pytest.mark.parametrize("spelled", ["nm_sparsity:n=2,m=4", "unstructured_sparsity:density=0.25"])
def test_zeros_that_are_not_skipped_cost_what_weights_do(spelled):
    narrow = Folding(8.0, 2.0)
    assert spent(pruned(spelled), narrow) == spent(LAYER, narrow)
    assert fpga_notes(spelled, narrow) == ("fc (zeros stored and multiplied)",)


def fpga_notes(spelled, folding):
    return skipping.unskipped(strategy(spelled)(cm.Workload("net", (LAYER,))), folding)


def test_skipped_zeros_need_no_note_and_an_array_skips_none():
    assert fpga_notes("nm_sparsity:n=2,m=4", Folding(8.0, 16.0)) == ()
    assert fpga_notes("nm_sparsity:n=2,m=4", None) == ("fc (zeros multiplied, decoder of places not counted)",)


def test_an_array_reads_sparse_weights_as_stored_and_multiplies_all():
    op, array = pruned("nm_sparsity:n=2,m=4"), overlay.fit(cm.Workload("net", (LAYER,)), stack([PAIR]), BOARD)
    sparse, dense = (overlay.evaluate(o, PAIR, BOARD, array) for o in (op, LAYER))
    assert dense["bytes_moved"] - sparse["bytes_moved"] == 64 * 32 * (8 - 0.5 * 10) / 8
    assert sparse["cycles"] == dense["cycles"]


def test_blocks_left_out_are_cycles_and_memory_saved_with_their_inputs_named():
    op, folding = pruned("block_sparsity:density=0.5,block=16"), Folding(8.0, 16.0)
    assert spent(op, folding)["cycles"] == spent(LAYER, folding)["cycles"] / 2
    assert fpga_notes("block_sparsity:density=0.5,block=16", folding) == (
        "fc (gathering of blocks' inputs not counted)",
    )


def test_a_window_brings_the_inputs_of_blocks_left_out_too():
    conv = next(op for op in NET.ops if op.kind == "conv" and op.n == 64 and op.k == 576)
    op, fast = pruned("block_sparsity:density=0.25,block=16", conv), Folding(64.0, 48.0)
    assert spent(op, fast)["cycles"] == spent(conv, fast)["cycles"]


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("resnet", 1),
        pytest.param("mobilenetv2_100", 1, marks=pytest.mark.long),
        pytest.param("mobilenetv2_100", 3, marks=pytest.mark.long),
    ],
)
def test_dynamic_filters_are_all_built_and_all_run(name, batch):
    """An input chooses filters while the unit is there: its layers cost what they did, the predictors come on top."""
    net = NET if name == "resnet" else cm.zoo.build(name, batch=batch)
    gated = strategy("dynamic_filters:keep=0.3,deviation=0.1")(net)
    changed = 0
    for op in net.ops:
        same = gated.op(op.name)
        changed += same.macs < op.macs
        ones = Folding(1.0, 1.0)
        assert spent(same, ones) == pytest.approx(spent(op, ones), rel=1e-12), op.name
    assert changed > 5
    notes = cm.estimate(strategy("dynamic_filters:keep=0.3")(NET), "w4a4", BOARD).uncounted
    assert sum("all filters run" in note for note in notes) >= 5


@pytest.mark.parametrize("design", [fold, partial(fold, streaming=True), overlay.fit])
def test_a_sparse_basis_is_a_unit_of_all_its_products_and_says_so(design):
    """20 % of 24 columns are no whole number of them: which ones an input needs is known as it comes."""
    net = cm.zoo.build("deit_tiny_patch16_224")
    dense, sparse = (strategy(f"sparse_attention:keep=0.1,basis_density={d}")(net) for d in (1, 0.2))
    assert sum(op.macs for op in sparse.ops) < sum(op.macs for op in dense.ops)
    before, after = (cm.estimate(n, "int8", cm.fpga("u250"), design=design) for n in (dense, sparse))
    assert after.totals["lut"] == before.totals["lut"]
    assert after.totals["throughput_per_s"] == before.totals["throughput_per_s"]
    assert "blocks.0.attn.attention.basis (all products run)" in after.uncounted


def test_pruned_filters_are_units_of_fewer_rows():
    base, half = (cm.estimate(n, "w4a4", BOARD).totals for n in (NET, strategy("filter_pruning:keep=0.5")(NET)))
    assert half["bram18"] <= base["bram18"]
    assert half["lut"] / half["throughput_per_s"] < base["lut"] / base["throughput_per_s"]


def test_a_unit_of_a_folding_has_whole_rows():
    found = cm.estimate(strategy("dynamic_filters:keep=0.3")(NET), "w4a4", BOARD)
    for op, pe, simd in zip(found.workload.ops, found.pe, found.simd, strict=True):
        if simd:
            height, width = (op.full_height or op.b * op.n), (op.full_width or op.k)
            assert height % pe == width % simd == 0
    assert np.isfinite(found.lut).all()
