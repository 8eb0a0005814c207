"""The overlay: a hand-computed layer, and what no array may do."""

from dataclasses import replace

import numpy as np
import pytest
from fpga_strategies import integer_precisions, layers
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel import zoo
from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.estimators.fpga import Array, overlay
from costmodel.hardware import fpga as device
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload import Workload
from costmodel.workload.ops import attention, conv, linear

BOARD = device("zcu104")
SIDES = st.integers(overlay.LEAST_SIDE, overlay.MOST_SIDE)


def array(rows, columns):
    return Array(rows, columns, columns, 200e6, 1e4, 9e3, 1.1e4, 2e4, 512, 60)


def test_a_layer_by_hand():
    """256 x 512 weights on 64 x 32: 4 x 16 tiles of 1,000 rows, and 94 cycles to fill and drain."""
    op = linear("fc", 1000, 256, 512, bias=False)
    found = overlay.evaluate(op, precision("int8/int8"), BOARD, array(64, 32))
    assert found["cycles"] == 4 * 16 * 1000 + 64 + 32 - 2
    assert found["bound"] == "compute"
    held = 4096 / 2 / 4
    assert found["bytes_moved"] == np.ceil(1000 / held) * 256 * 512 + 1000 * (256 + 512)
    assert found["utilisation"] == 1000 * 256 * 512 / (64 * 32 * found["cycles"])


def test_a_layer_without_reuse_waits_for_memory():
    op = linear("fc", 1, 4096, 4096, bias=False)
    found = overlay.evaluate(op, precision("int8/int8"), BOARD, array(64, 128))
    assert found["bound"] == "memory"
    assert found["latency_s"] == pytest.approx(found["bytes_moved"] / BOARD.memory_bytes_per_s, rel=1e-5)
    slow = overlay.evaluate(op, precision("int8/int8"), replace(BOARD, memory_bytes_per_s=1e9), array(64, 128))
    assert slow["latency_s"] > found["latency_s"]


@given(layers(), integer_precisions(), SIDES, SIDES)
def test_no_array_is_busier_than_all_of_it(op, used, rows, columns):
    found = overlay.evaluate(op, used, BOARD, array(rows, columns))
    assert 0 < found["utilisation"] <= 1
    assert found["cycles"] * rows * columns >= op.macs


@settings(max_examples=6, deadline=None)
@given(layers(), integer_precisions(), st.integers(5000, 100000))
def test_the_chosen_array_fits_and_a_smaller_device_or_fewer_luts_are_no_faster(op, used, luts):
    workload = Workload("one", (op,))
    told = ({"utilisation": 0.1}, {"most": {"lut": luts}}, {})
    small, bound, free = (overlay.fit(workload, stack([used]), BOARD, **more) for more in told)
    limits = BOARD.usable(0.1)
    assert all(getattr(small, name) <= getattr(limits, name) for name in ("lut", "ff", "dsp", "bram18"))
    assert bound.lut <= luts
    slow, slower, fast = (float(overlay.evaluate(op, used, BOARD, a)["latency_s"]) for a in (small, bound, free))
    assert fast <= min(slow, slower)


@pytest.mark.parametrize("formats", ["int4/int4", "int8/int8"])
def test_no_array_within_the_limits_is_faster_and_dsp_blocks_stand_beside_luts(formats):
    """Against arrays of random sides, each made and evaluated alone."""
    workload = Workload("two", (conv("c", 1, 48, 96, input_size=(28, 28), kernel=(3, 3)), linear("f", 8, 300, 70)))
    used, limits = stack([precision(formats)] * 2), {n: 0.7 * getattr(BOARD, n) for n in overlay.RESOURCES}
    best = overlay.fit(workload, used, BOARD)
    least = overlay.evaluate(workload.batch_of_ops, used, BOARD, best)["latency_s"].sum()
    assert 0 < best.dsp_columns < best.columns
    draw = np.random.default_rng(0)
    tried = 0
    for _ in range(60):
        sides = draw.integers(4, 160, (2, 1)).astype(float)
        one = overlay.array(workload.batch_of_ops, used, BOARD, *sides, limits)
        if all(getattr(one, name)[0] <= limit for name, limit in limits.items()):
            tried += 1
            assert overlay.evaluate(workload.batch_of_ops, used, BOARD, one)["latency_s"].sum() >= least * (1 - 1e-12)
    assert tried > 10


