"""--mapping, --folding and --laid-for on the command line, and a QONNX file as it stands."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import costmodel as cm
from app.fpga_design import layout
from costmodel.estimators import fpga

NET = "zoo:resnet18"


def test_an_overlay_is_told_in_words(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    said = bitfront("estimate", NET, "--on", "zcu102", "--precision", "int8/int8", "--mapping", "overlay").stdout
    assert "Overlay: an array of" in said
    assert "skip buffer" not in said


def test_a_dataflow_says_where_products_are(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    out = bitfront("estimate", NET, "--on", "zcu102", "--precision", "e3m2/int4", "--json")
    found = json.loads(out.stdout)
    assert any(note.startswith("Products: 21 layers in LUT") for note in found["notes"])
    assert any(
        "by which budgets and fit are judged" in note and "2.5 times the LUTs" in note for note in found["notes"]
    )
    assert found["totals"]["lut_low"] < found["totals"]["lut"] < found["totals"]["lut_high"]
    assert found["layers"][0]["source"] == "synthesis-calibrated"


def test_optimize_takes_an_overlay(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    args = ("--on", "zcu102", "--formats", "int4,int8", "--budget", "latency_s<=1", "--mapping", "overlay", "--json")
    found = json.loads(bitfront("optimize", NET, *args).stdout)
    assert found["proven"]
    assert set(found["assignment"].values()) == {"int8/int8"}


def test_a_budget_of_luts_chooses_the_array(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    args = ("optimize", NET, "--on", "zcu102", "--formats", "int4,int8", "--mapping", "overlay", "--json", "--budget")
    small, large = (json.loads(bitfront(*args, f"lut<={luts}").stdout)["totals"] for luts in (20000, 150000))
    assert small["lut"] <= 20000 < large["lut"] <= 150000
    assert small["rows"] * small["columns"] < large["rows"] * large["columns"]
    assert small["latency_s"] > large["latency_s"]
    none = bitfront(*args, "lut<=100")
    assert none.returncode == 3
    assert "no array of 4 x 4 or more fits 70% of zcu102, lut <= 100: it needs lut of at least " in none.stderr
    least = none.stderr.rpartition(" ")[2].strip()
    assert bitfront(*args, f"lut<={least}").returncode == 0


def test_an_overlay_is_not_told_of_foldings(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    args = ("optimize", NET, "--on", "zcu102", "--formats", "int4,int8", "--mapping", "overlay", "--budget")
    done = bitfront(*args, "latency_s<=1")
    assert "The array is the one made for int8/int8, the best of those for int8/int8, int4/int4." in done.stdout
    assert "so that none has any of its own" in done.stdout
    assert "SIMD" not in done.stdout
    none = bitfront(*args, "latency_s<=1us")
    assert none.returncode == 3
    assert "with the arrays of int8/int8, int4/int4" in none.stderr


def test_a_front_is_of_the_mapping_asked_for(bitfront: Callable[..., CompletedProcess[str]]) -> None:
    args = ("front", NET, "--on", "zcu102", "--formats", "int4,int8", "--objectives", "loss,latency_s", "--json")
    flow, shared = (json.loads(bitfront(*args, "--mapping", m).stdout)["points"] for m in ("dataflow", "overlay"))
    assert flow != shared
    assert len(shared) >= 1


def test_a_front_refuses_what_optimize_does(refused_here: Callable[..., str]) -> None:
    on = ("front", NET, "--formats", "int4,int8", "--on")
    assert "a100_sxm is none" in refused_here(*on, "a100_sxm", "--mapping", "overlay")
    assert "an overlay has none" in refused_here(*on, "zcu104", "--folding", "f.json", "--mapping", "overlay")


def test_bad_designs_are_one_line(refused_here: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "folding.json"
    path.write_text(json.dumps({"MVAU_hls_0": {"PE": 3}}))
    on = ("estimate", NET, "--precision", "int4/int4", "--on")
    assert "1 units MVAU for 21 such layers" in refused_here(*on, "zcu104", "--folding", str(path))
    assert "an overlay has none" in refused_here(*on, "zcu104", "--folding", str(path), "--mapping", "overlay")
    assert "a100_sxm is none" in refused_here(*on, "a100_sxm", "--mapping", "overlay")


def test_a_dataflow_is_folded_for_a_precision_whatever_its_layers_have(
    bitfront: Callable[..., CompletedProcess[str]], refused_here: Callable[..., str]
) -> None:
    asked = ("estimate", NET, "--on", "u250", "--precision", "int8", "--assign", "layer1.*=int3", "--json")
    own, laid = (json.loads(bitfront(*asked, *more).stdout)["layers"] for more in ((), ("--laid-for", "w3a3")))
    workload, board = cm.zoo.build("resnet18"), cm.fpga("u250")
    expected = fpga.fold(workload, cm.precision("int3"), board)
    rows = zip(laid, workload.ops, expected.pe, expected.simd, strict=True)
    assert all((row["pe"], row["simd"]) == (pe, simd) for row, op, pe, simd in rows if op.weight_elements)
    assert [row["pe"] for row in laid] != [row["pe"] for row in own]
    streamed = layout(board, "streamed", None, laid_for="int3")(workload, cm.precision("int8"), board)
    assert (streamed.pe == fpga.fold(workload, cm.precision("int3"), board, streaming=True).pe).all()
    on = ("estimate", NET, "--precision", "int4", "--laid-for")
    assert "a100_sxm is none" in refused_here(*on, "int4", "--on", "a100_sxm")
    assert "leave it out, or --mapping overlay" in refused_here(*on, "int4", "--on", "u250", "--mapping", "overlay")
    assert "leave it out, or --folding" in refused_here(*on, "int4", "--on", "u250", "--folding", "f.json")
    assert "int4x" in refused_here(*on, "int4x", "--on", "u250")


def test_a_qonnx_file_is_estimated_as_it_stands(bitfront: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    stored = [
        numpy_helper.from_array(np.ones(shape, dtype=np.float32) * value, name)
        for name, shape, value in (("w", (64, 10), 1), ("one", (), 1), ("zero", (), 0), ("four", (), 4), ("six", (), 6))
    ]
    domain = "qonnx.custom_op.general"
    nodes = [
        helper.make_node("Quant", ["x", "one", "zero", "six"], ["a"], domain=domain, signed=0),
        helper.make_node("Quant", ["w", "one", "zero", "four"], ["b"], domain=domain, signed=1),
        helper.make_node("MatMul", ["a", "b"], ["y"], name="fc"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 64]), ("y", [1, 10]))]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "net.onnx")
    model = f"onnx:{tmp_path / 'net.onnx'}"
    stated = json.loads(bitfront("estimate", model, "--on", "pynq_z1", "--json").stdout)
    assert stated["precision"] == "as the file states"
    assert [layer["precision"] for layer in stated["layers"]] == ["int4/uint6"]
    shown = bitfront("estimate", model, "--on", "pynq_z1").stdout
    assert "batch 1) as the file states on pynq_z1" in shown
    assert "at as" not in shown
    given = json.loads(bitfront("estimate", model, "--on", "pynq_z1", "--precision", "int8/int8", "--json").stdout)
    assert given["totals"]["weight_bytes"] == 2 * stated["totals"]["weight_bytes"]
