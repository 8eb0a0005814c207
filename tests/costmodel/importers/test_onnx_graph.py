"""The ONNX importer on models built by hand, and on what torch.onnx writes of modules that the torch importer reads."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import onnx
import onnx.numpy_helper
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from costmodel.catalog import UnknownNameError
from costmodel.importers import _isolated, _onnx_infer, onnx_graph, torch_export
from costmodel.workload import Workload, ops
from costmodel.workload.training import training

FLOAT, INT8, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT8, TensorProto.INT32, TensorProto.INT64
OPSETS = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("mine", 1)]


@pytest.fixture(autouse=True)
def in_process(request, monkeypatch):
    """Infer shapes in this process, which is faster; tests of the process of its own are marked."""
    if "isolated" not in request.fixturenames:
        monkeypatch.setattr(_isolated, "run", infer_here)


@pytest.fixture
def isolated():
    """Marks a test that starts the process of its own."""


def infer_here(script: Path, data: bytes, **limits: float) -> bytes:
    try:
        return _onnx_infer.infer(data)
    except Exception as error:
        raise ValueError(str(error).strip().splitlines()[0]) from None


def total(workload: Workload, quantity: str) -> float:
    return float(sum(getattr(op, quantity) for op in workload.ops))


def stored(name: str, *dims: int, kind: int = FLOAT) -> onnx.TensorProto:
    size = {FLOAT: 4, INT8: 1, INT32: 4, INT64: 8}[kind]
    count = int(torch.tensor(dims).prod()) if dims else 1
    return helper.make_tensor(name, kind, dims, bytes(size * count), raw=True)


def integers(name: str, *values: int) -> onnx.TensorProto:
    return helper.make_tensor(name, INT64, [len(values)], list(values))


def node(kind: str, inputs: str, outputs: str, **attributes) -> onnx.NodeProto:
    return helper.make_node(kind, [i.strip("-") for i in inputs.split()], outputs.split(), **attributes)


def model(nodes, inputs, tensors=(), *, outputs=None, functions=()) -> onnx.ModelProto:
    """A model of nodes, inputs {name: dims or (dims, type)} and stored tensors; its last result leaves it."""
    given = [
        helper.make_tensor_value_info(name, *((what[1], what[0]) if isinstance(what, tuple) else (FLOAT, what)))
        for name, what in inputs.items()
    ]
    names = outputs or [nodes[-1].output[0]]
    last = []
    for name in names:
        info = onnx.ValueInfoProto(name=name)
        info.type.tensor_type.elem_type = FLOAT
        info.type.tensor_type.shape.SetInParent()
        last.append(info)
    graph = helper.make_graph(nodes, "g", given, last, list(tensors))
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=10, functions=list(functions))


@pytest.fixture
def read(tmp_path: Path):
    def save_and_read(*parts, outputs=None, functions=(), **arguments) -> Workload:
        proto = parts[0] if len(parts) == 1 else model(*parts, outputs=outputs, functions=functions)
        path = tmp_path / "net.onnx"
        path.write_bytes(proto.SerializeToString())
        return onnx_graph.read(path, **arguments)

    return save_and_read


def only_op(workload: Workload):
    (op,) = workload.ops
    assert workload.uncounted == ()
    return op


def test_a_convolution_is_that_of_its_constructor(read):
    nodes = [node("Conv", "x w b", "y", group=2, strides=[2, 1], pads=[1, 1, 1, 1], dilations=[1, 2])]
    op = only_op(read(nodes, {"x": [3, 4, 9, 11]}, [stored("w", 6, 2, 3, 3), stored("b", 6)]))
    expected = ops.conv(
        "y", 3, 4, 6, input_size=(9, 11), kernel=(3, 3), stride=(2, 1), padding=(1, 1), dilation=(1, 2), groups=2,
        bias=True, inputs=("x",),
    )  # fmt: skip
    assert op == expected


@pytest.mark.parametrize(
    ("kind", "inputs", "tensors"),
    [
        ("Conv", "x w b", [stored("w", 6, 4, 3, 3), stored("b", 6)]),
        ("ConvInteger", "q w", [stored("w", 6, 4, 3, 3, kind=INT8)]),
        ("QLinearConv", "q s z w s z s z b", [stored("w", 6, 4, 3, 3, kind=INT8), stored("b", 6, kind=INT32)]),
    ],
)
def test_quantized_convolutions_count_as_the_plain_one(read, kind, inputs, tensors):
    scales = [stored("s"), stored("z", kind=INT8)] if kind.startswith("QL") else []
    given = {"x": [1, 4, 8, 8]} if kind == "Conv" else {"q": ([1, 4, 8, 8], INT8)}
    op = only_op(read([node(kind, inputs, "y")], given, tensors + scales))
    assert (op.kind, op.macs, op.weight_elements) == ("conv", 36 * 6 * 36, 216)
    assert op.vector_elements == (6 if len(tensors) == 2 else 0)


@pytest.mark.parametrize(
    ("kind", "inputs", "weight", "others", "attributes"),
    [
        ("MatMul", "x w", stored("w", 8, 5), [], {}),
        ("MatMulInteger", "q w", stored("w", 8, 5, kind=INT8), [], {}),
        ("QLinearMatMul", "q s z w s z s z", stored("w", 8, 5, kind=INT8), [stored("s"), stored("z", kind=INT8)], {}),
        ("Gemm", "x w", stored("w", 5, 8), [], {"transB": 1}),
        ("Gemm", "t w", stored("w", 8, 5), [], {"transA": 1}),
        (
            "QGemm", "q s z w s z b", stored("w", 5, 8, kind=INT8),
            [stored("s"), stored("z", kind=INT8), stored("b", 5, kind=INT32)], {"transB": 1, "domain": "com.microsoft"},
        ),
    ],
)  # fmt: skip
def test_products_with_a_stored_matrix_are_linear_layers(read, kind, inputs, weight, others, attributes):
    first = inputs.split()[0]
    given = {"x": {"x": [3, 8]}, "q": {"q": ([3, 8], INT8)}, "t": {"t": [8, 3]}}[first]
    op = only_op(read([node(kind, inputs, "y", **attributes)], given, [weight, *others]))
    assert op == ops.linear("y", 3, 8, 5, bias=kind == "QGemm", inputs=(first,))


def test_an_einsum_of_three_operands_is_two_products(read):
    product = node("Einsum", "a b w", "y", equation="bij,bjk,kl->bil")
    workload = read([product], {"a": [2, 3, 4], "b": [2, 4, 5]}, [stored("w", 5, 6)])
    assert [(op.kind, op.macs, op.weight_elements) for op in workload.ops] == [("matmul", 120, 0), ("linear", 180, 30)]
    assert workload.uncounted == ()


def test_a_transposed_convolution_counts_input_pixels(read):
    op = only_op(
        read([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"x": [1, 4, 5, 5]}, [stored("w", 4, 3, 2, 2)])
    )
    assert (op.kind, op.macs, op.output_elements) == ("conv_transpose", 25 * 4 * 3 * 4, 300)


@pytest.mark.parametrize(("flat", "past"), [(False, 0), (True, 0), (False, 3)])
def test_attention_of_opset_23(read, flat, past):
    shape = lambda heads, tokens: [2, tokens, heads * 16] if flat else [2, heads, tokens, 16]  # noqa: E731
    inputs = {"q": shape(8, 6), "k": shape(2, 6), "v": shape(2, 6)}
    if past:
        inputs |= {"pk": [2, 2, past, 16], "pv": [2, 2, past, 16]}
    names = "q k v" + (" - pk pv" if past else "")
    results = "y pkk pvv" if past else "y"
    heads = {"q_num_heads": 8, "kv_num_heads": 2} if flat else {}
    op = only_op(read([node("Attention", names, results, is_causal=1, **heads)], inputs))
    expected = ops.attention("y", 2, queries=6, keys=6 + past, heads=8, kv_heads=2, head_dim=16, causal=True)
    assert op == replace(expected, inputs=op.inputs)


@pytest.mark.parametrize(
    ("kind", "inputs", "params", "expected"),
    [
        ("BatchNormalization", "x c c c c", 8, ops.norm("y", 144, 4, style="batch")),
        ("InstanceNormalization", "x c c", 8, ops.norm("y", 144, 4, style="group")),
        ("LayerNormalization", "x w w", 12, ops.norm("y", 144, 6, style="layer")),
        ("RMSNormalization", "x w", 6, ops.norm("y", 144, 6, style="rms", bias=False)),
        ("Relu", "x", 0, ops.activation("y", 144, function="relu")),
        ("HardSwish", "x", 0, ops.activation("y", 144, function="hardswish")),
        ("Gelu", "x", 0, ops.activation("y", 144, function="gelu")),
        ("LeakyRelu", "x", 0, ops.activation("y", 144, function="leaky_relu")),
        ("PRelu", "x w", 6, ops.activation("y", 144, function="prelu")),
        ("Softmax", "x", 0, ops.softmax("y", 144)),
        ("Add", "x x", 0, ops.elementwise("y", 144)),
        ("Mul", "x w", 6, ops.elementwise("y", 144, operands=1, parameters=6, product=True)),
        ("Mul", "x one", 0, ops.elementwise("y", 144, operands=1)),
        ("Clip", "x one one", 0, ops.elementwise("y", 144, operands=1, flops=2, product=True)),
        ("GlobalAveragePool", "x", 0, ops.pooling("y", 144, 4)),
        ("ReduceMean", "x", 0, ops.pooling("y", 144, 1)),
    ],
)  # fmt: skip
def test_vector_operators(read, kind, inputs, params, expected):
    tensors = [stored("c", 4), stored("w", 6), stored("one")]
    used = [tensor for tensor in tensors if tensor.name in inputs.split()]
    op = only_op(read([node(kind, inputs, "y")], {"x": [1, 4, 6, 6]}, used))
    assert op.params == (params if inputs.count("w") < 2 and inputs.count("c") < 2 else params / 2)
    assert op == replace(expected, inputs=("x",), vector_elements=op.vector_elements)


def test_pooling_and_resizing(read):
    op = only_op(read([node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2])], {"x": [1, 2, 9, 9]}))
    assert (op.kind, op.vector_flops, op.window.kernel_height, op.window.stride_width) == ("pooling", 9 * 2 * 16, 3, 2)
    scales = helper.make_tensor("s", FLOAT, [4], [1.0, 1.0, 2.0, 2.0])
    op = only_op(read([node("Resize", "x - s", "y", mode="linear")], {"x": [1, 2, 4, 4]}, [scales]))
    assert (op.kind, op.vector_flops) == ("elementwise", 7 * 2 * 64)


@pytest.mark.parametrize(
    ("kind", "size", "attributes", "around", "windows"),
    [
        ("Conv", (9, 11), {"pads": [0, 1, 2, 3], "strides": [2, 1]}, (0, 1, 2, 3), (5, 13)),
        ("Conv", (9, 10), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (1, 0, 1, 1), (5, 5)),
        ("Conv", (9, 10), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (1, 1, 1, 0), (5, 5)),
        ("Conv", (9, 10), {"auto_pad": "VALID"}, (0, 0, 0, 0), (7, 8)),
        ("Conv", (9, 10), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}, (2, 2, 2, 2), (9, 10)),
        (
            "MaxPool",
            (9, 10),
            {"auto_pad": "SAME_UPPER", "kernel_shape": [2, 2], "strides": [2, 2]},
            (0, 0, 1, 0),
            (5, 5),
        ),
        ("MaxPool", (9, 10), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, (0, 0, 0, 1), (4, 5)),
        ("AveragePool", (9,), {"kernel_shape": [3], "pads": [1, 1], "strides": [2]}, (0, 1, 0, 1), (1, 5)),
    ],
)
def test_windows_have_their_padding(read, kind, size, attributes, around, windows):
    inputs = "x w" if kind == "Conv" else "x"
    tensors = [stored("w", 6, 2, 3, 3)] if kind == "Conv" else []
    op = only_op(read([node(kind, inputs, "y", **attributes)], {"x": [1, 2, *size]}, tensors))
    w = op.window
    assert (w.padding_top, w.padding_left, w.padding_bottom, w.padding_right) == around
    assert (w.output_height, w.output_width) == windows


def test_a_table_lookup_and_the_head_that_shares_its_table(read):
    nodes = [
        node("Gather", "embed.weight ids", "e"),
        node("Transpose", "embed.weight", "t", perm=[1, 0]),
        node("MatMul", "e t", "y"),
    ]
    workload = read(nodes, {"ids": ([2, 6], INT64)}, [stored("embed.weight", 50, 8)])
    embed, head = workload.ops
    assert embed == ops.embedding("embed", 12, 50, 8, shares="embed_1", inputs=("ids",))
    assert head == ops.linear("embed_1", 12, 8, 50, bias=False, inputs=("embed",))


def test_shape_arithmetic_and_quantization_cost_nothing(read):
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "b", axis=0),
        node("Concat", "b minus", "flat", axis=0),
        node("Reshape", "x flat", "r"),
        node("QuantizeLinear", "r scale", "q"),
        node("DequantizeLinear", "q scale", "d"),
        node("DequantizeLinear", "fc.weight_quantized scale", "wd"),
        node("Gemm", "d wd fc.bias", "y", transB=1),
    ]
    tensors = [
        integers("zero", 0), integers("minus", -1), stored("scale"), stored("fc.weight_quantized", 5, 48, kind=INT8),
        stored("fc.bias", 5),
    ]  # fmt: skip
    op = only_op(read(nodes, {"x": ["N", 3, 4, 4]}, tensors, batch=7, strict=True))
    assert op == ops.linear("fc", 7, 48, 5, inputs=("x",))


def test_names_come_from_weights_then_modules_then_nodes(read):
    nodes = [
        node("Conv", "x layer1.0.conv1.weight", "a", name="c"),
        node("Relu", "a", "b", name="/layer1/layer1.0/relu/Relu"),
        node("Conv", "b onnx::Conv_7", "c", name="/layer1/layer1.0/conv2/Conv"),
        node("Conv", "c onnx::Conv_7", "d", name="plain"),
        node("Relu", "d", "e"),
    ]
    scoped = node("Relu", "e", "f")
    scoped.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'layer2', 'layer2.act', 'relu_3']")
    workload = read(
        [*nodes, scoped],
        {"x": [1, 4, 8, 8]},
        [stored("layer1.0.conv1.weight", 4, 4, 1, 1), stored("onnx::Conv_7", 4, 4, 1, 1)],
    )
    names = ["layer1.0.conv1", "layer1.0.relu.relu", "layer1.0.conv2", "layer1.0.conv2.run_2", "e", "layer2.act.relu"]
    assert [op.name for op in workload.ops] == names
    assert workload.op("layer1.0.conv2").count == 2
    assert workload.op("e").inputs == ("layer1.0.conv2.run_2",)


def test_what_is_not_understood_is_listed_and_strict_refuses_it(read):
    nodes = [
        node("Relu", "x", "a"),
        node("Fancy", "a w", "b", domain="mine", name="odd"),
        node("Relu", "b", "c"),
        node("TopK", "a two", "v i"),
        node("Add", "v v", "y"),
    ]
    parts = nodes, {"x": [1, 4]}, [stored("w", 9), stored("spare", 5), integers("two", 2)]
    workload = read(*parts)
    assert [op.name for op in workload.ops] == ["a", "odd", "y"]
    assert (workload.op("odd").params, workload.op("odd").macs) == (9, 0)
    assert workload.op("y").inputs == ("a",)
    assert workload.uncounted == (
        "odd (mine.Fancy)",
        "c (Relu: the shape is not known)",
        "v (TopK)",
        "spare (parameter: no op reads 5 of its 5 elements)",
    )
    with pytest.raises(ValueError, match=r"net.onnx: net has parts that are not counted: odd \(mine.Fancy\), c \(Relu"):
        read(*parts, strict=True)


def test_subgraphs_are_not_counted(read):
    branch = lambda name: helper.make_graph(  # noqa: E731
        [node("Sin", "x", name)], name, [], [helper.make_tensor_value_info(name, FLOAT, [4])]
    )
    nodes = [node("If", "c", "y", then_branch=branch("t"), else_branch=branch("e")), node("Relu", "y", "z")]
    workload = read(nodes, {"c": ([], TensorProto.BOOL), "x": [4]})
    assert [op.name for op in workload.ops] == ["z"]
    assert workload.uncounted == ("y (If)",)


def test_local_functions_are_read_in_place(read):
    twice = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [node("Relu", "a", "t"), node("Relu", "t", "b")], OPSETS
    )
    workload = read([node("Twice", "x", "y", domain="mine")], {"x": [4]}, functions=[twice])
    assert [op.kind for op in workload.ops] == ["activation", "activation"]


def test_symbolic_dimensions(read):
    parts = [node("Relu", "x", "y")], {"x": ["N", "seq", 8, None]}
    sizes = {"seq": 5, "x[3]": 2}
    assert read(*parts, shapes=sizes).op("y").output_elements == 80
    workload = read(*parts, shapes=sizes, batch=3)
    assert (workload.batch, workload.op("y").output_elements) == (3, 240)
    assert read(*parts, shapes={**sizes, "N": 4}).batch == 4
    with pytest.raises(
        ValueError, match=r"net.onnx: dimension 'seq' has no size in the file; give it one, as --dim 'seq=128'"
    ):
        read(*parts)
    with pytest.raises(ValueError, match=r"net.onnx: dimension 'x\[3\]' has no size"):
        read(*parts, shapes={"seq": 5})
    with pytest.raises(UnknownNameError, match="unknown dimension 'sec'; did you mean seq"):
        read(*parts, shapes={"sec": 5})
    with pytest.raises(ValueError, match="dimension 'seq' must be at least 1, got 0"):
        read(*parts, shapes={**sizes, "seq": 0})
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        read(*parts, batch=0)


@pytest.mark.parametrize("first", ["N", None])
def test_a_batch_that_the_file_leaves_open_is_said_and_set(read, first):
    parts = [node("Relu", "x", "y")], {"x": [first, 8]}
    name = first or "x[0]"
    assert read(*parts).covers == f"one pass over x of 1 x 8; the file leaves the batch open ({name}), 1 was taken"
    assert read(*parts, batch=3).covers == "one pass over x of 3 x 8"
    assert read(*parts, shapes={name: 2}).covers == "one pass over x of 2 x 8"
    assert read([node("Relu", "x", "y")], {"x": [4, 8]}).covers == "one pass over x of 4 x 8"


def test_the_batch_of_a_recurrent_layer_that_reads_time_first(read):
    tensors = [stored("W", 1, 8, 5), stored("R", 1, 8, 8)]
    parts = [node("RNN", "x W R", "y", hidden_size=8)], {"x": ["T", "N", 5]}, tensors
    with pytest.raises(ValueError, match="'T' has no size in the file; give it one, as --dim 'T=128'"):
        read(*parts)
    workload = read(*parts, shapes={"T": 6}, batch=3)
    assert workload.batch == 3
    assert workload.op("y.hh").count == 6


@pytest.mark.parametrize("name", ["strides", "dilations", "kernel_shape"])
def test_a_window_that_is_not_positive_is_told(read, name):
    parts = [node("Conv", "x w", "y", **{name: [0, 1]})], {"x": [1, 3, 8, 8]}, [stored("w", 4, 3, 3, 3)]
    with pytest.raises(ValueError, match=rf"net.onnx: {name} of Conv 'y' must be at least 1, got \[0, 1\]"):
        read(*parts)


def test_results_without_a_shape_or_a_type(read):
    proto = model([node("Relu", "x", "y")], {"x": [4]})
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    assert read(proto).op("y").output_elements == 4
    proto.graph.output[0].ClearField("type")
    assert read(proto).op("y").output_elements == 4


def test_a_dimension_that_also_stands_elsewhere_is_no_batch(read):
    parts = [node("MatMul", "x y", "z")], {"x": ["n", "m"], "y": ["m", "n"]}
    with pytest.raises(ValueError, match="dimension 'n' has no size"):
        read(*parts, shapes={"m": 3})
    assert total(read(*parts, shapes={"m": 3, "n": 2}), "macs") == 12


def test_a_batch_that_the_file_fixes_cannot_be_another(read):
    parts = [node("Relu", "x", "y")], {"x": [2, 3]}
    assert read(*parts, batch=2).batch == 2
    with pytest.raises(ValueError, match=r"net.onnx: the file fixes its batch at 2, got batch=4"):
        read(*parts, batch=4)


def test_old_files_that_list_stored_tensors_among_the_inputs(read):
    proto = model([node("MatMul", "x w", "y")], {"x": ["N", 40], "w": [40, 30]}, [stored("w", 40, 30)])
    proto.ir_version = 3
    proto.opset_import[0].version = 9
    assert only_op(read(proto, batch=2)) == ops.linear("y", 2, 40, 30, bias=False, inputs=("x",))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.act = nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn1(self.conv1(x)) + x)


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), Residual(), nn.MaxPool2d(2), Residual(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 10),
    )  # fmt: skip


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.position = nn.Parameter(torch.zeros(6, 32))
        self.block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
        self.head = nn.Linear(32, 50, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.block(self.embed(tokens) + self.position))


@pytest.mark.parametrize(
    ("build", "inputs", "optimize"),
    [
        (cnn, torch.zeros(2, 3, 16, 16), False),
        (Transformer, torch.zeros(3, 6, dtype=torch.long), True),
        (Transformer, torch.zeros(3, 6, dtype=torch.long), False),
    ],
)
def test_files_of_torch_onnx_equal_the_module(tmp_path, build, inputs, optimize):
    module = build().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    path = tmp_path / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (inputs,), path, dynamo=True, optimize=optimize, verbose=False)
    workload = onnx_graph.read(path, strict=True)
    expected = torch_export.read(module, inputs)
    for quantity in ("macs", "params"):
        assert total(workload, quantity) == total(expected, quantity)
    assert workload.batch == expected.batch
    layers = {name for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d | nn.Embedding)}
    assert layers <= set(workload.layers)
    assert [op.weight_elements for op in workload.ops if op.weight_elements] == [
        op.weight_elements for op in expected.ops if op.weight_elements
    ]
    assert optimize or workload.layers == expected.layers


class OwnShapes(nn.Module):
    """Two layers whose attention takes sizes from its input, as the exporter that traces writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True) for _ in range(2)))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def test_an_open_batch_gives_what_a_fixed_one_does(tmp_path):
    """Sizes that are computed of shapes are known once the batch is."""
    module, x = OwnShapes().eval(), torch.zeros(3, 10, 16)
    for name, axes in (("open", {"x": {0: "N"}}), ("fixed", {})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = tmp_path / f"{name}.onnx"
            torch.onnx.export(module, (x,), path, dynamo=False, input_names=["x"], opset_version=17, dynamic_axes=axes)
    found = onnx_graph.read(tmp_path / "open.onnx", batch=3, strict=True)
    fixed = onnx_graph.read(tmp_path / "fixed.onnx", strict=True)
    costs = [sorted((op.kind, op.macs, op.output_elements) for op in read.ops) for read in (found, fixed)]
    assert costs[0] == costs[1]
    products = 2 * 2 * 3 * 10 * 10 * 16
    assert total(found, "macs") == total(torch_export.read(module, x), "macs") == 2 * 30 * (4 * 256 + 1024) + products


class Nested(nn.Module):
    """Containers that are called, in others and in lists that are not."""

    def __init__(self) -> None:
        super().__init__()
        down = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.down = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), nn.Sequential(down))
        self.blocks = nn.ModuleList(nn.Sequential(Mixed(4), Mixed(4)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x


class Mixed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(width, width)])
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.Sequential(nn.GELU(), nn.Linear(2 * width, width)))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.blocks[0](x))


