"""Foldings divide their layers, fit their device, and keep up with each other."""

from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from fpga_strategies import integer_precisions, layers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.estimators.fpga import folding_tables
from costmodel.estimators.fpga.coverage import DATA_MOVERS
from costmodel.estimators.fpga.folding import _in_uram
from costmodel.hardware import device as any_device
from costmodel.hardware import fpga as device
from costmodel.hardware import names
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.strategies import strategy
from costmodel.workload import Workload
from costmodel.workload.ops import activation, conv, linear, norm, softmax
from costmodel.zoo import build

RESOURCES = ("lut", "dsp", "bram18", "uram")


def small_cnn():
    return Workload(
        "small_cnn",
        (
            conv("conv1", 1, 3, 16, input_size=(32, 32), kernel=(3, 3), padding=(1, 1)),
            norm("norm1", 16 * 32 * 32, 16, style="batch"),
            activation("relu1", 16 * 32 * 32, function="relu"),
            conv("conv2", 1, 16, 32, input_size=(32, 32), kernel=(3, 3), stride=(2, 2), padding=(1, 1)),
            conv("depthwise", 1, 32, 32, input_size=(16, 16), kernel=(3, 3), padding=(1, 1), groups=32),
            conv("pointwise", 1, 32, 64, input_size=(16, 16), kernel=(1, 1)),
            linear("fc", 1, 64, 10),
        ),
    )


def networks():
    return st.lists(layers(), min_size=1, max_size=4).map(
        lambda ops: Workload("random", tuple(replace(op, name=f"layer{i}") for i, op in enumerate(ops)))
    )


def spent(workload, used, board, folding):
    laid = fpga.placed(workload, folding)
    columns = fpga.evaluate(workload.batch_of_ops, used, board, laid)
    return {n: float(np.sum(columns[n])) for n in RESOURCES} | fpga.totals(columns, workload, used, board, laid)


def fits(workload, used, board, folding):
    limits, needed = board.usable(0.7), spent(workload, used, board, folding)
    return all(needed[r] <= getattr(limits, r) for r in RESOURCES)


@settings(max_examples=30, deadline=None)
@given(networks(), integer_precisions(), st.sampled_from(["pynq_z1", "zcu104", "vck190", "arria10"]))
def test_a_folding_divides_and_fits(workload, used, name):
    board = device(name)
    folding = fpga.fold(workload, used, board)
    for op, pe, simd in zip(workload.ops, folding.pe, folding.simd, strict=True):
        assert (op.b * op.n) % pe == 0
        assert op.k % simd == 0
    if not np.all((folding.pe == 1) & (folding.simd == 1)):
        limits = board.usable(0.7)
        used_up = spent(workload, used, board, folding)
        assert all(used_up[r] <= getattr(limits, r) for r in RESOURCES)


@settings(max_examples=8, deadline=None)
@given(networks(), integer_precisions())
def test_throughput_rises_with_the_device(workload, used):
    """A device that has more of everything, by a fraction of one of them."""
    board = device("u250")
    rates = [
        spent(workload, used, board, fpga.fold(workload, used, board, utilisation=fraction))["throughput_per_s"]
        for fraction in (0.02, 0.1, 0.5, 1.0)
    ]
    assert rates == sorted(rates)


@settings(max_examples=8, deadline=None)
@given(networks(), integer_precisions(), st.sampled_from(RESOURCES), st.sampled_from([0.02, 0.1, 0.5]))
def test_more_of_one_resource_makes_no_network_slower(workload, used, resource, fraction):
    """Where the smallest design fits: one that does not may use the whole of what it lacks."""
    small = device("u250").usable(fraction)
    if fits(workload, used, small, fpga.fold(workload, used, small, throughput_per_s=1e-6)):
        boards = [replace(small, **{resource: np.ceil(getattr(small, resource) * m)}) for m in (1, 1.1, 2)]
        intervals = [spent(workload, used, b, fpga.fold(workload, used, b))["cycles"] for b in boards]
        assert intervals == sorted(intervals, reverse=True)


