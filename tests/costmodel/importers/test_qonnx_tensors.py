"""Widths that QONNX states of tensors that no layer reads, against the types that qonnx infers of them."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from test_qonnx import Builder

from costmodel.estimators.assignment import named, per_op, written
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import carried
from costmodel.hardware import fpga, gpu
from costmodel.importers import onnx_graph

BOARD = fpga("pynq_z1")


class Net(Builder):
    """Layers, and operators between them, of one image of 8 x 8 pixels."""

    def convolve(self, source, bits):
        self.last = source
        self.layer_on(source, bits)
        return self.last

    def layer_on(self, source, bits):
        weight = self.quant(self.constant(np.ones((4, 4, 3, 3))), bits)
        self.last = self.op("Conv", source, weight, kernel_shape=[3, 3], pads=[1] * 4)

    def op(self, kind, *inputs, **attributes):
        out = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=f"{kind.lower()}_{out}", **attributes))
        self.last = out
        return out


def pooled(bits):
    """A convolution, whose output of some bits is averaged and rounded to 4 for a matrix."""
    net = Net([1, 4, 8, 8])
    made = net.convolve(net.quant("x", 8, signed=0), 3)
    made = net.quant(net.op("Relu", made), bits, signed=0)
    made = net.quant(net.op("Flatten", net.op("GlobalAveragePool", made)), 4)
    net.op("MatMul", made, net.quant(net.constant(np.ones((4, 10))), 2))
    return net.model([1, 10])


def residual(bits):
    """A block whose branch is rounded to some bits and added to a shortcut of 4."""
    net = Net([1, 4, 8, 8])
    shortcut = net.quant(net.op("Relu", net.convolve(net.quant("x", 8, signed=0), 4)), 4, signed=0)
    branch = net.quant(net.convolve(shortcut, 4), bits)
    made = net.quant(net.op("Relu", net.op("Add", branch, shortcut)), 4, signed=0)
    net.convolve(made, 4)
    return net.model([1, 4, 8, 8])


def at(tmp_path, model):
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    return path


def estimated(tmp_path, model):
    workload = onnx_graph.read(at(tmp_path, model), strict=True)
    return estimate(workload, dict(workload.stated), BOARD)


def row(found, kind):
    (at,) = [i for i, op in enumerate(found.workload.ops) if op.kind == kind]
    return {name: column[at] for name, column in found.columns.items()} | {"precision": found.precisions[at]}


def inferred(path, kind):
    """The bits of the widest input of an operator by qonnx's own inference, at scales of 1: others it calls floats."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes

    graph = onnx.load(path)
    for tensor in graph.graph.initializer:
        if numpy_helper.to_array(tensor).size == 1:
            whole = np.ceil(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(whole, tensor.name))
    model = ModelWrapper(graph).transform(InferShapes()).transform(InferDataTypes())
    (node,) = model.get_nodes_by_op_type(kind)
    return max(model.get_tensor_datatype(name).bitwidth() for name in node.input)


def passed(workload, assignment):
    """The precisions that the units of an FPGA are priced at."""
    stated = written(workload, assignment)
    return carried(workload, per_op(workload, assignment), named(workload, assignment), stated)


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_a_pooling_reads_the_width_of_the_quantiser_before_it(tmp_path, bits):
    pool = row(estimated(tmp_path, pooled(bits)), "pooling")["precision"]
    assert pool.activation.name == f"uint{bits}"
    assert pool.output.name == "int4"
    assert pool.activation.bits == inferred(tmp_path / "net.onnx", "GlobalAveragePool")


def test_wider_tensors_take_more_where_they_pass(tmp_path):
    narrow, wide = (estimated(tmp_path, pooled(bits)) for bits in (5, 7))
    for kind in ("pooling", "conv"):  # what rounds to the width is the layer's before
        assert row(wide, kind)["lut"] > row(narrow, kind)["lut"]
    assert row(wide, "linear")["lut"] == row(narrow, "linear")["lut"]


@pytest.mark.parametrize("bits", [4, 12])
def test_a_sum_reads_its_widest_operand_and_each_branch_writes_its_own_width(tmp_path, bits):
    found = estimated(tmp_path, residual(bits))
    assert row(found, "elementwise")["precision"].activation.bits == bits
    assert inferred(tmp_path / "net.onnx", "Add") == bits
    first, second, last = (op.name for op in found.workload.ops if op.kind == "conv")
    used = passed(found.workload, dict(found.workload.stated))
    outputs = {op.name: each.output.name for op, each in zip(found.workload.ops, used, strict=True)}
    assert (outputs[first], outputs[second]) == ("uint4", f"int{bits}")
    assert found.workload.op(last).inputs
    narrow = estimated(tmp_path, residual(4))
    assert row(found, "elementwise")["lut"] >= row(narrow, "elementwise")["lut"]
    assert found.totals["lut"] >= narrow.totals["lut"]
    assert (found.totals["lut"] > narrow.totals["lut"]) == (bits > 4)


def test_what_is_read_at_several_widths_is_written_at_the_widest(tmp_path):
    net = Net([1, 4, 8, 8])
    made = net.convolve(net.quant("x", 8, signed=0), 4)
    net.op("Add", net.convolve(net.quant(made, 3), 4), net.convolve(net.quant(made, 6), 4))
    workload = onnx_graph.read(at(tmp_path, net.model([1, 4, 8, 8])))
    assert ">" not in dict(workload.stated)[workload.ops[0].name]
    assert passed(workload, dict(workload.stated))[0].output.name == "int6"


def test_a_quantiser_that_nothing_takes_is_told(tmp_path):
    net = Net([1, 4, 8, 8])
    made = net.convolve(net.quant("x", 8, signed=0), 4)
    net.op("Mul", made, net.op("Sigmoid", net.op("Add", net.quant(made, 3), made)))
    model = net.model([1, 4, 8, 8])
    workload = onnx_graph.read(at(tmp_path, model))
    assert workload.uncounted == ("qonnx.custom_op.general.Quant 'Quant_3' (its width)",)


def test_other_devices_and_other_precisions_take_the_graph_as_before(tmp_path):
    workload = onnx_graph.read(at(tmp_path, residual(12)))
    assert estimate(workload, dict(workload.stated), gpu("a100_sxm")).totals["latency_s"] > 0
    assert {used.output.name for used in passed(workload, "int4/uint4")} == {"uint4"}


def test_an_assignment_states_what_a_layer_writes(tmp_path):
    workload = onnx_graph.read(at(tmp_path, pooled(5)))
    given = {"*": "int4/uint4", workload.layers[0]: "int3/uint8>uint6"}
    assert estimate(workload, given, BOARD).precisions[0].output.name == "uint6"
    everywhere = estimate(workload, "int4/uint4>uint7", BOARD).precisions
    assert [used.output.name for used, op in zip(everywhere, workload.ops, strict=True) if op.weight_elements] == [
        "uint7"
    ] * 2
    assert carried(workload, everywhere)[0].output.name == "uint4"