@pytest.mark.parametrize("build", [Nested, lambda: nn.Sequential(nn.Sequential(Nested()), Mixed(4))])
def test_layers_in_containers_have_the_module_s_names(tmp_path, build):
    """As the exporter that traces writes them: it folds norms and turns matrices, and so renames weights."""
    module = build().eval()
    path = tmp_path / "nested.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(1, 3, 4, 4),), path, dynamo=False, opset_version=17)
    assert any("::" in tensor.name for tensor in onnx.load(path).graph.initializer)
    layers = [name for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    found = onnx_graph.read(path, strict=True)
    assert [op.name for op in found.ops if op.kind in ("conv", "linear")] == layers


def test_sizes_are_computed_of_shapes_alone(read):
    """By hand: 4 x 9 numbers become 4 x 3 x 10 // 3 x 10 % 3. What data decides, or what is large, stays unknown."""
    shape = [
        node("Shape", "x", "s"),
        node("Slice", "s from to", "last"),
        node("Mod", "last three", "one"),
        node("Div", "last three", "thirds"),
        node("Slice", "s nought one", "first"),
        node("Concat", "first three thirds one", "sizes", axis=0),
        node("Slice", "x nought nine axis", "part"),
        node("Reshape", "part sizes", "y"),
        node("Relu", "y", "z"),
        node("Shape", "z", "again"),
        node("Slice", "again nought one", "n"),
        node("ConstantOfShape", "n", "zeros"),
    ]
    stored = [integers(n, v) for n, v in {"from": 1, "to": 2, "three": 3, "nought": 0, "nine": 9, "axis": 1}.items()]
    assert read(shape, {"x": ["N", 10]}, stored, batch=4).op("z").output_elements == 36
    data = [node("NonZero", "x", "i"), node("Shape", "i", "s"), node("Reshape", "x s", "y"), node("Relu", "y", "z")]
    last = [node("Relu", "x", "w")]
    assert read([*data, *last], {"x": [2, 2]}, outputs=["z", "w"]).uncounted == ("z (Relu: the shape is not known)",)
    huge = [*shape[:1], node("Mul", "s s", "much"), node("ConstantOfShape", "much", "m"), node("Div", "s nought", "d")]
    assert read([*huge, node("Reshape", "x d", "y"), *last], {"x": ["N", 10**6]}, stored).op("w").macs == 0


class Moves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up, self.pad = nn.Conv2d(3, 8, 1), nn.Upsample(scale_factor=2), nn.ZeroPad2d(1)

    def forward(self, x: Tensor) -> Tensor:
        large = self.up(self.conv(x))
        return self.pad(torch.cat([large, large.relu()], 1)).roll(3, 2)


def test_data_is_moved_in_a_file_as_in_its_module(tmp_path):
    module, x = Moves().eval(), torch.zeros(2, 3, 16, 16)
    path = tmp_path / "moves.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), path, dynamo=True, verbose=False)
    moved = [
        [(op.kind, op.input_elements, op.output_elements, op.vector_flops) for op in workload.ops]
        for workload in (onnx_graph.read(path, strict=True), torch_export.read(module, x, strict=True))
    ]
    assert moved[0] == moved[1]
    assert len(moved[0]) == 6


def test_a_file_whose_weights_are_elsewhere_is_read_without_them(read):
    weight = onnx.TensorProto(name="w", dims=[4096, 4096], data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="weights/net.bin")
    constant = onnx.TensorProto(name="c", dims=[4096, 2], data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    constant.external_data.add(key="location", value="c.bin")
    nodes = [node("MatMul", "x w", "h"), node("Constant", "", "c", value=constant), node("MatMul", "h c", "y")]
    workload = read(nodes, {"x": [1, 4096]}, [weight])
    assert total(workload, "params") == total(workload, "macs") == 4096 * 4098


def test_without_the_onnx_package_the_error_names_the_extra(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        ValueError, match=r"net.onnx: reading it needs the package onnx: pip install 'bitfront\[onnx\]'"
    ):
        read([node("Relu", "x", "y")], {"x": [2]})


def test_the_process_of_its_own_gives_the_same(read, isolated, monkeypatch):
    parts = [node("Conv", "x w", "y")], {"x": [1, 4, 8, 8]}, [stored("w", 6, 4, 3, 3)]
    alone = read(*parts)
    monkeypatch.setattr(_isolated, "run", infer_here)
    assert alone == read(*parts)


class Sampled(nn.Module):
    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        return nn.functional.grid_sample(x, grid, mode=self.mode, align_corners=False)


@pytest.mark.parametrize(("mode", "flops"), [("bilinear", 7), ("nearest", 0), ("bicubic", 31)])
def test_pixels_at_places_of_a_grid_cost_what_torch_s_do(read, mode, flops):
    given = {"x": [2, 3, 8, 8], "g": [2, 5, 6, 2]}
    stated = mode.removeprefix("bi") if mode != "bilinear" else "linear"
    op = only_op(read([node("GridSample", "x g", "y", mode=stated)], given))
    net = Sampled()
    net.mode = mode
    of_torch = only_op(torch_export.read(net, (torch.ones(2, 3, 8, 8), torch.ones(2, 5, 6, 2))))
    assert replace(of_torch, name="y", inputs=op.inputs) == op
    assert op.vector_flops == flops * 2 * 3 * 5 * 6


def test_stored_masks_are_no_parameters(read):
    causal = onnx.numpy_helper.from_array(torch.full((8, 8), float("-inf")).triu(1).numpy(), "hidden")
    ones, one, low = stored("ones", 8, 8), stored("one"), stored("low")
    nodes = [
        node("Trilu", "ones", "lower", upper=0),
        node("Equal", "lower one", "kept"),
        node("Where", "kept low one", "mask"),
        node("MatMul", "x w", "scores"),
        node("Add", "scores mask", "masked"),
        node("Add", "masked hidden", "again"),
        node("Add", "again position", "y"),
    ]
    found = read(nodes, {"x": [2, 8, 4]}, [ones, one, low, causal, stored("w", 4, 8), stored("position", 8, 8)])
    assert found.uncounted == ()
    assert total(found, "params") == 4 * 8 + 8 * 8


def test_what_stored_tensors_alone_give_is_for_a_training_step(read):
    nodes = [node("MatMul", "b a", "ba"), node("Add", "w ba", "merged"), node("MatMul", "x merged", "y")]
    workload = read(nodes, {"x": [7, 10]}, [stored("w", 10, 12), stored("b", 10, 3), stored("a", 3, 12)], strict=True)
    layer, product = 2 * 7 * 10 * 12, 2 * 10 * 3 * 12
    assert [(op.kind, op.flops, op.params) for op in workload.ops] == [("linear", layer, 120 + 30 + 36)]
    assert total(training(workload), "flops") == 2 * layer + 3 * product


def test_a_group_norm_has_no_other_parameters_than_its_own(read):
    own = [stored("scale", 8, 1, 1), stored("shift", 8, 1, 1)]
    ones, zeros = (helper.make_tensor(n, FLOAT, [2], torch.full((2,), v).numpy().tobytes(), raw=True) for n, v in EACH)
    nodes = [
        node("Reshape", "x grouped", "g"), node("InstanceNormalization", "g ones zeros", "n"),
        node("Reshape", "n whole", "r"), node("Mul", "r scale", "s"), node("Add", "s shift", "y"),
    ]  # fmt: skip
    sizes = [integers("grouped", 1, 2, -1), integers("whole", 1, 8, 4, 4)]
    assert total(read(nodes, {"x": [1, 8, 4, 4]}, [*own, *sizes, ones, zeros], strict=True), "params") == 16
    alone = [node("InstanceNormalization", "x ones zeros", "y")]
    assert total(read(alone, {"x": [1, 2, 4, 4]}, [ones, zeros], strict=True), "params") == 4


EACH = (("ones", 1.0), ("zeros", 0.0))


def test_a_tensor_of_one_value_in_a_node_is_no_parameter(read):
    value = helper.make_tensor("v", FLOAT, [2, 8], bytes(4 * 16), raw=True)
    nodes = [node("Constant", "", "state", value=value), node("Add", "x state", "y")]
    assert total(read(nodes, {"x": [2, 8]}, strict=True), "params") == 0


def test_a_window_of_one_element_computes_nothing(read):
    attributes = {"kernel_shape": [1, 1], "strides": [1, 1]}
    assert only_op(read([node("MaxPool", "x", "y", **attributes)], {"x": [1, 8, 4, 4]})).vector_flops == 0


class Form(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.form = nn.Bilinear(16, 8, 28)

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x, x[:, :8])


def test_a_bilinear_form_is_two_products_in_a_file_as_in_its_module(tmp_path):
    module, x = Form().eval(), torch.zeros(4, 16)
    path = tmp_path / "form.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), path, dynamo=True, verbose=False)
    found, expected = onnx_graph.read(path, strict=True), torch_export.read(module, x, strict=True)
    for quantity in ("macs", "params"):
        assert total(found, quantity) == total(expected, quantity)
        assert total(training(found), quantity) == total(training(expected), quantity)
