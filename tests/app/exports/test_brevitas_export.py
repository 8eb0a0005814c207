"""Brevitas builds its layers from our arguments, and their weights round as ours do."""

import importlib
import json

import pytest
import torch
from export_plans import assignments, plan
from hypothesis import given
from oracles import Tool
from torch import nn

from app import exports
from costmodel import precision
from dse.sensitivity.round_trip import round_weight

qnn = Tool("brevitas.nn")
PAIRS = {
    "fp32/fp32", "int2/int2", "int4/int8", "int8/int8", "int3/fp32", "fp8_e4m3/fp8_e5m2", "fp8_e5m2/fp8_e4m3",
    "fp6_e3m2/fp4_e2m1", "e2m1/e2m3", "mxfp4/mxfp4", "mxfp8_e4m3/mxfp6_e3m2",
}  # fmt: skip


def layers(assignment, **more):
    return json.loads(exports.render("brevitas", plan(assignment, **more)))["layers"]


def imported(arguments):
    def found(value):
        module, _, name = str(value).rpartition(".")
        return getattr(importlib.import_module(module), name) if module else value

    return {key: found(value) for key, value in arguments.items()}


def read(module, file):
    """Quantise a module as the docstring says."""
    config, _ = Tool("brevitas").config, Tool("brevitas.graph.base").ModuleToModuleByInstance
    lines = exports.brevitas.__doc__.splitlines()
    code = "\n".join(line[4:] for line in lines if line.startswith("    ") or not line)
    before = config.IGNORE_MISSING_KEYS
    try:
        exec(code, {"module": module, "file": file})
    finally:
        config.IGNORE_MISSING_KEYS = before


def quantised(pair):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = nn.Linear(64, 8, bias=False)
    built = qnn.QuantLinear(64, 8, bias=False, **imported(layers({"x": pair})["x"]))
    built.weight.data = plain.weight.data.clone()
    return plain, built


@pytest.mark.parametrize("pair", sorted(PAIRS))
def test_weights_round_as_ours(pair):
    plain, built = quantised(pair)
    ours = round_weight(plain, precision(pair).weight)
    theirs = built.quant_weight()
    torch.testing.assert_close(getattr(theirs, "value", theirs).reshape(ours.shape), ours, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("pair", sorted(PAIRS))
def test_inputs_have_the_plans_format(pair):
    _, built = quantised(pair)
    fmt = precision(pair).activation
    assert built.input_quant.is_quant_enabled == (fmt.name != "fp32")
    if fmt.name != "fp32":
        injector = built.input_quant.quant_injector
        assert injector.bit_width == fmt.bits
        if fmt.is_float:
            assert (injector.exponent_bit_width, injector.mantissa_bit_width) == (fmt.exponent_bits, fmt.mantissa_bits)
        if fmt.scale:
            assert injector.group_size == fmt.group_size


def test_the_documented_way_quantises_a_trained_network(tmp_path):
    calibration_mode = Tool("brevitas.graph.calibrate").calibration_mode
    pairs = ["int4/int8", "fp8_e4m3/fp8_e5m2", "fp32/fp32", "mxfp4/mxfp4", "int8/fp32", "int8/int8"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make = [nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 64)]
        module = nn.Sequential(*make, nn.Linear(64, 64, bias=False), nn.Linear(64, 32), nn.Linear(32, 7))
        inputs = torch.randn(16, 3, 8, 8)
    weights = {name: each.detach().clone() for name, each in module.named_parameters()}
    before, names = module(inputs), ["0", "1", "4", "5", "6", "7"]
    file = tmp_path / "brevitas.json"
    exports.write("brevitas", plan(dict(zip(names, pairs, strict=True))), file)
    read(module, file)
    assert type(module[4]) is nn.Linear
    assert {type(module[int(name)]).__name__ for name in names} == {"QuantConv2d", "QuantLinear", "Linear"}
    assert all(torch.equal(module.get_parameter(name), weight) for name, weight in weights.items())
    with torch.no_grad(), calibration_mode(module.eval()):
        module(inputs)
    error = (module(inputs) - before).norm() / before.norm()
    assert 1e-4 < error < 0.5


def test_inputs_without_negative_values_are_unsigned():
    def found(low):
        return layers({"x": "int4/int6"}, layers=[{"name": "x", "input_low": low}])["x"]["input_quant"]

    assert found(0.0) == "brevitas.quant.Uint8ActPerTensorFloat"
    assert found(-0.1) == "brevitas.quant.Int8ActPerTensorFloat"


@given(assignments(PAIRS))
def test_every_layer_has_its_arguments(assignment):
    found = layers(assignment)
    assert list(found) == list(assignment)
    assert all(found[name] == layers({"x": pair})["x"] for name, pair in assignment.items())


@pytest.mark.parametrize(
    ("pair", "row", "reason"),
    [
        ("e4m3/int8", {}, "no e4m3 weight there"),
        ("int4_g32/int8", {}, "no int4_g32 weight there"),
        ("int8/nvfp4", {}, "no nvfp4 activation there"),
        ("mxint8/int8", {}, "no mxint8 weight there"),
        ("int8/int8", {"kind": "embedding"}, "for linear and conv layers, and it is embedding"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(pair, row, reason):
    with pytest.raises(ValueError, match=f"Brevitas cannot express layer 'x' in {pair}: ") as raised:
        layers({"x": pair}, layers=[{"name": "x", **row}])
    assert reason in str(raised.value)