def test_columns_fill_the_dsp_blocks_and_inputs_move_to_ultraram_where_block_ram_is_short():
    workload = Workload("one", (linear("fc", 64, 512, 512),))
    used = stack([precision("int8/int8")])
    found = overlay.fit(workload, used, BOARD)
    assert found.dsp == found.rows * np.ceil(found.dsp_columns / 2) <= 0.7 * BOARD.dsp
    assert found.uram == 0
    short = overlay.fit(workload, used, BOARD, most={"bram18": 0.4 * found.bram18})
    assert short.uram > 0
    assert short.bram18 <= 0.4 * found.bram18
    assert short.rows * short.columns > 0.7 * found.rows * found.columns


def test_no_budget_exceeds_the_device():
    small = replace(BOARD, lut=8000)
    workload = Workload("one", (linear("fc", 64, 512, 512),))
    found = overlay.fit(workload, stack([precision("int8/int8")]), small, most={"lut": 1e9})
    assert 0.7 * 8000 < found.lut <= 8000


def test_an_estimate_on_an_overlay_has_one_array():
    found = estimate(zoo.build("resnet18"), "int8/int8", device("zcu102"), design=overlay.fit)
    assert {"rows", "columns", "lut", "lut_low", "lut_high", "ff", "dsp", "bram18"} <= set(found.totals)
    assert "lut" not in found.columns
    assert found.totals["cycles"] == found.cycles.sum()
    assert found.totals["throughput_per_s"] == pytest.approx(1 / found.totals["latency_s"])
    assert 0.3 < found.totals["utilisation"] <= 1
    assert found.uncounted == ()
    assert set(found.bound.tolist()) <= {"compute", "memory", "none"}


def test_wider_layers_decide_the_array_and_minifloats_have_one():
    workload = Workload("two", (linear("a", 64, 256, 256), linear("b", 64, 256, 256)))
    narrow, mixed, floats = (
        overlay.fit(workload, stack([precision(p) for p in pair]), replace(BOARD, dsp=0))
        for pair in (("int4/int4",) * 2, ("int4/int4", "int8/int8"), ("e4m3/e4m3",) * 2)
    )
    assert narrow.lut / (narrow.rows * narrow.columns) < mixed.lut / (mixed.rows * mixed.columns)
    assert floats.lut > 0


def test_a_device_too_small_for_any_array_says_so():
    with pytest.raises(ValueError, match="no array of 4 x 4 or more fits 70% of zcu104"):
        overlay.fit(Workload("one", (linear("fc", 1, 8, 8),)), stack([precision("int8/int8")]), replace(BOARD, lut=100))


def test_a_grid_holds_each_layer_at_each_precision():
    ops = (conv("conv", 1, 8, 16, input_size=(16, 16), kernel=(3, 3)), linear("fc", 1, 64, 10))
    used = [precision(p) for p in ("int4/int4", "e4m3/e4m3")]
    columns = grid(ops, used, BOARD, folding=array(16, 16))
    for j, one in enumerate(used):
        single = fpga.overlay.evaluate(stack(ops), stack([one] * 2), BOARD, array(16, 16))
        assert np.array_equal(np.broadcast_to(columns["latency_s"], (2, 2))[:, j], single["latency_s"])


def test_products_that_no_array_does_keep_it_no_busier():
    ops = (
        linear("fc", 64, 64, 64, bias=False),
        attention("heads", 1, queries=64, keys=64, heads=4, kv_heads=4, head_dim=16),
    )
    found = estimate(Workload("attends", ops), "int8/int8", BOARD, folding=array(16, 16))
    assert "heads (attention)" in found.uncounted
    assert found.columns["macs"][1] > 0
    assert found.totals["utilisation"] == pytest.approx(found.columns["utilisation"][0])