@settings(max_examples=10, deadline=None)
@given(networks(), integer_precisions(), st.sampled_from([0.01, 0.03, 0.1, 0.5]))
def test_no_asked_throughput_that_fits_is_higher_than_the_fastest(workload, used, fraction):
    board = device("u250").usable(fraction)
    interval = spent(workload, used, board, fpga.fold(workload, used, board))["cycles"]
    for faster in (0.999, 0.8, 0.6, 0.4, 0.2, 0.1):
        try:
            folding = fpga.fold(workload, used, board, throughput_per_s=board.clock_hz / (faster * interval))
        except ValueError:
            break
        assert not fits(workload, used, board, folding)


@pytest.mark.parametrize(
    ("network", "spelling", "name", "cycles"),
    [
        ("resnet18", "int6/int6", "vck190", 150_528),
        ("mobilenetv2_100", "int6/int6", "zcu102", 100_352),
        ("resnet50", "int6/int6", "u250", 200_704),
    ],
)
def test_a_slower_design_that_does_not_fit_hides_no_faster_one_that_does(network, spelling, name, cycles):
    """A search over each layer's folding finds these or 4 / 3 of them within the same limits."""
    workload, used, board = build(network), precision(spelling), device(name)
    folding = fpga.fold(workload, used, board)
    assert spent(workload, used, board, folding)["cycles"] <= cycles
    assert fits(workload, used, board, folding)


def test_known_boards_order_a_small_network_by_size():
    used = precision("int4/int4")
    rates = {name: estimate(small_cnn(), used, device(name)).totals["throughput_per_s"] for name in names("fpga")}
    assert rates["pynq_z1"] <= rates["ultra96"] <= rates["zcu104"] <= rates["u250"]


@pytest.mark.parametrize("name", ["pynq_z1", "arty_a7_100t", "ultra96"])
@pytest.mark.parametrize("spelling", ["int4/int4", "int8/int8"])
def test_a_design_that_fills_its_device_gets_no_faster(name, spelling):
    """The next shorter interval, for the fewest LUTs, takes more of some resource than there is."""
    workload, used, board = small_cnn(), precision(spelling), device(name)
    folding = fpga.fold(workload, used, board)
    interval = spent(workload, used, board, folding)["cycles"]
    faster = fpga.fold(workload, used, board, throughput_per_s=board.clock_hz / interval * 1.0001)
    limits, needed = board.usable(0.7), spent(workload, used, board, faster)
    assert needed["cycles"] < interval
    assert any(needed[r] > getattr(limits, r) for r in RESOURCES)


def test_a_large_device_runs_a_small_network_as_fast_as_any_folding():
    workload, used, board = small_cnn(), precision("int4/int4"), device("u250")
    interval = spent(workload, used, board, fpga.fold(workload, used, board))["cycles"]
    with pytest.raises(ValueError, match="throughput_per_s must be at most"):
        fpga.fold(workload, used, board, throughput_per_s=board.clock_hz / interval * 1.0001)


@settings(max_examples=12, deadline=None)
@example(Workload("one", (linear("fc", 3840, 1, 1),)), precision("int2/int2"), 1.0)
@given(networks(), integer_precisions(), st.floats(0.001, 1.0))
def test_an_asked_throughput_is_met(workload, used, share):
    board = device("u280")
    most = spent(workload, used, board, fpga.fold(workload, used, board))["throughput_per_s"]
    folding = fpga.fold(workload, used, board, throughput_per_s=share * most)
    assert spent(workload, used, board, folding)["throughput_per_s"] >= share * most * (1 - 1e-12)


def test_an_asked_throughput_takes_fewer_luts_the_slower_it_is():
    workload, used, board = small_cnn(), precision("int4/int4"), device("zcu104")
    luts = [
        spent(workload, used, board, fpga.fold(workload, used, board, throughput_per_s=rate))["lut"]
        for rate in (10, 100, 1e3, 1e4)
    ]
    assert luts == sorted(luts)
    assert luts[0] < luts[-1]


