"""hls4ml builds its model with the types that our file gives, which hold what calibration saw."""

import math

import numpy as np
import pytest
import torch
import yaml
from export_plans import plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import Tool
from torch import nn

from app import exports
from app.exports.hls4ml import fixed_point
from costmodel.formats import get

converters = Tool("hls4ml.converters")


class Network(nn.Module):
    """A convolution with a norm, another, and a linear layer after a flatten."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(4 * 16, 3)

    def forward(self, x):
        return self.head(self.body(torch.relu(self.norm(self.stem(x)))))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    module = Network().eval()
    module.norm.running_mean.normal_()
    return module, torch.randn(32, 1, 4, 4)


def config(network, assignment):
    module, x = network
    return yaml.safe_load(exports.render("hls4ml", plan(assignment), model=module, data=(x, x)))


NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
WIDTHS = st.integers(2, 16)
ASSIGNMENT = {"stem": "int4/int8", "body.0": "int6/int5", "head": "int3/int4"}


def test_hls4ml_takes_every_type(network, tmp_path):
    found = config(network, ASSIGNMENT)
    model = converters.convert_from_pytorch_model(
        network[0], hls_config=found, output_dir=str(tmp_path), backend="Vitis", io_type="io_parallel"
    )
    types = {layer.name: layer.attributes for layer in model.get_layers()}
    assert set(types) == set(found["LayerName"])
    for name, layer in found["LayerName"].items():
        for key, text in layer["Precision"].items():
            kept = types[name].get(f"{key}_t")
            if text != "auto" and kept is not None and str(kept.precision) != "uint<1>":
                assert str(kept.precision) == text.replace("ap_", "").replace("AP_", "").replace(">", ",0>"), (
                    name,
                    key,
                )


def test_widths_are_the_plans(network):
    found = {name: layer["Precision"] for name, layer in config(network, ASSIGNMENT)["LayerName"].items()}
    assert [bits(found[name]["weight"]) for name in ("stem", "body_0", "head")] == [4, 6, 3]
    assert [bits(found[name]["result"]) for name in ("x", "relu", "body_1", "body_2")] == [8, 5, 4, 4]
    assert found["x"]["result"].startswith("ap_fixed")
    assert found["relu"]["result"].startswith("ap_ufixed")
    assert bits(found["norm"]["scale"]) == bits(found["stem"]["result"]) == 16


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({name: st.tuples(WIDTHS, WIDTHS) for name in ASSIGNMENT}))
def test_every_assignment_reads_back(network, widths):
    assignment = {name: f"int{weight}/int{activation}" for name, (weight, activation) in widths.items()}
    found = {name: layer["Precision"] for name, layer in config(network, assignment)["LayerName"].items()}
    nodes = {"stem": ("stem", "x"), "body.0": ("body_0", "relu"), "head": ("head", "body_2")}
    read = {name: (bits(found[own]["weight"]), bits(found[input_]["result"])) for name, (own, input_) in nodes.items()}
    assert read == widths


@pytest.mark.long
def test_the_compiled_model_computes_what_torch_does(network, tmp_path):
    module, x = network
    found = config(network, dict.fromkeys(ASSIGNMENT, "int8/int8"))
    model = converters.convert_from_pytorch_model(
        module, hls_config=found, output_dir=str(tmp_path), backend="Vitis", io_type="io_parallel"
    )
    model.compile()
    got = model.predict(np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy()))
    expected = module(x).detach().numpy()
    assert np.abs(got - expected).max() < 0.05 * np.abs(expected).max()


def bits(text):
    return int(text.partition("<")[2].partition(",")[0])


@given(st.integers(2, 16), NUMBERS, NUMBERS)
def test_a_type_is_the_narrowest_that_holds_the_range(width, one, other):
    low, high = sorted((one, other))
    text = fixed_point(get(f"int{width}"), low, high)
    kind, _, rest = text.partition("<")
    width_read, integer = (int(part) for part in rest.split(",")[:2])
    assert width_read == width
    assert kind == ("ap_fixed" if low < 0 else "ap_ufixed")
    largest = (2 ** (width - (low < 0)) - 1) * math.ldexp(1.0, integer - width)
    top = max(abs(low), abs(high))
    assert top <= largest * (1 + 1e-15)
    assert top == 0 or top > largest / 2


@pytest.mark.parametrize(
    ("pair", "reason"), [("fp8_e4m3/int8", "no fp8_e4m3 weight there"), ("int8/bf16", "no bf16 activation there")]
)
def test_what_it_lacks_names_the_layer_and_its_format(network, pair, reason):
    with pytest.raises(ValueError, match=f"hls4ml cannot express layer 'stem' in {pair}: ") as raised:
        config(network, {"stem": pair})
    assert reason in str(raised.value)


def test_one_tensor_has_one_type():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.a(x) + self.b(x)

    given = Two(), torch.randn(8, 4)
    with pytest.raises(ValueError, match="layer 'b' in int4/int8: it reads the same tensor as 'a', in int4/int4"):
        config(given, {"a": "int4/int4", "b": "int4/int8"})
    assert config(given, {"a": "int4/int4", "b": "int8/int4"})


def test_a_layer_that_hls4ml_has_not_is_named():
    module = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4))
    with pytest.raises(ValueError, match="hls4ml cannot express layer '0': it has no grouped"):
        config((module, torch.randn(4, 4, 5, 5)), {"0": "int4/int4"})
