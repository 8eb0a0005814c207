"""FINN's folding configurations."""

import json
from dataclasses import replace

import pytest

from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import folding_file
from costmodel.hardware import fpga as device
from costmodel.workload import Window, Workload
from costmodel.workload.ops import activation, conv, elementwise, linear, pooling

NET = Workload(
    "net",
    (
        conv("conv", 1, 8, 16, input_size=(16, 16), kernel=(3, 3)),
        activation("relu", 16 * 14 * 14, function="relu"),
        conv("dw", 1, 16, 16, input_size=(14, 14), kernel=(3, 3), groups=16),
        linear("fc", 1, 64, 10),
    ),
)
BOARD = device("zcu104")
GOOD = {
    "Defaults": {},
    "ConvolutionInputGenerator_rtl_0": {"SIMD": 8, "ram_style": "distributed"},
    "MVAU_rtl_10": {"PE": 5, "SIMD": 8, "resType": "lut", "ram_style": "ultra"},
    "MVAU_hls_2": {"PE": 4, "SIMD": 12},
    "VVAU_rtl_1": {"PE": 8, "SIMD": 9, "resType": "dsp"},
}


def read(tmp_path, data, board=BOARD):
    path = tmp_path / "folding.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return folding_file.read(path, NET, board)


def test_units_stand_in_the_order_of_their_numbers(tmp_path):
    found = read(tmp_path, GOOD)
    assert found.pe.tolist() == [4, 1, 8, 5]
    assert found.simd.tolist() == [12, 1, 9, 8]
    assert found.dsp.tolist() == [1, 1, 1, 0]
    assert found.uram.tolist() == [0, 0, 0, 1]


def test_older_names_and_our_own_are_read_too(tmp_path):
    old = {
        "MatrixVectorActivation_0": {"PE": 4, "SIMD": 12},
        "VectorVectorActivation_0": {},
        "MatrixVectorActivation_1": {},
    }
    assert read(tmp_path, old).pe.tolist() == [4, 1, 1, 1]
    own = {"conv": {"PE": 16}, "dw": {"SIMD": 3}, "fc": {"SIMD": 64}}
    assert read(tmp_path, own).simd.tolist() == [1, 1, 3, 64]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD | {"MVAU_hls_2": {"PE": 3}}, "PE of layer 'conv' must divide 16, got 3"),
        (GOOD | {"MVAU_hls_2": {"PE": 4, "SIMD": 10}}, "SIMD of layer 'conv' must divide 72, got 10"),
        (GOOD | {"MVAU_hls_2": {"PE": 0}}, "must divide 16, got 0"),
        (GOOD | {"MVAU_hls_2": {"PE": "4"}}, "must divide 16, got '4'"),
        (
            GOOD | {"MVAU_hls_2": {"PE": 4, "ram_style": "bram"}},
            "must be one of auto, block, distributed, ultra, got 'bram'",
        ),
        (GOOD | {"MVAU_hls_2": {"resType": 3}}, "resType of layer 'conv' must be one of auto, lut, dsp, got 3"),
        (GOOD | {"MVAU_hls_2": {"pe": 4}}, "'MVAU_hls_2' has 'pe', which is spelled PE"),
        (
            GOOD | {"MVAU_hls_2": {"ram_styl": "auto"}},
            "'MVAU_hls_2' has 'ram_styl', an unknown setting 'ram_styl'; did you",
        ),
        (GOOD | {"FMPadding_0": {"SIMDX": 4}}, "'FMPadding_0' has 'SIMDX', an unknown setting"),
        (GOOD | {"MVAU_hls_2": {"mem_mode": "ddr"}}, "mem_mode of layer 'conv' must be one of internal_decoupled"),
        (GOOD | {"MVAU_hls_2": {"inFIFODepths": [0]}}, "inFIFODepths of layer 'conv' must be whole numbers"),
        (GOOD | {"MVAU_hls_2": {"inFIFODepths": [2.5]}}, "inFIFODepths of layer 'conv' must be whole numbers"),
        (GOOD | {"Defaults": {"PE": 2}}, "a default is 'PE'"),
        (GOOD | {"MVAU_hls_3": {"PE": 1}}, "3 units MVAU for 2 such layers of net"),
        ({"conv": {}, "dw": {}}, "no folding of layer 'fc'"),
        ({"conv": {}, "dw": {}, "fd": {}, "fc": {}}, "unknown layer 'fd'; did you mean fc"),
        ("{", "is not a folding in JSON"),
        ([1], "a folding maps units to settings"),
        ({"MVAU_hls_2": 3}, "a folding maps units to settings"),
    ],
)
def test_a_bad_folding_is_one_line(tmp_path, data, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, data)
    assert "\n" not in str(caught.value)


