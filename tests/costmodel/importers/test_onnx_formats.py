"""Files that hold integers: onnxruntime's quantised networks, and operators spelled here, at the formats they state."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from costmodel.estimators.estimate import estimate
from costmodel.hardware import fpga, gpu
from costmodel.importers import _isolated, _onnx_infer, onnx_graph

SHAPES = {
    "c.weight": (8, 3, 3, 3), "c.bias": (8,), "d.weight": (8, 8, 1, 1), "f.weight": (10, 72), "f.bias": (10,),
    "m.weight": (10, 5),
}  # fmt: skip
LAYERS = ("c", "d", "f", "m")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Shapes are inferred here, not in a process of their own, which takes longer than all else."""
    monkeypatch.setattr(_isolated, "run", lambda _, data, **__: _onnx_infer.infer(data))


def declared(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def saved(path, nodes, inputs, stored, out=None, opset=23):
    graph = helper.make_graph(nodes, "g", inputs, [out or declared("y", None)], stored)
    onnx.save(
        helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)],
            ir_version=11,
        ),
        path,
    )
    return path


def tensor(name, kind, shape):
    """A stored tensor of ones, of a type that numpy may lack."""
    return helper.make_tensor(name, kind, shape, np.ones(int(np.prod(shape))))


@pytest.fixture
def floats(tmp_path):
    return network(tmp_path / "floats.onnx", opset=21)


def network(path, *, opset, last=()):
    nodes = [
        helper.make_node("Conv", ["x", "c.weight", "c.bias"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "d.weight"], ["e"]),
        helper.make_node("MaxPool", ["e"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "f.weight", "f.bias"], ["h"], transB=1),
        helper.make_node("MatMul", ["h", "m.weight"], ["l" if last else "y"]),
        *last,
    ]
    rng = np.random.default_rng(0)
    stored = [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in SHAPES.items()]
    out = declared("y", [1, 5])
    return saved(path, nodes, [declared("x", [1, 3, 8, 8])], stored, out, opset=opset)


