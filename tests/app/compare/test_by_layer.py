"""A precision a layer goes into a text and comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from app.compare import by_layer

KINDS = st.sampled_from(["int8/int8", "int4/bf16", "int8/int8@2:4", "fp8_e4m3/bf16/fp8_e4m3"])


@given(st.lists(KINDS, min_size=1, max_size=60))
def test_texts_come_back(layers):
    assert by_layer.unpack(by_layer.pack(layers)) == tuple(layers)


def test_a_plan_prunes_and_names_every_layer():
    network = cm.zoo.build("resnet18")
    text = by_layer.pack(["int8/int8"] * (len(network.layers) - 1) + ["int4/bf16@2:4"])
    pruned, chosen = by_layer.applied(text, network)
    assert list(chosen) == list(network.layers)
    assert chosen["fc"] == "int4/bf16"
    assert pruned.op("fc").weight_density == pytest.approx(0.5)
    assert pruned.op("conv1") == network.op("conv1")
    assert by_layer.summary(by_layer.unpack(text)) == f"{len(network.layers) - 1} × int8/int8 + 1 × int4/bf16@2:4"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "layers must be like"),
        ("int8/int8:", "layers must be like"),
        ("int8/int8:b3", "one of the 1 precisions, got b3"),
        ("zz/int8:a3", "unknown format 'zz'"),
        ("int8/int8:a99999", "got a99999"),
    ],
)
def test_what_is_none(text, told):
    with pytest.raises(ValueError, match=told):
        by_layer.unpack(text)


def test_a_plan_of_another_network_is_refused():
    with pytest.raises(ValueError, match=r"the plan has 3 layers, resnet18 has 21"):
        by_layer.applied("int8/int8:a3", cm.zoo.build("resnet18"))