def test_windows_are_emitted_as_the_file_says(tmp_path):
    fast = GOOD | {"MVAU_hls_2": {"PE": 16, "SIMD": 72}}

    def cycles(**unit):
        folding = read(tmp_path, fast | {"ConvolutionInputGenerator_rtl_0": unit})
        return float(estimate(NET, "int4/int4", BOARD, folding=folding).columns["cycles"][0])

    assert cycles(SIMD=8, parallel_window=1) == 16 * 16 + 2
    fill = 2 * 16 + 3
    assert cycles(SIMD=8) == cycles() == fill + 9 * 14 * 14
    assert cycles(SIMD=2) == 4 * cycles()
    for unit, told in (
        ({"SIMD": 4, "parallel_window": 1}, "parallel_window of layer 'conv' needs a SIMD of 8 channels, got 4"),
        ({"SIMD": 3}, "SIMD of the window of layer 'conv' must divide 8, got 3"),
        ({"parallel_window": 2}, "parallel_window of layer 'conv' must be 0 or 1, got 2"),
    ):
        with pytest.raises(ValueError, match=told):
            read(tmp_path, fast | {"ConvolutionInputGenerator_rtl_0": unit})
    with pytest.raises(ValueError, match="SIMD of the window of layer 'dw' must be its PE, 8, got 4"):
        read(tmp_path, fast | {"ConvolutionInputGenerator_rtl_1": {"SIMD": 4}})


def test_images_are_padded_as_fast_as_the_file_says(tmp_path):
    """FINN's FMPadding: channels / SIMD cycles of each of 18 x 18 padded pixels; a pooling's is one of them or not."""
    first = conv("first", 1, 8, 16, input_size=(16, 16), kernel=(3, 3), padding=(1, 1))
    pool = pooling("pool", 16 * 256, 16 * 64, window=Window(3, 3, 2, 2, 16, 16, 1, 1, 1, 1, 1, 1))
    net = Workload("net", (first, pool, linear("fc", 1, 1024, 10)))
    path, units = tmp_path / "folding.json", {"MVAU_hls_0": {"PE": 16, "SIMD": 72}, "MVAU_hls_1": {"PE": 10}}

    def found(**paddings):
        path.write_text(json.dumps(units | paddings))
        folding = folding_file.read(path, net, BOARD)
        return estimate(net, "int4/int4", BOARD, folding=folding), folding.padding_simd.tolist()

    slow, lanes = found(FMPadding_rtl_0={"SIMD": 1})
    assert (slow.columns["cycles"][0], lanes) == (8 * 18 * 18, [1, 0, 0])
    assert slow.columns["bound"][0] == "window"
    assert slow.totals["latency_s"] > found()[0].totals["latency_s"]
    assert found(FMPadding_Batch_0={}, FMPadding_Batch_1={"SIMD": 4})[1] == [8, 4, 0]
    assert not any("FMPadding" in told for told in folding_file.left_out(path, net))
    assert found(FMPadding_0={}, FMPadding_1={}, FMPadding_2={"SIMD": 1})[1] == [0, 0, 0]
    assert "SIMD of FMPadding_2" in folding_file.left_out(path, net)[0]
    with pytest.raises(ValueError, match="SIMD of the padding of layer 'first' must divide 8, got 3"):
        found(FMPadding_0={"SIMD": 3})


