"""ModelOpt loads our file with its own loader and puts quantisers as it says into a real module."""

import warnings

import pytest
import torch
from export_plans import assignments, network, plan
from hypothesis import given, settings
from oracles import Tool
from torch import nn

from app import exports
from costmodel import precision
from dse.sensitivity import apply, observe

mtq, loader = Tool("modelopt.torch.quantization"), Tool("modelopt.torch.opt.config_loader")
PAIRS = {
    "bf16/bf16", "int2/bf16", "int4/bf16", "int8/bf16", "int4_g32/bf16", "int8/int8", "int4/int8", "bf16/int8",
    "fp8_e4m3/bf16", "fp8_e4m3/fp8_e4m3", "mxfp4/bf16", "mxfp8_e4m3/mxfp8_e4m3", "mxfp6_e3m2/mxfp6_e3m2", "mxfp4/mxfp4",
    "mxint8/mxint8", "nvfp4/nvfp4", "nvfp4/bf16", "int4_g64/fp8_e4m3",
}  # fmt: skip
FLOATS = {(4, 3): "fp8_e4m3", (3, 2): "fp6_e3m2", (2, 1): "fp4"}


def loaded(tmp_path, assignment, **more):
    return loader.load_config(exports.write("modelopt", plan(assignment, **more), tmp_path / "quant.yaml"))


def named(quantizer):
    """The format of a quantiser of a module, from its own attributes."""
    if not quantizer.is_enabled:
        return "bf16"
    blocks = quantizer.block_sizes or {}
    element = FLOATS.get(quantizer.num_bits) or f"int{quantizer.num_bits}"
    if blocks.get("scale_bits") == (4, 3):
        assert (element, blocks[-1]) == ("fp4", 16)
        return "nvfp4"
    if blocks.get("scale_bits") == (8, 0):
        assert blocks[-1] == 32
        return f"mx{element}"
    return element + (f"_g{blocks[-1]}" if blocks else "")


def pairs(module, names):
    parts = {name: module.get_submodule(name) for name in names}
    return {name: f"{named(part.weight_quantizer)}/{named(part.input_quantizer)}" for name, part in parts.items()}


@settings(max_examples=40)
@given(assignments(PAIRS))
def test_quantisers_are_set_where_the_plan_says(tmp_path_factory, assignment):
    config = mtq.config.QuantizeConfig(**loaded(tmp_path_factory.mktemp("modelopt"), assignment))
    module = network(assignment, lambda: nn.Linear(4, 4))
    mtq.conversion.replace_quant_module(module)
    mtq.conversion.set_quantizer_by_cfg(module, config["quant_cfg"])
    expected = assignment | {"other": "bf16/bf16"}
    assert pairs(module, expected) == expected


def test_quantize_rounds_as_the_plan_was_measured(tmp_path):
    """Calibrated on the same input: the same weights and inputs, to a rounding of float32, as our own round trip."""
    layers = {"a": "int4/fp32", "b": "int8/int8", "c.d": "int3/int4", "e": "fp32/fp32"}
    module, x = network(layers, lambda: nn.Linear(64, 32)), torch.randn(16, 64)
    outputs = {name: fake_quantized(module.get_submodule(name), pair, x) for name, pair in layers.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mtq.quantize(module, loaded(tmp_path, layers), lambda m: [m.get_submodule(name)(x) for name in layers])
    for name, expected in outputs.items():
        torch.testing.assert_close(module.get_submodule(name)(x), expected, rtol=1e-4, atol=1e-4)


def test_inputs_without_negative_values_are_unsigned(tmp_path):
    module, x = network(["a"], lambda: nn.Linear(64, 32)), torch.rand(16, 64)
    expected = fake_quantized(module.get_submodule("a"), "int4/int4", x)
    config = loaded(tmp_path, {"a": "int4/int4"}, layers=[{"name": "a", "input_low": 0.0, "input_high": 1.0}])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mtq.quantize(module, config, lambda m: m.get_submodule("a")(x))
    assert module.get_submodule("a").input_quantizer.unsigned
    torch.testing.assert_close(module.get_submodule("a")(x), expected, rtol=1e-4, atol=1e-4)


def fake_quantized(part, pair, x):
    alone = nn.Sequential(part)
    return apply(alone, {"0": precision(pair)}, observe(alone, ["0"], x))(x).detach()


@pytest.mark.parametrize(
    ("given_pair", "row", "reason"),
    [
        ("fp6_e2m3/bf16", {}, "no fp6_e2m3 weight there"),
        ("int8/nf4", {}, "no nf4 activation there"),
        ("uint4/bf16", {}, "no uint4 weight there"),
        ("mxfp4/bf16", {"kind": "conv", "k": 96, "n": 8}, "not channels in a conv"),
        ("int8/int8", {"kind": "embedding"}, "for linear and conv layers, and it is embedding"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(given_pair, row, reason):
    with pytest.raises(ValueError, match=f"ModelOpt cannot express layer 'x' in {given_pair}: ") as raised:
        exports.render("modelopt", plan({"x": given_pair}, layers=[{"name": "x", **row}]))
    assert reason in str(raised.value)


def test_nothing_is_calibrated_where_no_scale_is_fixed():
    assert "algorithm: null" in exports.render("modelopt", plan({"x": "mxfp4/mxfp4"}))
    assert 'algorithm: "max"' in exports.render("modelopt", plan({"x": "int8/bf16"}))