def test_no_folding_reaches_an_impossible_throughput():
    with pytest.raises(ValueError, match=r"throughput_per_s must be at most 86355.8 on pynq_z1, got 1e\+16"):
        fpga.fold(small_cnn(), precision("int4/int4"), device("pynq_z1"), throughput_per_s=1e16)


def test_a_network_that_does_not_fit_is_limited_by_what_it_does_not_exceed():
    workload = Workload("wide", (linear("fc", 1, 8192, 8192),))
    board = device("pynq_z1")
    used = spent(workload, precision("int8/int8"), board, fpga.fold(workload, precision("int8/int8"), board))
    assert used["bram18"] > board.bram18
    assert used["lut"] <= 0.7 * board.lut
    assert used["dsp"] <= 0.7 * board.dsp


def test_a_network_that_fits_the_whole_device_alone_is_folded_within_it():
    workload = Workload("wide", (linear("fc", 1, 1024, 1024),))
    board = replace(device("pynq_z1"), bram18=600)
    used = spent(workload, precision("int8/int8"), board, fpga.fold(workload, precision("int8/int8"), board))
    assert 0.7 * 600 < used["bram18"] <= 600
    assert used["throughput_per_s"] > board.clock_hz / 1024**2


def test_dsp_blocks_serve_while_they_last():
    workload, used, board = small_cnn(), precision("int8/int8"), device("zcu104")
    full, none = fpga.fold(workload, used, board), fpga.fold(workload, used, replace(board, dsp=0))
    assert spent(workload, used, board, full)["dsp"] > 0
    assert spent(workload, used, board, none)["dsp"] == 0
    assert spent(workload, used, board, full)["cycles"] <= spent(workload, used, board, none)["cycles"]


def test_weights_move_to_uram_once_block_ram_is_full():
    workload = Workload("wide", tuple(linear(f"fc{i}", 1, 1024, 1024) for i in range(6)))
    board, used = device("zcu104"), precision("int4/int4")
    small = spent(
        workload, precision("int2/int2"), board, fpga.fold(workload, precision("int2/int2"), board, utilisation=1)
    )
    large = spent(workload, used, board, fpga.fold(workload, used, board, utilisation=1))
    none = spent(workload, used, board, fpga.fold(workload, used, replace(board, uram=0), utilisation=1))
    assert 0 < large["uram"] <= board.uram
    assert large["bram18"] <= board.bram18 < none["bram18"]
    assert none["uram"] == 0
    assert small["throughput_per_s"] >= large["throughput_per_s"]


def test_a_network_beyond_its_device_fills_uram_and_no_folding_takes_more_of_what_it_lacks():
    net, board, used = build("resnet18"), device("zcu104"), precision("w4a4")
    found = estimate(net, used, board).totals
    smallest = estimate(net, used, board, folding=fpga.fold(net, used, replace(board, lut=1, dsp=0))).totals
    assert board.bram18 < found["bram18"] <= smallest["bram18"]
    assert found["uram"] >= 0.9 * board.uram
    assert found["lut"] <= board.lut


BLOCKS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), min_size=1, max_size=7)


@given(BLOCKS, st.integers(0, 120), st.integers(0, 16))
@example([(7, 2), (12, 4), (12, 4)], 7, 8)
def test_weights_that_some_blocks_of_uram_would_make_fit_do(layers, bram18, uram):
    plain, moved = np.zeros((2, len(layers), folding_tables.MOVED + 1))
    plain[:, folding_tables.BRAM18] = [blocks for blocks, _ in layers]
    moved[:, folding_tables.URAM] = [blocks for _, blocks in layers]
    limits = np.array([0.0, 0.0, bram18, uram], dtype=np.float64)
    left = [
        sum(blocks for at, (blocks, _) in enumerate(layers) if at not in there)
        for count in range(len(layers) + 1)
        for there in combinations(range(len(layers)), count)
        if sum(layers[at][1] for at in there) <= uram
    ]
    found = _in_uram(plain, moved, limits).sum(axis=0)
    assert found[folding_tables.URAM] <= uram
    assert (found[folding_tables.BRAM18] <= bram18) == (min(left) <= bram18)


