"""QONNX models built here, their costs against qonnx's own inference cost."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from costmodel.estimators.estimate import estimate
from costmodel.hardware import fpga
from costmodel.importers import onnx_graph

DOMAIN = "qonnx.custom_op.general"


class Builder:
    """A chain of quantised layers."""

    def __init__(self, shape):
        self.nodes, self.stored, self.last, self.shape = [], [], "x", shape
        self.count = 0

    def constant(self, value):
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def quant(self, source, bits, *, signed=1, narrow=0, op="Quant"):
        self.count += 1
        out = f"q{self.count}"
        inputs = [source, self.constant(1.0 if op == "BipolarQuant" else 0.1)]
        flags = {}
        if op != "BipolarQuant":
            inputs += [self.constant(0.0), self.constant(bits)]
            flags = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
        self.nodes.append(helper.make_node(op, inputs, [out], name=f"{op}_{self.count}", domain=DOMAIN, **flags))
        return out

    def layer(self, op, weight_shape, weight_quant, activation_quant, **attributes):
        weight = self.constant(np.random.default_rng(0).normal(size=weight_shape))
        inputs = [self.quant(self.last, **activation_quant), self.quant(weight, **weight_quant)]
        self.last = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [self.last], name=f"layer_{self.last}", **attributes))
        return self

    def plain(self, op, **attributes):
        before, self.last = self.last, f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [before], [self.last], **attributes))
        return self

    def model(self, out_shape):
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, out_shape)],
            self.stored,
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def network():
    built = Builder([1, 3, 8, 8])
    built.layer("Conv", (8, 3, 3, 3), {"bits": 4}, {"bits": 8, "signed": 0}, kernel_shape=[3, 3], pads=[1] * 4)
    built.plain("Relu")
    built.layer("Conv", (8, 8, 3, 3), {"bits": 3, "op": "IntQuant"}, {"bits": 2, "signed": 0}, kernel_shape=[3, 3])
    built.plain("Relu").plain("MaxPool", kernel_shape=[2, 2], strides=[2, 2]).plain("Flatten")
    built.layer("MatMul", (72, 10), {"bits": 1, "op": "BipolarQuant"}, {"bits": 5})
    return built.model([1, 10])


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "net.onnx"
    onnx.save(network(), found)
    return found


def test_layers_have_the_widths_of_their_quantisers(path):
    workload = onnx_graph.read(path)
    stated = dict(workload.stated)
    assert [stated[name] for name in workload.layers] == ["int4/uint8", "int3/uint2", "binary/int5"]
    assert workload.uncounted == ()


def test_costs_are_those_of_qonnx(path):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.inference_cost import inference_cost

    theirs = inference_cost(ModelWrapper(str(path)), discount_sparsity=False)["total_cost"]
    workload = onnx_graph.read(path)
    ours = estimate(workload, dict(workload.stated), fpga("zcu104"))
    assert ours.totals["macs"] == theirs["total_macs"]
    assert ours.totals["bops"] == theirs["total_bops"]
    assert 8 * ours.totals["weight_bytes"] == theirs["total_mem_w_bits"]


def test_quantisers_cost_nothing_and_leave_the_counts_as_they_are(path):
    workload = onnx_graph.read(path)
    assert [op.kind for op in workload.ops if op.macs] == ["conv", "conv", "linear"]
    assert workload.batch_of_ops.weight_elements.sum() == 8 * 27 + 8 * 72 + 720


def test_a_graph_without_quantisers_states_nothing(tmp_path):
    built = Builder([1, 3, 8, 8])
    built.plain("Relu")
    onnx.save(built.model([1, 3, 8, 8]), tmp_path / "plain.onnx")
    assert onnx_graph.read(tmp_path / "plain.onnx").stated == ()


@pytest.mark.parametrize(
    ("bits", "got"), [(0.0, "0"), (64.0, "64"), ([2.0, 8.0], "others"), ([2.0] + [8.0] * 31, "others by channel")]
)
def test_impossible_widths_are_one_line(tmp_path, bits, got):
    built = Builder([1, 4])
    built.layer("MatMul", (4, 2), {"bits": bits}, {"bits": 8})
    onnx.save(built.model([1, 2]), tmp_path / "odd.onnx")
    with pytest.raises(
        ValueError, match=f"the width of quantiser 'Quant_2' must be one constant within 1 to 32, got {got}"
    ):
        onnx_graph.read(tmp_path / "odd.onnx")


def test_widths_that_no_format_has_are_held_in_the_next_one(tmp_path):
    built = Builder([1, 4])
    built.layer("MatMul", (4, 2), {"bits": 2.5}, {"bits": 24})
    onnx.save(built.model([1, 2]), tmp_path / "wide.onnx")
    ((_, pair),) = onnx_graph.read(tmp_path / "wide.onnx").stated
    assert pair == "int3/int32"


def test_truncated_sums_have_the_width_that_is_left(tmp_path):
    built = Builder([1, 4])
    inputs = [built.quant("x", 8), *(built.constant(v) for v in (0.1, 0.0, 8.0, 5.0))]
    built.nodes.append(helper.make_node("Trunc", inputs, ["t"], domain=DOMAIN))
    weight = built.quant(built.constant(np.ones((4, 2))), 3)
    built.nodes.append(helper.make_node("MatMul", ["t", weight], ["y"]))
    built.last = "y"
    onnx.save(built.model([1, 2]), tmp_path / "trunc.onnx")
    ((_, pair),) = onnx_graph.read(tmp_path / "trunc.onnx").stated
    assert pair == "int3/int5"


def test_a_layer_without_an_input_quantiser_says_so(tmp_path):
    built = Builder([1, 4])
    weight = built.quant(built.constant(np.ones((4, 2))), 3, signed=1, narrow=0)
    built.nodes.append(helper.make_node("MatMul", ["x", weight], ["y"]))
    built.last = "y"
    onnx.save(built.model([1, 2]), tmp_path / "half.onnx")
    (stated,) = onnx_graph.read(tmp_path / "half.onnx").stated
    assert stated[1] == "int3/bf16"


def test_float_quantisers_give_minifloats(tmp_path):
    built = Builder([1, 4])
    weight = built.constant(np.ones((4, 2)))
    inputs = [weight, *(built.constant(v) for v in (1.0, 3.0, 2.0, 3.0, 14.0))]
    built.nodes.append(helper.make_node("FloatQuant", inputs, ["w"], domain=DOMAIN))
    built.nodes.append(helper.make_node("MatMul", [built.quant("x", 4), "w"], ["y"]))
    built.last = "y"
    onnx.save(built.model([1, 2]), tmp_path / "float.onnx")
    (stated,) = onnx_graph.read(tmp_path / "float.onnx").stated
    assert stated[1] == "e3m2/int4"


@pytest.mark.parametrize(
    ("out_dtype", "activation"), [("UINT2", "uint2"), ("BIPOLAR", "binary"), ("INT4", "int4"), ("FLOAT32", "bf16")]
)
def test_thresholds_keep_their_shape_and_name_what_they_give(tmp_path, out_dtype, activation):
    """As FINN leaves a graph: thresholds between layers, types of weights in annotations."""
    domain = "qonnx.custom_op.general"
    weights = [numpy_helper.from_array(np.ones((16, 16), np.float32), f"w{i}") for i in range(2)]
    steps = numpy_helper.from_array(np.zeros((16, 3), np.float32), "steps")
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first"),
        helper.make_node(
            "MultiThreshold", ["a", "steps"], ["b"], name="act", domain=domain, out_dtype=out_dtype, out_scale=1.0
        ),
        helper.make_node("MatMul", ["b", "w1"], ["y"], name="second"),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (4, 16)) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [*weights, steps])
    for weight in weights:
        note = graph.quantization_annotation.add(tensor_name=weight.name)
        note.quant_parameter_tensor_names.add(key="finn_datatype", value="INT2")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    path = tmp_path / "finn.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    net = onnx_graph.read(path, strict=True)
    assert [(op.kind, op.macs, op.inputs) for op in net.ops] == [
        ("linear", 1024, ("x",)),
        ("linear", 1024, (net.ops[0].name,)),
    ]
    assert dict(net.stated)[net.ops[1].name] == f"int2/{activation}"
    assert dict(net.stated)[net.ops[0].name].partition(">") == (
        ("int2/bf16", ">", activation) if activation != "bf16" else ("int2/bf16", "", "")
    )
    assert net.batch_of_ops.params.sum() == 2 * 256
