"""A folding that we write is the one that `--folding` reads."""

import json
from dataclasses import replace

import numpy as np
import pytest
from export_plans import plan

import dse
from app import exports
from costmodel import estimate
from costmodel.estimators.fpga import Folding, folding_file
from costmodel.hardware import fpga
from costmodel.workload import Workload
from costmodel.workload.ops import activation, conv, elementwise, linear, pooling
from dse.metric import loss, lut

NET = Workload(
    "net",
    (
        conv("conv", 1, 8, 16, input_size=(16, 16), kernel=(3, 3)),
        activation("relu", 16 * 14 * 14, function="relu"),
        conv("dw", 1, 16, 16, input_size=(14, 14), kernel=(3, 3), groups=16),
        conv("wide", 1, 16, 256, input_size=(14, 14), kernel=(3, 3)),
        pooling("pool", 256 * 144, 256),
        linear("fc", 1, 256, 10),
        elementwise("add", 10),
    ),
)


@pytest.mark.parametrize(("board", "limit"), [("pynq_z1", 30e3), ("zcu104", 100e3), ("u250", 400e3)])
def test_the_file_round_trips(tmp_path, board, limit):
    device = fpga(board)
    choices = dse.choices(NET, ["int2", "int4", "int8"])
    chosen = dse.minimize(loss, over=choices, on=device, subject_to=[lut <= limit])
    path = exports.write("finn", chosen, tmp_path / "folding.json")
    again = estimate(NET, chosen.assignment, device, folding=folding_file.read(path, NET, device))
    assert dict(again.totals) == dict(chosen.estimate().totals)
    units = json.loads(path.read_text())
    windows = ["ConvolutionInputGenerator_rtl_0", "ConvolutionInputGenerator_rtl_1", "ConvolutionInputGenerator_rtl_2"]
    matrices = ["MVAU_hls_0", "VVAU_hls_0", "MVAU_hls_1", "Pool_hls_0", "MVAU_hls_2", "AddStreams_hls_0"]
    assert [name for name in units if name not in windows] == ["bitfront", "Defaults", *matrices]
    assert [list(units).index(w) + 1 for w in windows] == [list(units).index(m) for m in matrices[:3]]