@pytest.mark.parametrize("spelling", ["int4/int4", "int6/int6", "int8/int8"])
def test_units_beside_those_of_a_network_make_it_no_faster(spelling):
    """Dynamic filters leave every unit as it is, and add predictors and longer queues."""
    net, board, used = build("resnet18"), device("zcu104"), precision(spelling)
    more = strategy("dynamic_filters:keep=0.5")(net)
    alone, beside = (spent(each, used, board, fpga.fold(each, used, board)) for each in (net, more))
    assert alone["cycles"] <= beside["cycles"]
    assert alone["bram18"] < beside["bram18"]


def test_a_network_beyond_its_device_is_not_fast_for_it():
    net = build("resnet101")
    large, small = (estimate(net, "w8a8", device(name)).totals for name in ("zcu104", "pynq_z1"))
    assert small["throughput_per_s"] < large["throughput_per_s"]
    assert small["lut"] <= large["lut"]


def test_layers_may_differ_in_precision():
    workload, board = small_cnn(), device("zcu104")
    mixed = estimate(workload, {"*": "int4/int4", "conv2": "int8/int8"}, board)
    assert mixed.totals["throughput_per_s"] > 0
    assert np.isfinite(mixed.lut).all()


@pytest.mark.parametrize("utilisation", [0, -1, 1.5])
def test_utilisation_is_a_fraction(utilisation):
    with pytest.raises(ValueError, match="fraction must be within"):
        fpga.fold(small_cnn(), precision("int4/int4"), device("zcu104"), utilisation=utilisation)


def test_a_network_without_units_has_a_folding_of_ones():
    workload = Workload("soft", (softmax("soft", 512),))
    result = estimate(workload, "int4/int4", device("zcu104"))
    assert result.totals["lut"] == 0
    assert np.isnan(result.totals["throughput_per_s"])
    assert result.uncounted == ("soft (softmax)", DATA_MOVERS)


def test_a_grid_holds_each_layer_at_each_precision():
    workload, board = small_cnn(), device("zcu104")
    used = [precision(f"int{b}/int{b}") for b in (2, 4, 8)]
    folding = fpga.fold(workload, used[1], board)
    columns = grid(workload.ops, used, board, folding=folding)
    for j, one in enumerate(used):
        single = estimate(workload, one, board, folding=folding)
        for name in ("lut", "dsp", "bram18", "cycles"):
            assert np.broadcast_to(columns[name], (len(workload.ops), 3))[:, j] == pytest.approx(single.columns[name])


def test_golden_design_of_a_small_network_by_the_published_formulas():
    """conv2 by hand, 32 x 144 weights at PE 8 and SIMD 16: 256 pixels x 4 x 9 = 9,216 cycles.

    A row takes 16 x 3 x 8 + 8 x 31 + 15 + 450 = 1,097 LUTs (products, adder tree, accumulator, thresholds), the unit
    300 + 1.1 x 8 x 1,097 + 512 of weight memory = 10,465, its window 300 + 192 for 96 words of 64 bits: 2 x 34 + 3
    padded pixels, and 34 - 9 ahead. The depthwise window: 8 x (2 x 18 + 3) + 16 x 16 x 9 x 8 = 18,744.
    """
    workload, board = small_cnn(), device("zcu104")
    folding = fpga.Folding(np.array([4.0, 1, 1, 8, 4, 8, 1]), np.array([9.0, 1, 1, 16, 1, 8, 8]))
    used = stack([precision("int4/int4")] * 7)
    found = fpga.finn_evaluate(workload.batch_of_ops, used, board, folding)
    assert found["cycles"].tolist() == [12288, 0, 0, 9216, 18744, 8192, 80]
    assert found["dsp"].tolist() == [0] * 7
    assert found["lut"].tolist() == [3953, 0, 0, 10957, 2273, 6848, 1184]
    assert found["bram18"].tolist() == [0, 0, 0, 0, 1, 0, 0]
    ours = estimate(workload, "int4/int4", board, folding=folding)
    assert ours.cycles.tolist() == found["cycles"].tolist()
    assert ours.totals["cycles"] == 18744
    assert ours.totals["throughput_per_s"] == pytest.approx(200e6 / 18744)
    assert ours.totals["bytes_moved"] == (3 * 32 * 32 + 10) / 2