def test_a_device_without_such_blocks_is_named(tmp_path):
    with pytest.raises(ValueError, match="layer 'dw' asks for DSP blocks, and zcu104 has none"):
        read(tmp_path, GOOD, replace(BOARD, dsp=0))
    with pytest.raises(ValueError, match="layer 'fc' asks for UltraRAM, and pynq_z1 has none"):
        read(tmp_path, GOOD, device("pynq_z1"))


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ValueError, match="cannot read the folding"):
        folding_file.read(tmp_path / "absent.json", NET, BOARD)


def test_pools_and_sums_take_the_pe_of_their_units(tmp_path):
    net = Workload(
        "net", (pooling("pool", 64, 16), elementwise("add", 16), linear("fc", 1, 16, 8), elementwise("twice", 8))
    )
    data = {
        "MVAU_hls_0": {"PE": 2},
        "Pool_hls_0": {"PE": 4},
        "AddStreams_hls_0": {"PE": 8},
        "AddStreams_hls_1": {"PE": 2},
    }
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(data))
    assert folding_file.read(path, net, BOARD).pe.tolist() == [4, 8, 2, 2]
    path.write_text(json.dumps(data | {"AddStreams_hls_2": {"PE": 2}}))
    assert folding_file.read(path, net, BOARD).pe.tolist() == [4, 1, 2, 1]
    path.write_text(json.dumps(data | {"Pool_hls_0": {"PE": 0}}))
    with pytest.raises(ValueError, match="PE of layer 'pool' must be at least 1, got 0"):
        folding_file.read(path, net, BOARD)


def test_where_weights_and_lines_lie_and_how_long_queues_are_is_applied(tmp_path):
    def totals(**more):
        path = tmp_path / "folding.json"
        data = {n: dict(v) for n, v in GOOD.items()} | {"ConvolutionInputGenerator_rtl_1": {"ram_style": "auto"}}
        data["MVAU_hls_2"] |= more
        path.write_text(json.dumps(data))
        return estimate(NET, "int4/int4", BOARD, folding=folding_file.read(path, NET, BOARD))

    auto, block, apart = totals(), totals(ram_style="block"), totals(ram_style="block", mem_mode="internal_embedded")
    assert (auto.columns["weights_in"][0], block.columns["weights_in"][0]) == ("LUT", "BRAM")
    assert block.bram18[0] > auto.bram18[0]
    assert apart.bram18[0] > block.bram18[0]
    external = totals(mem_mode="external")
    assert external.columns["weights_in"][0] == "memory"
    assert external.columns["bytes_moved"][0] - auto.columns["bytes_moved"][0] == NET.ops[0].m * 16 * 72 / 2
    assert totals(inFIFODepths=[300]).bram18[0] > auto.bram18[0]
    assert totals(inFIFODepths=64).lut[0] > auto.lut[0]


def test_defaults_hold_where_a_unit_says_nothing(tmp_path):
    found = read(tmp_path, GOOD | {"Defaults": {"resType": ["lut", ["MVAU"]], "PE": [2, ["all"]]}})
    assert found.dsp.tolist() == [0, 1, 1, 0]
    assert found.pe.tolist() == [4, 1, 8, 5]


def test_what_is_known_but_not_modelled_is_told(tmp_path):
    path = tmp_path / "folding.json"
    queues = {
        "StreamingFIFO_0": {"depth": 8, "impl_style": "rtl"},
        "StreamingFIFO_rtl_1": {"depth": 1024, "impl_style": "vivado", "ram_style": "auto"},
    }
    path.write_text(json.dumps(GOOD | {"MVAU_hls_2": {"pumpedCompute": 1}} | queues))
    told, passed = folding_file.left_out(path, NET)
    assert "pumpedCompute of MVAU_hls_2" in told
    assert "FIFO" not in told
    assert "2 StreamingFIFO, of 1032 words together, 1 of them in memories" in passed
    assert "ConvolutionInputGenerator" not in told
    path.write_text(json.dumps({"MVAU_hls_2": {"PE": 1}, "MVAU_hls_3": {}, "VVAU_hls_0": {}}))
    assert "no sliding-window unit of conv: FINN's own" in folding_file.left_out(path, NET)[0]
    path.write_text(json.dumps({"conv": {"PE": 1}, "dw": {}, "fc": {}}))
    assert folding_file.left_out(path, NET) == []