class OneImage(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": np.ones((1, 3, 8, 8), np.float32)}]

    def get_next(self):
        return self.left.pop() if self.left else None


def weight_bits(path):
    """Bits of the stored matrices and kernels in the file itself."""
    width = {
        TensorProto.INT4: 4,
        TensorProto.UINT4: 4,
        TensorProto.INT8: 8,
        TensorProto.UINT8: 8,
        TensorProto.FLOAT8E4M3FN: 8,
    }
    stored = onnx.load(path).graph.initializer
    return sum(np.prod(t.dims) * width[t.data_type] for t in stored if len(t.dims) > 1)


def bits_of(workload):
    """Bits of the layers' weights as they are priced."""
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm"))
    stored = [(op.weight_elements, dict(workload.stated)[op.name]) for op in workload.ops if op.weight_elements]
    assert found.totals["weight_bytes"] > 0
    widths = {"int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "fp8_e4m3": 8}
    return sum(elements * widths[pair.split("/")[0]] for elements, pair in stored)


@pytest.mark.parametrize("style", list(QuantFormat), ids=str)
@pytest.mark.parametrize(
    ("weight", "activation", "expected"),
    [("QInt8", "QInt8", "int8/int8"), ("QInt8", "QUInt8", "int8/uint8"), ("QUInt8", "QUInt8", "uint8/uint8")],
)
def test_static_quantisation_is_read(tmp_path, floats, style, weight, activation, expected):
    path = tmp_path / "q.onnx"
    types = {"weight_type": QuantType[weight], "activation_type": QuantType[activation]}
    quantize_static(floats, path, OneImage(), quant_format=style, **types)
    workload = onnx_graph.read(path, strict=True)
    assert workload.stated == tuple((layer, expected) for layer in LAYERS)
    assert bits_of(workload) == weight_bits(path)
    assert [workload.op(n).macs for n in LAYERS] == [onnx_graph.read(floats).op(n).macs for n in LAYERS]


def test_four_bit_weights_and_wide_activations_are_read(tmp_path, floats):
    path = tmp_path / "q.onnx"
    types = {"weight_type": QuantType.QInt4, "activation_type": QuantType.QUInt16}
    quantize_static(floats, path, OneImage(), quant_format=QuantFormat.QDQ, **types)
    workload = onnx_graph.read(path, strict=True)
    assert {pair for _, pair in workload.stated} == {"int4/uint16"}
    assert bits_of(workload) == weight_bits(path)


@pytest.mark.parametrize(
    ("weight", "style"), [("QInt8", QuantFormat.QOperator), ("QInt4", QuantFormat.QDQ), ("QUInt4", QuantFormat.QDQ)]
)
def test_what_onnx_runtime_contributes_to_older_versions_of_onnx_is_read(tmp_path, weight, style):
    """A softmax of integers, and the quantisers of four bits, which ONNX has as of version 21."""
    path, plain = tmp_path / "q.onnx", tmp_path / "plain.onnx"
    network(plain, opset=17, last=[helper.make_node("Softmax", ["l"], ["y"])])
    types = {"weight_type": QuantType[weight], "activation_type": QuantType.QInt8}
    quantize_static(plain, path, OneImage(), quant_format=style, **types)
    assert {"QLinearSoftmax", "DequantizeLinear"} & contributed(path)
    workload, floats = onnx_graph.read(path, strict=True), onnx_graph.read(plain)
    assert workload.stated == tuple((layer, f"{weight[1:].lower()}/int8") for layer in LAYERS)
    assert bits_of(workload) == weight_bits(path)
    assert [(op.kind, op.macs, op.vector_flops) for op in workload.ops] == [
        (op.kind, op.macs, op.vector_flops) for op in floats.ops if op.kind != "activation"
    ], "a quantiser clips in a ReLU's stead"


def test_what_onnx_runtime_joins_and_chooses_of_integers_is_read(tmp_path):
    """A layer that reads the two results joined, and what a mask leaves of them."""
    path, plain = tmp_path / "q.onnx", tmp_path / "plain.onnx"
    nodes = [
        helper.make_node("Conv", ["x", "c.weight", "c.bias"], ["a"]),
        helper.make_node("Conv", ["a", "d.weight"], ["b"]),
        helper.make_node("Concat", ["a", "b", "a"], ["j"], axis=1),
        helper.make_node("Conv", ["j", "e.weight"], ["e"]),
        helper.make_node("Where", ["mask", "e", "a"], ["m"]),
        helper.make_node("Conv", ["m", "f.weight"], ["y"]),
    ]
    sizes = {"c.weight": (8, 3, 1, 1), "c.bias": (8,), "d.weight": (8, 8, 1, 1), "e.weight": (8, 24, 1, 1)}
    sizes["f.weight"] = (4, 8, 1, 1)
    stored = [numpy_helper.from_array(np.ones(size, np.float32), name) for name, size in sizes.items()]
    stored.append(numpy_helper.from_array(np.eye(8, dtype=bool), "mask"))
    saved(plain, nodes, [declared("x", [1, 3, 8, 8])], stored, declared("y", [1, 4, 8, 8]), opset=17)
    quantize_static(
        plain, path, OneImage(), quant_format=QuantFormat.QOperator, extra_options={"ForceQuantizeNoInputCheck": True}
    )
    assert {"QLinearConcat", "QLinearWhere"} <= contributed(path)
    workload = onnx_graph.read(path, strict=True)
    layers = [op for op in workload.ops if op.kind == "conv"]
    assert [(op.name, op.macs) for op in layers] == [("c", 1536), ("d", 4096), ("e", 12288), ("f", 2048)]
    assert {pair for _, pair in workload.stated} == {"int8/int8"}


def contributed(path):
    """The operators of domain com.microsoft in a file."""
    return {node.op_type for node in onnx.load(path).graph.node if node.domain == "com.microsoft"}


@pytest.mark.parametrize(
    ("opset", "operator", "flags"),
    [(17, "DequantizeLinear", {"block_size": 32}), (23, "QLinearSoftmax", {"sparse": 1})],
)
def test_what_the_plain_operator_cannot_say_is_uncounted(tmp_path, opset, operator, flags):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node(operator, ["a", "s"], ["y"], name="last", domain="com.microsoft", **flags),
    ]
    stored = [tensor("w", TensorProto.FLOAT, (64, 8)), tensor("s", TensorProto.FLOAT, ())]
    path = saved(tmp_path / "u.onnx", nodes, [declared("x", [2, 64])], stored, opset=opset)
    workload = onnx_graph.read(path)
    assert workload.uncounted == (f"last (com.microsoft.{operator})",)
    assert [op.macs for op in workload.ops if op.kind == "linear"] == [1024]


def test_a_file_of_no_layer_states_a_rest(tmp_path):
    """So that what a user who chose no precision gets is an estimate."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("MatMul", ["d", "d"], ["y"]),
    ]
    stored = [tensor("s", TensorProto.FLOAT, ()), tensor("z", TensorProto.INT8, ())]
    workload = onnx_graph.read(saved(tmp_path / "n.onnx", nodes, [declared("x", [8, 8])], stored))
    assert [pair for _, pair in workload.stated] == ["int8/int8/int8", "bf16"]
    assert estimate(workload, dict(workload.stated), gpu("h100_sxm")).totals["macs"] == 512


@pytest.mark.parametrize("style", list(QuantFormat), ids=str)
def test_products_of_two_activations_meet_as_they_are_quantised(tmp_path, style):
    plain, path = tmp_path / "plain.onnx", tmp_path / "q.onnx"
    nodes = [
        helper.make_node("Conv", ["x", "c.weight"], ["a"]),
        helper.make_node("Transpose", ["a"], ["t"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["a", "t"], ["y"], name="scores"),
    ]
    stored = [numpy_helper.from_array(np.ones((8, 3, 1, 1), np.float32), "c.weight")]
    saved(plain, nodes, [declared("x", [1, 3, 8, 8])], stored, declared("y", [1, 8, 8, 8]), opset=17)
    quantize_static(
        plain,
        path,
        OneImage(),
        quant_format=style,
        extra_options={"MatMulConstBOnly": False},
        activation_type=QuantType.QInt8,
    )
    workload = onnx_graph.read(path, strict=True)
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm"))
    at = next(i for i, op in enumerate(workload.ops) if op.kind == "matmul")
    assert found.precisions[at].attention_pipe == "int8"
    assert dict(workload.stated)[workload.ops[at].name] == "int8/int8/int8"


def test_narrow_floats_are_read(tmp_path, floats):
    path = tmp_path / "q.onnx"
    types = dict.fromkeys(("weight_type", "activation_type"), QuantType.QFLOAT8E4M3FN)
    quantize_static(floats, path, OneImage(), calibrate_method=CalibrationMethod.Distribution, **types)
    workload = onnx_graph.read(path, strict=True)
    assert {pair for _, pair in workload.stated} == {"fp8_e4m3/fp8_e4m3"}
    assert bits_of(workload) == weight_bits(path)


def test_dynamic_quantisation_is_read(tmp_path, floats):
    path = tmp_path / "q.onnx"
    quantize_dynamic(floats, path)
    workload = onnx_graph.read(path, strict=True)
    assert [pair for _, pair in workload.stated] == ["int8/uint8>bf16"] * 4
    assert bits_of(workload) == weight_bits(path)


def test_only_what_products_read_is_quantised_as_a_network_runs(tmp_path, floats):
    """Between them the file has floats, those that its value infos declare: of 16 bits here."""
    path = tmp_path / "q.onnx"
    quantize_dynamic(floats, path)
    workload = onnx_graph.read(path)
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm"))
    inferred = onnx.shape_inference.infer_shapes(onnx.load(path)).graph.value_info
    relu = next(op for op in workload.ops if op.kind == "activation")
    assert next(v for v in inferred if v.name == "b").type.tensor_type.elem_type == TensorProto.FLOAT
    moved = dict(zip((op.name for op in workload.ops), found.columns["bytes_moved"], strict=True))
    assert moved[relu.name] == 2 * (relu.input_elements + relu.output_elements)
    layer = workload.op("d")
    assert moved["d"] == layer.weight_elements + layer.input_elements + 2 * layer.output_elements
    on_fpga = estimate(workload, dict(workload.stated), fpga("zcu104"))
    assert any("the floats that layers are stated to write" in told for told in on_fpga.uncounted)
    assert on_fpga.totals["lut"] == estimate(workload, "int8/uint8", fpga("zcu104")).totals["lut"]


@pytest.mark.parametrize("symmetric", [True, False])
def test_blocks_have_their_scales_and_what_is_left_of_them_is_uncounted(tmp_path, floats, symmetric):
    found = MatMulNBitsQuantizer(onnx.load(floats), block_size=16, is_symmetric=symmetric, quant_format=QuantFormat.QDQ)
    found.process()
    path = tmp_path / "q.onnx"
    found.model.save_model_to_file(str(path))
    workload = onnx_graph.read(path)
    assert dict(workload.stated) == {workload.ops[-1].name: "int4_g16/bf16", "*": "bf16"}
    parts = ["scales wider than 16 bits", "zero points"] if not symmetric else ["scales wider than 16 bits"]
    assert [entry.split(" of ")[0] for entry in workload.uncounted] == parts


@pytest.mark.parametrize(("bits", "symmetric"), [(4, True), (4, False), (8, True), (2, True)])
def test_products_of_packed_blocks_are_layers(tmp_path, floats, bits, symmetric):
    found = MatMulNBitsQuantizer(onnx.load(floats), block_size=16, is_symmetric=symmetric, bits=bits)
    found.process()
    path = tmp_path / "q.onnx"
    found.model.save_model_to_file(str(path))
    assert contributed(path) == {"MatMulNBits"}
    workload = onnx_graph.read(path)
    assert workload.ops == onnx_graph.read(floats).ops
    assert dict(workload.stated) == {"m": f"int{bits}_g16/bf16", "*": "bf16"}
    parts = ["scales wider than 16 bits", *([] if symmetric else ["zero points"])]
    assert workload.uncounted == tuple(f"{part} of m" for part in parts)


PACKED = {"K": 64, "N": 6, "bits": 4, "block_size": 32}


def packed_product(path, *more, kind=TensorProto.FLOAT16, **sizes):
    """Of 64 inputs, 6 outputs and a ReLU, which reads what the product gives."""
    nodes = [
        helper.make_node("MatMulNBits", ["x", "w", "s", *more], ["a"], "p", domain="com.microsoft", **PACKED | sizes),
        helper.make_node("Relu", ["a"], ["y"], "r"),
    ]
    stored = [tensor("w", TensorProto.UINT8, (6, 2, 16)), tensor("s", kind, (12,))]
    stored += [tensor("b", kind, (6,)), tensor("g", TensorProto.INT32, (64,))]
    stored = [t for t in stored if t.name in ("w", "s", *more)]
    return saved(path, nodes, [declared("x", ["N", 3, 64], kind)], stored)


def test_a_packed_product_has_its_weights_scales_and_bias(tmp_path):
    """By hand: 384 weights of 4 bits, 12 scales of 16, and a bias of 6 numbers of 16 for its 12 results of 3 tokens."""
    workload = onnx_graph.read(packed_product(tmp_path / "p.onnx", "", "", "b"), batch=2, strict=True)
    assert [(op.kind, op.macs, op.weight_elements, op.vector_elements) for op in workload.ops] == [
        ("linear", 2 * 3 * 64 * 6, 384, 0),
        ("elementwise", 0, 0, 6),
        ("activation", 0, 0, 0),
    ]
    assert workload.ops[1].output_elements == workload.ops[2].output_elements == 2 * 3 * 6
    totals = estimate(workload, dict(workload.stated), gpu("h100_sxm")).totals
    assert (totals["params"], totals["weight_bytes"]) == (390, 384 / 2 + 12 * 2 + 6 * 2)


def test_the_order_of_groups_is_uncounted(tmp_path):
    workload = onnx_graph.read(packed_product(tmp_path / "p.onnx", "", "g"))
    assert workload.uncounted == (f"group indices of {workload.ops[0].name}",) == ("group indices of p",)
    assert workload.batch_of_ops.weight_elements.sum() == 384


@pytest.mark.parametrize(
    "sizes", [{"K": 65}, {"N": 2**40}, {"bits": 8}, {"block_size": 0}, {"K": -64, "N": -6}, {"bits": "four"}], ids=str
)
def test_packed_products_that_cannot_be(tmp_path, sizes):
    path = packed_product(tmp_path / "p.onnx", **sizes)
    told = ", ".join(f"{name}={value}" for name, value in (PACKED | sizes).items())
    with pytest.raises(ValueError, match=rf"com.microsoft.MatMulNBits 'p': a weight of \[6, 2, 16\] bytes.*{told}$"):
        onnx_graph.read(path)


@pytest.mark.parametrize(
    ("kind", "scales", "expected", "left"),
    [
        (TensorProto.INT4, TensorProto.FLOAT16, "int4_g32", ()),
        (TensorProto.UINT8, TensorProto.FLOAT16, "int8_g32", ()),
        (TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E8M0, "mxfp4", ()),
        (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E8M0, "mxfp8_e4m3", ()),
        (TensorProto.FLOAT8E5M2, TensorProto.FLOAT, "fp8_e5m2", ("scales of w",)),
    ],
)
def test_blocks_of_several_types(tmp_path, kind, scales, expected, left):
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=32),
        helper.make_node("Cast", ["d"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "f"], ["y"]),
    ]
    stored = [tensor("w", kind, (64, 8)), tensor("s", scales, (2, 8))]
    workload = onnx_graph.read(saved(tmp_path / "b.onnx", nodes, [declared("x", [2, 64])], stored))
    assert [pair for _, pair in workload.stated] == [f"{expected}/bf16"]
    assert workload.uncounted == left
    assert workload.ops[0].weight_elements == 512


def test_operators_of_integers_state_their_operands(tmp_path):
    nodes = [
        helper.make_node("MatMulInteger", ["x", "w"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("QuantizeLinear", ["f", "s", "z"], ["q"]),
        helper.make_node("QLinearMatMul", ["q", "s", "z", "v", "s", "z", "s", "z"], ["y"], name="second"),
    ]
    stored = [tensor("w", TensorProto.INT8, (8, 6)), tensor("v", TensorProto.UINT8, (6, 4))]
    stored += [tensor("s", TensorProto.FLOAT, ()), tensor("z", TensorProto.UINT8, ())]
    inputs = [declared("x", [4, 8], TensorProto.UINT8)]
    out = declared("y", None, TensorProto.UINT8)
    workload = onnx_graph.read(saved(tmp_path / "i.onnx", nodes, inputs, stored, out))
    assert [pair for _, pair in workload.stated] == ["int8/uint8", "uint8/uint8"]
    assert workload.batch_of_ops.weight_elements.sum() == 72


@pytest.mark.parametrize(("low", "high", "expected"), [(-8, 7, "int4"), (-127, 127, "int8"), (-1, 1, "int2")])
def test_a_clip_tells_widths_below_those_of_types(tmp_path, low, high, expected):
    """As Brevitas writes them: QuantizeLinear, Clip, DequantizeLinear."""
    nodes = [
        helper.make_node("Clip", ["w", "low", "high"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "s"], ["d"]),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    bounds = [helper.make_tensor(n, TensorProto.INT8, (), [v]) for n, v in (("low", low), ("high", high))]
    stored = [tensor("w", TensorProto.INT8, (8, 6)), tensor("s", TensorProto.FLOAT, ()), *bounds]
    workload = onnx_graph.read(saved(tmp_path / "c.onnx", nodes, [declared("x", [2, 8])], stored))
    assert [pair for _, pair in workload.stated] == [f"{expected}/bf16"]


def test_weights_that_are_scaled_by_hand_are_as_narrow_as_they_are_stored(tmp_path):
    nodes = [
        helper.make_node("Cast", ["w"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "s"], ["d"]),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    stored = [tensor("w", TensorProto.INT8, (8, 6)), tensor("s", TensorProto.FLOAT, (6,))]
    workload = onnx_graph.read(saved(tmp_path / "h.onnx", nodes, [declared("x", [2, 8])], stored))
    assert [pair for _, pair in workload.stated] == ["int8/bf16"]


def test_weights_on_the_left_and_tables_are_read(tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["t", "s"], ["table"]),
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"]),
        helper.make_node("MatMul", ["d", "e"], ["y"]),
    ]
    stored = [tensor("w", TensorProto.INT8, (6, 4)), tensor("t", TensorProto.UINT8, (30, 8))]
    stored.append(tensor("s", TensorProto.FLOAT, ()))
    inputs = [declared("ids", [4], TensorProto.INT64)]
    workload = onnx_graph.read(saved(tmp_path / "t.onnx", nodes, inputs, stored))
    assert [(op.kind, dict(workload.stated)[op.name]) for op in workload.ops] == [
        ("embedding", "uint8/bf16"),
        ("linear", "int8/uint8"),
    ]


def test_recurrent_layers_of_integers_are_uncounted(tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["dw"]),
        helper.make_node("GRU", ["x", "dw", "r"], ["y"], hidden_size=4, name="gru"),
    ]
    stored = [tensor("w", TensorProto.INT8, (1, 12, 5)), tensor("r", TensorProto.FLOAT, (1, 12, 4))]
    stored.append(tensor("s", TensorProto.FLOAT, ()))
    workload = onnx_graph.read(saved(tmp_path / "r.onnx", nodes, [declared("x", [7, 2, 5])], stored))
    assert workload.uncounted == ("GRU 'gru' (its weights' own format)",)