@pytest.mark.parametrize("spelling", ["int4/int4", "int8/int8"])
def test_weights_too_many_for_the_chip_are_streamed_where_that_is_allowed(spelling):
    net, board = build("resnet18"), device("zcu104")
    found = estimate(net, spelling, board, design=partial(fpga.fold, streaming=True))
    kept = estimate(net, spelling, board)
    assert found.totals["bram18"] <= board.bram18 < kept.totals["bram18"]
    streamed = found.columns["weights_in"] == "memory"
    assert 0 < streamed.sum() < (found.columns["weights_in"] != "").sum()
    assert found.columns["bytes_moved"].sum() / board.memory_bytes_per_s <= 1.001 / found.totals["throughput_per_s"]
    small = Workload("small", (linear("fc", 4, 64, 64),))
    both = [fpga.fold(small, precision(spelling), board, streaming=allowed) for allowed in (True, False)]
    assert both[0].streamed.tolist() == [0]
    assert (both[0].pe, both[0].simd) == (both[1].pe, both[1].simd)


def test_no_layer_stays_in_luts_where_blocks_that_are_left_save_some():
    network, board = build("resnet18"), device("zcu102")
    found = fpga.fold(network, precision("int16/int16"), board)
    inside = replace(found, dsp=np.ones(len(network.ops)))
    mine, other = (estimate(network, "int16/int16", board, folding=each).totals for each in (found, inside))
    assert other["dsp"] <= 0.7 * board.dsp
    assert mine["lut"] <= other["lut"]
    assert mine["throughput_per_s"] == other["throughput_per_s"]


@pytest.mark.parametrize(
    ("folding", "board", "says"),
    [
        (fpga.Folding(3.0, 7.0), "zcu102", "PE of conv1 must be whole and divide 64, got 3"),
        (fpga.Folding(4.0, 1e6), "zcu102", "SIMD of conv1 must be whole and divide 147, got 1e"),
        (fpga.Folding(0.0, 1.0), "zcu102", "PE of conv1 must be whole and divide 64, got 0"),
        (fpga.Folding(1.0, float("nan")), "zcu102", "SIMD of conv1 must be whole"),
        (
            fpga.Folding(np.ones(3), np.ones(3)),
            "zcu102",
            r"all \d+ ops of resnet18 or one for each, got pe",
        ),
        (fpga.Folding(1.0, 1.0), "h100_sxm", "a folding is for an FPGA, and h100_sxm is none"),
    ],
)
def test_a_folding_that_no_unit_has_is_refused(folding, board, says):
    with pytest.raises(ValueError, match=says):
        estimate(build("resnet18"), "int4/int4", any_device(board), folding=folding)


@pytest.mark.parametrize("rate", [-5, 0, float("nan")])
def test_an_asked_throughput_is_above_none(rate):
    with pytest.raises(ValueError, match="throughput_per_s must be above 0, got"):
        fpga.fold(build("resnet18"), precision("int4/int4"), device("zcu102"), throughput_per_s=rate)


def test_an_array_is_made_for_one_precision_as_for_a_batch_of_it():
    network, used = build("resnet18"), precision("int4/int4")
    every = fpga.overlay.fit(network, stack([used] * len(network.ops)), device("zcu102"))
    assert fpga.overlay.fit(network, used, device("zcu102")) == every
