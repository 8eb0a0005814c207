"""A folding that we write is the one that `--folding` reads."""

import json

import pytest
from export_plans import plan

import dse
from app import exports
from costmodel import estimate
from costmodel.estimators.fpga import folding_file
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
    matrices = ["MVAU_hls_0", "VVAU_hls_0", "MVAU_hls_1", "Pool_hls_0", "MVAU_hls_2", "AddStreams_hls_0"]
    assert list(units) == ["bitfront", "Defaults", *matrices]


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
    assert json.loads(again.stdout)["totals"] == found["totals"]


def rows(**more):
    row = {"name": "conv", "kind": "conv", "b": 1, "k": 72, "n": 16, "pe": 4, "simd": 8, "products_in": "DSP"}
    return [row | {"weights_in": "BRAM"} | more]


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
        ("int4/int4", [], "FINN needs a plan for an FPGA"),
    ],
)
def test_what_it_lacks_is_one_line(pair, layers, told):
    with pytest.raises(ValueError, match="FINN") as raised:
        exports.render("finn", plan({"conv": pair}, layers=layers))
    assert told in str(raised.value)
