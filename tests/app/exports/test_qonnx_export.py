"""qonnx executes our file to what our quantised forward computes, and our importer reads the plan's formats back."""

import functools

import numpy as np
import onnx
import pytest
import torch
from export_plans import plan
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import Tool
from torch import nn

from app import exports
from costmodel import precision
from costmodel.importers import onnx_graph
from dse.sensitivity import apply, observe

wrapper, cleanup, executor = (Tool(f"qonnx.{name}") for name in ("core.modelwrapper", "util.cleanup", "core.onnx_exec"))
LAYERS = ("stem", "block.depthwise", "fc.0", "fc.2")
PAIRS = {
    "fp32/fp32", "int2/int4", "int4/int8", "int8/int8", "binary/int3", "ternary/int6", "e3m2/e2m3", "fp8_e4m3/fp8_e5m2",
    "int4/fp32", "fp32/int5", "int8/uint8",
}  # fmt: skip

MIXED = {"stem": "int4/int8", "block.depthwise": "binary/int4", "fc.0": "e3m2/e4m3", "fc.2": "ternary/int6"}


class Network(nn.Module):
    """A convolution with a norm, a depthwise one, a shortcut and two linear layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.block = nn.ModuleDict({"depthwise": nn.Conv2d(8, 8, 3, padding=1, groups=8)})
        self.fc = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3, bias=False))

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        return self.fc((x + self.block.depthwise(x)).mean((2, 3)))


@functools.cache
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Network().eval()
        module.norm.running_mean.normal_()
        module.norm.weight.data.normal_(1.0, 0.2)
        return module, torch.randn(16, 2, 6, 6)


def written(assignment):
    return onnx.load_model_from_string(_content(tuple(assignment.items())))


@functools.cache
def _content(layers):
    module, x = network()
    return exports.render("qonnx", plan(dict(layers)), model=module, data=(x, x))


def executed(model, x):
    model = cleanup.cleanup_model(wrapper.ModelWrapper(model))
    name, result = model.graph.input[0].name, model.graph.output[0].name
    return np.concatenate([executor.execute_onnx(model, {name: one[None].numpy()})[result] for one in x])


@pytest.mark.long
@settings(max_examples=3)
@example(MIXED)
@given(st.fixed_dictionaries({layer: st.sampled_from(sorted(PAIRS)) for layer in LAYERS}))
def test_qonnx_computes_what_our_quantised_forward_does(assignment):
    require_equal(assignment, *network(), written(assignment))


def require_equal(assignment, module, x, model):
    ours = apply(module, {n: precision(p) for n, p in assignment.items()}, observe(module, LAYERS, x))
    with torch.no_grad():
        expected = ours(x[:4]).numpy()
    np.testing.assert_allclose(executed(model, x[:4]), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_pixels_halfway_between_codes_are_rounded_to_the_same_side():
    assignment = {"stem": "int8/int8"}
    module, x = network()[0], (torch.arange(16 * 2 * 6 * 6) % 5 % 3).reshape(16, 2, 6, 6) / 2
    text = exports.render("qonnx", plan(assignment), model=module, data=(x, x))
    require_equal(assignment, module, x, onnx.load_model_from_string(text))


def test_our_importer_reads_back_the_formats(tmp_path):
    onnx.save(written(MIXED), tmp_path / "q.onnx")
    workload = onnx_graph.read(tmp_path / "q.onnx")
    stated = dict(workload.stated)
    unsigned = {"block.depthwise": "binary/uint4", "fc.2": "ternary/uint6"}
    assert {name: stated[name] for name in workload.layers} == MIXED | unsigned


def test_layers_that_read_one_tensor_share_a_quantiser():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.a(x) + self.b(x)

    x = torch.randn(8, 4)
    text = exports.render("qonnx", plan({"a": "int4/int8", "b": "int8/int8"}), model=Two(), data=(x, x))
    kinds = [node.op_type for node in onnx.load_model_from_string(text).graph.node]
    assert kinds.count("Quant") == 3


def test_every_tensor_has_its_shape_so_that_the_file_runs_as_it_is():
    model = written(MIXED)
    known = {v.name for v in [*model.graph.value_info, *model.graph.output]}
    assert {output for node in model.graph.node for output in node.output} <= known
    x = network()[1][:1].numpy()
    executor.execute_onnx(wrapper.ModelWrapper(model), {model.graph.input[0].name: x})


def test_metadata_says_which_schema_it_follows():
    found = {p.key: p.value for p in written(MIXED).metadata_props}
    assert found["schema"] == "qonnx 1.0.0"


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("int4_g128/int8", "no int4_g128 weight there, but one scale a channel or a tensor"),
        ("int4/mxfp8", "no mxfp8_e4m3 activation there"),
        ("int4/binary", "no binary activation there, but integers and minifloats"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(pair, reason):
    with pytest.raises(ValueError, match=f"QONNX cannot express layer 'stem' in {pair}: ") as raised:
        written({"stem": pair})
    assert reason in str(raised.value)


def test_it_needs_a_torch_model_with_data():
    module, x = network()
    with pytest.raises(
        ValueError, match=r"QONNX needs a torch model, spelled torch:module:callable, .* got zoo:resnet18"
    ):
        exports.render("qonnx", plan({"stem": "int4/int8"}) | {"model": "zoo:resnet18"})
    with pytest.raises(ValueError, match="QONNX needs calibration data"):
        exports.render("qonnx", plan({"stem": "int4/int8"}), model=module)
    with pytest.raises(ValueError, match="unknown layer 'steam'; did you mean stem"):
        exports.render("qonnx", plan({"steam": "int4/int8"}), model=module, data=(x, x))