def test_the_command_line_round_trips(bitfront, tmp_path):
    asked = ["zoo:resnet18", "--on", "u250"]
    done = bitfront("optimize", *asked, "--formats", "int2,int4", "--out", str(tmp_path / "plan.json"))
    assert done.returncode == 0, done.stderr
    folding = str(tmp_path / "folding.json")
    done = bitfront("export", "finn", str(tmp_path / "plan.json"), "--out", folding)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "plan.json").read_text())
    assign = [f"--assign={layer}={pair}" for layer, pair in found["assignment"].items()]
    again = bitfront("estimate", *asked, "--precision", "int4/int4", *assign, "--folding", folding, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["totals"] == pytest.approx(found["totals"], rel=1e-12)


def rows(**more):
    row = {"name": "conv", "kind": "conv", "b": 1, "k": 72, "n": 16, "pe": 4, "simd": 8, "products_in": "DSP"}
    return [row | {"weights_in": "BRAM", "channels": 8, "window": {"kernel_height": 3, "kernel_width": 3}} | more]


def finn_window_cycles(unit, *, channels, size, kernel, stride, out):
    """FINN's ConvolutionInputGenerator_rtl, get_exp_cycles: a square image, a dense convolution."""
    if unit["parallel_window"]:
        assert unit["SIMD"] == channels, "select_impl_style: SIMD must be equal to IFMChannels"
        return size * size + 2
    assert channels % unit["SIMD"] == 0, "select_impl_style: SIMD must divide IFMChannels"
    fold = channels // unit["SIMD"]
    block = max(out * kernel * kernel * fold, stride * size * fold)
    return ((kernel - 1) * size + kernel) * fold + out * block


STEM = Workload(
    "net",
    (
        conv("stem", 1, 3, 64, input_size=(66, 66), kernel=(3, 3)),
        conv("next", 1, 64, 48, input_size=(64, 64), kernel=(3, 3), stride=(2, 2), padding=(1, 1)),
        linear("fc", 1, 48, 10),
    ),
)


@pytest.mark.parametrize(("first", "second"), [(27, 48), (9, 576), (3, 64), (1, 24), (27, 18)])
def test_windows_are_read_as_fast_as_the_plan_counts_them(tmp_path, first, second):
    device = fpga("zcu104")
    folding = Folding(np.array([16.0, 48, 1]), np.array([first, second, 1.0]))
    problem = dse.choices(STEM, ["int4"]).on(device)
    problem = replace(problem, folding=folding)
    chosen = dse.minimize(loss, over=problem)
    path = exports.write("finn", chosen, tmp_path / "folding.json")
    units = json.loads(path.read_text())
    sizes = {"channels": (3, 64), "size": (66, 66), "stride": (1, 2), "out": (64, 32)}
    for i, op in enumerate(STEM.ops[:2]):
        window = units[f"ConvolutionInputGenerator_rtl_{i}"]
        theirs = finn_window_cycles(window, kernel=3, **{name: value[i] for name, value in sizes.items()})
        ours = chosen.estimate().columns["cycles"][i]
        assert theirs <= ours, (op.name, window)
    again = estimate(STEM, chosen.assignment, device, folding=folding_file.read(path, STEM, device))
    assert dict(again.totals) == pytest.approx(dict(chosen.estimate().totals))
    assert folding_file.left_out(path, STEM) == []
    path.write_text(json.dumps({name: unit for name, unit in units.items() if not name.startswith("Conv")}))
    by_finn = estimate(STEM, chosen.assignment, device, folding=folding_file.read(path, STEM, device))
    assert by_finn.columns["cycles"][0] >= 9 * 64 * 64
    assert "one pixel's channels a cycle" in folding_file.left_out(path, STEM)[0]


def test_windows_of_poolings_and_of_one_pixel_have_their_units():
    window = {"kernel_height": 3, "kernel_width": 3, "stride_height": 2, "stride_width": 2, "input_height": 9}
    strided = window | {"kernel_height": 1, "kernel_width": 1, "input_width": 9}
    pool = {"name": "pool", "kind": "pooling", "pe": 4, "channels": 16, "window": window}
    plans = [pool, *rows(name="down", channels=72, window=strided)]
    found = json.loads(exports.render("finn", plan({"down": "int4/int4"}, layers=plans)))
    assert found["ConvolutionInputGenerator_rtl_0"] == {"SIMD": 4, "parallel_window": 0}
    assert found["DownSampler_hls_0"] == {"SIMD": 8}
    with pytest.raises(ValueError, match="FINN cannot express layer 'pool': its PE 32 does not divide its 16 channels"):
        exports.render("finn", plan({"down": "int4/int4"}, layers=[pool | {"pe": 32}, plans[1]]))
    square = rows(name="down", channels=72, window=strided | {"input_width": 8, "padding_right": 1})
    assert "DownSampler_hls_0" in json.loads(exports.render("finn", plan({"down": "int4/int4"}, layers=square)))


def test_memories_and_products_are_where_the_plan_has_them():
    def unit(**more):
        return json.loads(exports.render("finn", plan({"conv": "int4/int4"}, layers=rows(**more))))["MVAU_hls_0"]

    assert unit() | {"mem_mode": ""} == {"PE": 4, "SIMD": 8, "resType": "dsp", "mem_mode": "", "ram_style": "block"}
    assert unit(products_in="LUT", weights_in="LUT")["resType"] == "lut"
    assert unit(weights_in="LUT")["ram_style"] == "distributed"
    assert unit(weights_in="URAM")["runtime_writeable_weights"] == 1


@pytest.mark.parametrize(
    ("pair", "layers", "told"),
    [
        ("e2m1/int4", rows(), "FINN cannot express layer 'conv' in e2m1/int4: it has no e2m1 weight there"),
        ("int4/int4", rows(b=4, n=2), "layer 'conv' in int4/int4: its vector-vector units are for depthwise"),
        ("int4/int4", [{"name": "conv", "kind": "conv"}], "layer 'conv' has no PE on h100_sxm"),
        ("int4/int4", rows(simd=2304, activation_bits=4), "layer 'conv': SIMD 2304 x 4 bits of input; its HLS units"),
        (
            "int4/int4",
            rows(channels=72, window={"stride_height": 2, "stride_width": 2, "input_height": 8, "input_width": 9}),
            "'conv': its down-sampler takes square images at one stride, not 8 x 9",
        ),
        ("int4/int4", [{k: v for k, v in rows()[0].items() if k != "window"}], "this plan does not tell the window"),
        ("int4/int4", [], "FINN needs a plan for an FPGA"),
    ],
)
def test_what_it_lacks_is_one_line(pair, layers, told):
    with pytest.raises(ValueError, match="FINN") as raised:
        exports.render("finn", plan({"conv": pair}, layers=layers))
    assert told in str(raised.value)
