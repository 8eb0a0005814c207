"""Malformed and hostile ONNX files: each is one clear line, and none takes the process along."""

import os
import random
import time
from math import prod
from pathlib import Path

import onnx
import onnx.inliner
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from costmodel.importers import _isolated, _onnx_infer, onnx_graph
from costmodel.workload import Workload

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid("f", 1)]


def node(kind: str, inputs: str, outputs: str, **attributes) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def model(nodes, dims=(1, 4, 8, 8), tensors=(), functions=(), **graph) -> bytes:
    x = helper.make_tensor_value_info("x", FLOAT, dims)
    y = helper.make_tensor_value_info(nodes[-1].output[0] if nodes else "x", FLOAT, [None])
    graph = helper.make_graph(nodes, "g", [x], [y], list(tensors), **graph)
    proto = helper.make_model(graph, opset_imports=OPSETS, ir_version=10, functions=list(functions))
    return proto.SerializeToString()


def small_network() -> bytes:
    weights = [
        helper.make_tensor("conv.weight", FLOAT, [8, 4, 3, 3], bytes(4 * 288), raw=True),
        helper.make_tensor("fc.weight", FLOAT, [8, 10], bytes(320), raw=True),
        helper.make_tensor("flat", INT64, [2], [-1, 8]),
    ]
    nodes = [
        node("Conv", "x conv.weight", "a", pads=[1, 1, 1, 1], group=1),
        node("Relu", "a", "b"),
        node("Add", "a b", "c"),
        node("GlobalAveragePool", "c", "d"),
        node("Reshape", "d flat", "e"),
        node("MatMul", "e fc.weight", "y"),
    ]
    return model(nodes, tensors=weights)


@pytest.fixture
def refused(tmp_path: Path, capfd):
    def message(data: bytes) -> str:
        path = tmp_path / "bad.onnx"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            onnx_graph.read(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert caught.value.__suppress_context__
        assert capfd.readouterr() == ("", "")
        return text.removeprefix(f"{path}: ")

    return message


def test_files_that_are_no_models(refused, tmp_path):
    whole = small_network()
    assert refused(b"") == "an ONNX file has 1 to 2147483647 bytes, got 0"
    assert refused(whole[: len(whole) // 2]) == "it is no ONNX model, or only part of one"
    assert refused(random.Random(0).randbytes(5000)) == "it is no ONNX model, or only part of one"
    assert refused(b"\x82" * 100000) == "it is no ONNX model, or only part of one"
    assert refused(model([])) == "a model has 1 to 250000 nodes, got 0"
    with pytest.raises(ValueError, match=r"missing.onnx: no such file$"):
        onnx_graph.read(tmp_path / "missing.onnx")
    with pytest.raises(ValueError, match=r": it is a directory, not a file$"):
        onnx_graph.read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe: it is no regular file \(a pipe, socket or device\)$"):
        onnx_graph.read(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (model([node("Relu", "x", "y")], dims=(10**18, 4)), f"tensor 'x' has impossible dimensions [{10**18}, 4]"),
        (model([node("Relu", "x", "y")], dims=(1, -3)), "tensor 'x' has impossible dimensions [1, -3]"),
        (model([node("Relu", "x", "y")], dims=(0, 3)), "input 'x' has impossible dimensions [0, 3]"),
        (model([node("Relu", "x", "y")], dims=(1,) * 100), "tensor 'x' has impossible dimensions [1, 1, 1, 1, 1, 1,"),
        (model([node("Relu", "x", "y")], dims=None), "input 'x' has no shape"),
        (
            model([node("MatMul", "x w", "y")], tensors=[onnx.TensorProto(name="w", data_type=1, dims=[2**62, 2**62])]),
            "tensor 'w' has impossible dimensions [4611686018427387904, 4611686018427387904]",
        ),
        (model([node("Relu", "b", "a"), node("Relu", "a", "b")]), "Nodes in a graph must be topologically sorted"),
        (
            model([node("Relu", "nothing", "y", name="lost")]),
            r"topologically sorted, however input 'nothing' of node: name: lost OpType: Relu is not output",
        ),
        (model([node("Relu", "x", "y"), node("Relu", "x", "y")]), "Graph must be in single static assignment"),
        (model([node("NoSuchOp", "x", "y")]), "No Op registered for NoSuchOp"),
        (model([node("Relu", "x x x", "y")]), "has input size 3 not in range [min=1, max=1]"),
        (model([node("Concat", "x x", "y")]), "Required attribute 'axis' is missing"),
        (model([node("Identity", "x", "y")]), "bad has no op that costs anything"),
    ],
)  # fmt: skip
def test_models_that_cannot_be(refused, data, message):
    assert message in refused(data)


def test_a_subgraph_whose_tensor_is_in_another_file(refused):
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    body = helper.make_graph(
        [node("Identity", "w", "o")], "b", [], [helper.make_tensor_value_info("o", FLOAT, [4])], [tensor]
    )
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    data = model([node("If", "c", "y", then_branch=body, else_branch=body, name="if")], tensors=[condition])
    assert refused(data) == "node 'if' holds a tensor whose data is in another file"


def test_names_that_are_not_text(refused):
    broken = small_network().replace(b"conv.weight", b"conv.w\xff\xfe\nht")
    assert refused(broken) == "it holds a name that is not text"


@pytest.mark.parametrize(
    ("kind", "attributes", "dims"),
    [
        ("Conv", {"group": 0}, [8, 4, 3, 3]),
        ("Conv", {"group": -1}, [8, 4, 3, 3]),
        ("Conv", {"group": 3}, [8, 4, 3, 3]),
        ("Conv", {"name": "odd\none"}, [8, 5, 3, 3]),
        ("Conv", {"group": 2}, [8, 4, 3, 3]),
        ("Conv", {"group": 2**62}, [8, 4, 3, 3]),
        ("ConvTranspose", {}, [5, 4, 3, 3]),
        ("ConvTranspose", {"group": 0}, [4, 4, 3, 3]),
        ("ConvTranspose", {"group": 3}, [4, 4, 3, 3]),
    ],
)
def test_a_convolution_that_cannot_be(refused, kind, attributes, dims):
    weight = helper.make_tensor("w", FLOAT, dims, bytes(4 * prod(dims)), raw=True)
    message = refused(model([node("Relu", "x", "r"), node(kind, "r w", "y", **attributes)], tensors=[weight]))
    where, groups = "odd one" if "name" in attributes else "y", attributes.get("group", 1)
    assert message == f"{kind} '{where}': a weight {tuple(dims)} of {groups} groups does not fit an input (1, 4, 8, 8)"


@pytest.mark.parametrize(
    ("kind", "attributes", "dims", "complaint"),
    [
        ("MatMul", {}, (16, 16), "MatMul 'y': a product of (2, 17) and (16, 16)"),
        ("Gemm", {"transB": 1}, (3, 16), "Gemm 'y': a product of (2, 17) and (16, 3)"),
        ("Add", {}, (5,), "Add 'y': (2, 17) and (5,) do not broadcast"),
    ],
)
def test_shapes_that_contradict_each_other(refused, kind, attributes, dims, complaint):
    weight = helper.make_tensor("w", FLOAT, dims, bytes(4 * prod(dims)), raw=True)
    assert refused(model([node(kind, "x w", "y", **attributes)], dims=(2, 17), tensors=[weight])) == complaint


def test_bombs_end_in_a_line_too(refused, monkeypatch):
    """Shapes that double, and calls that double, each of them 60 times."""
    monkeypatch.setattr(onnx_graph, "MEMORY_BYTES", 2**29)
    monkeypatch.setattr(onnx_graph, "TIMEOUT_S", 10)
    start = time.process_time()
    doubling = [node("Shape", "x", "s0"), *(node("Concat", f"s{i} s{i}", f"s{i + 1}", axis=0) for i in range(60))]
    assert "memory" in refused(model([*doubling, node("Reshape", "x s60", "y")]))
    calls = [
        helper.make_function(
            "f", f"F{i}", ["a"], ["c"],
            [node(f"F{i - 1}" if i else "Relu", a, b, domain="f" if i else "") for a, b in ("ab", "bc")],
            OPSETS,
        )
        for i in range(60)
    ]  # fmt: skip
    assert refused(model([node("F59", "x", "y", domain="f")], functions=calls))
    assert time.process_time() - start < 25


def test_calls_that_never_end_and_nesting_without_end(refused):
    itself = helper.make_function("f", "F", ["a"], ["b"], [node("F", "a", "b", domain="f")], OPSETS)
    assert refused(model([node("F", "x", "y", domain="f")], functions=[itself]))
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    body = node("Relu", "x", "o")
    for _ in range(60):
        graph = helper.make_graph([body], "b", [], [helper.make_tensor_value_info("o", FLOAT, [None])])
        body = (
            node("If", "c", "o", then_branch=graph, else_branch=graph)
            if len(body.SerializeToString()) < 10**5
            else body
        )
    assert refused(model([body], tensors=[condition]))


@pytest.mark.long
def test_many_nodes_are_read_and_too_many_refused(tmp_path, refused):
    path = tmp_path / "long.onnx"
    path.write_bytes(model([node("Relu", f"x{i or ''}", f"x{i + 1}") for i in range(20000)]))
    start = time.process_time()
    assert len(onnx_graph.read(path).ops) == 20000
    assert time.process_time() - start < 20
    assert refused(model([node("Relu", "x", "y")] * 250001)) == "a model has 1 to 250000 nodes, got 250001"


def test_a_tensor_of_very_many_results_is_refused(refused):
    nodes = [node("Relu", "x", f"r{i}") for i in range(1001)]
    text = refused(model([*nodes, node("Concat", " ".join(f"r{i}" for i in range(1001)), "y", axis=0)]))
    assert text == "node 'unnamed' reads more than 1000 results at once"


def test_an_inference_that_takes_too_long_or_dies(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import time; time.sleep(60)")
    with pytest.raises(ValueError, match="its shapes are not inferred within 1 s"):
        _isolated.run(script, b"", timeout_s=1, memory_bytes=2**30)
    script.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ValueError, match="shape inference died of signal 11"):
        _isolated.run(script, b"", timeout_s=10, memory_bytes=2**30)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=6))
def test_flipped_bits_give_a_workload_or_one_line(tmp_path, flips):
    """In this process: a crash of the inference itself would end the test run."""
    data = bytearray(small_network())
    for position, bit in flips:
        data[int(position * len(data))] ^= 1 << bit
    path = tmp_path / "flipped.onnx"
    path.write_bytes(data)

    def infer_here(script: Path, model_bytes: bytes, **limits: float) -> bytes:
        try:
            return _onnx_infer.infer(model_bytes)
        except Exception as error:
            raise ValueError(str(error).splitlines()[0]) from None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_isolated, "run", infer_here)
        outcome = read_or_message(path)
    assert isinstance(outcome, Workload) or (outcome.startswith(f"{path}: ") and "\n" not in outcome)


def test_a_tensor_that_no_file_can_hold(tmp_path):
    weight = helper.make_tensor("w", TensorProto.FLOAT, [8, 4], bytes(128), raw=True)
    weight.dims[1] = 2**40
    weight.raw_data = b""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in ("x", "y"))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    path = tmp_path / "huge.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    assert "tensor 'w' cannot be within the file" in read_or_message(path)


def read_or_message(path: Path) -> Workload | str:
    try:
        return onnx_graph.read(path)
    except ValueError as error:
        return str(error)
