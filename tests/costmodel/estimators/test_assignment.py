"""Which op runs at which precision."""

import pytest
from estimator_strategies import networks, precisions
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.catalog import UnknownNameError, UnmatchedError
from costmodel.estimators.assignment import per_op
from costmodel.precision import W8A8, W16A16, precision
from costmodel.workload import Workload
from costmodel.workload.ops import activation, embedding, linear, softmax

NET = Workload(
    "net",
    (
        softmax("before", 4),
        linear("conv1", 1, 4, 4),
        activation("relu1", 4, function="relu"),
        linear("conv2", 1, 4, 4),
        activation("relu2", 4, function="relu"),
    ),
)


@pytest.mark.parametrize("spelling", ["w8a8", W8A8])
def test_one_precision_serves_all(spelling):
    assert per_op(NET, spelling) == (W8A8,) * 5


def test_ops_without_weights_follow_the_layer_before_them():
    assert per_op(NET, {"conv1": "w8a8", "conv2": W16A16}) == (W8A8, W8A8, W8A8, W16A16, W16A16)


def test_a_table_without_weights_has_the_precision_of_the_head_that_stores_them_and_leads_no_other():
    net = Workload("tied", (embedding("table", 6, 100, 8, shares="head"), *NET.ops, linear("head", 6, 8, 100)))
    found = per_op(net, {"*": "w8a8", "head": "w16a16"})
    assert found == (W16A16, *(W8A8,) * 5, W16A16)
    assert per_op(net, {"*": "w8a8", "head": "w16a16", "table": "w4a16"})[0] == precision("w4a16")


def test_a_star_serves_the_layers_that_are_not_named():
    assert per_op(NET, {"*": "w16a16", "conv1": "w8a8"}) == (W8A8, W8A8, W8A8, W16A16, W16A16)
    assert per_op(NET, {"*": "w16a16", "conv2": "w8a8"}) == (W16A16, W16A16, W16A16, W8A8, W8A8)
    assert per_op(NET, {"*": "w8a8"}) == per_op(NET, "w8a8")


def test_an_op_without_weights_may_be_named_and_leads_no_other():
    found = per_op(NET, {"*": "w8a8", "relu1": "w16a16", "before": "w16a16"})
    assert found == (W16A16, W8A8, W16A16, W8A8, W8A8)


def test_what_a_layer_writes_is_what_the_ops_behind_it_read():
    found = per_op(NET, {"*": "bf16", "conv1": "int8/uint8>bf16"})
    assert [used.name for used in found] == ["int8/uint8", "int8/uint8>bf16", "int8/bf16", "bf16/bf16", "bf16/bf16"]
    assert {used.written.name for used in found[1:]} == {"bf16"}
    assert (found[1].math_pipe, found[2].math_pipe) == ("int8", "bf16")
    assert found[1].vector_bits == found[2].vector_bits == 16, "biases and scales are as wide as the floats"
    assert per_op(NET, "int8/uint8>bf16")[1:] == per_op(NET, {"conv*": "int8/uint8>bf16"})[1:]


def test_what_a_layer_writes_is_moved_and_kept_so():
    """By hand: 16 weights, 4 inputs, 4 results and 4 biases of a layer, 4 of a ReLU each way, at 1 byte or 2."""
    found = cm.estimate(NET, {"*": "int8/uint8>bf16"}, cm.gpu("h100_sxm"))
    assert found.columns["bytes_moved"].tolist() == [8, 36, 16, 36, 16]
    assert found.totals["peak_activation_bytes"] == 2 * 4 + 2 * 4


def test_a_layer_without_precision_is_named():
    with pytest.raises(ValueError, match=r"""no precision for layer 'conv2', and no "\*" for the rest"""):
        per_op(NET, {"conv1": "w8a8"})


def test_a_network_without_layers_needs_a_star_or_names():
    bare = Workload("bare", (softmax("softmax", 4), activation("relu", 4, function="relu")))
    assert per_op(bare, {"*": "w8a8"}) == (W8A8, W8A8)
    assert per_op(bare, {"softmax": "w8a8", "relu": "w16a16"}) == (W8A8, W16A16)
    for assignment in ({}, {"softmax": "w8a8"}):
        with pytest.raises(ValueError, match="no precision for layer"):
            per_op(bare, assignment)


def test_a_name_of_no_op_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match="unknown layer 'conv3'; did you mean conv"):
        per_op(NET, {"*": "w8a8", "conv3": "w16a16"})


def test_a_wrong_spelling_is_refused():
    with pytest.raises(ValueError, match="w7x9"):
        per_op(NET, {"*": "w7x9"})


@given(networks(), st.data())
def test_naming_every_op_needs_no_rule(workload, data):
    chosen = {op.name: data.draw(precisions()) for op in workload.ops}
    assert per_op(workload, chosen) == tuple(chosen.values())


@given(networks(), precisions(), st.data())
def test_layers_keep_what_they_were_given(workload, default, data):
    named = {name: data.draw(precisions()) for name in workload.layers if data.draw(st.booleans())}
    found = per_op(workload, {"*": default, **named})
    for op, used in zip(workload.ops, found, strict=True):
        if op.weight_elements:
            assert used == named.get(op.name, default)
    assert precision("w8a8") == W8A8


def test_a_glob_stands_for_the_layers_that_it_matches_and_the_last_counts():
    net = cm.zoo.build("resnet18")
    found = cm.estimate(net, {"*": "bf16", "layer1.*": "w8a8", "layer1.0.conv1": "w4a16"}, cm.gpu("h100_sxm"))
    used = dict(zip((op.name for op in net.ops), (p.weight.name for p in found.precisions), strict=True))
    assert (used["conv1"], used["layer1.0.conv1"], used["layer1.0.conv2"]) == ("bf16", "int4", "int8")
    with pytest.raises(UnmatchedError, match=r"no layer matches 'layr\*'; did you mean"):
        cm.estimate(net, {"*": "bf16", "layr*": "w8a8"}, cm.gpu("h100_sxm"))


@pytest.mark.parametrize(
    ("workload", "device", "told"),
    [
        (
            cm.zoo.llama("3.2-1b"),
            cm.gpu("h100_sxm"),
            r"cm.decode\(model\) or cm.prefill\(model\) gives, got a LanguageM",
        ),
        (cm.zoo.build("resnet18"), "h100_sxm", r"cm.device\('a100_sxm'\) gives, got 'h100_sxm'"),
        ("resnet18", cm.gpu("h100_sxm"), r"cm.zoo.build\(name\) gives, got a str"),
    ],
)
def test_estimate_says_what_makes_its_arguments(workload, device, told):
    with pytest.raises(TypeError, match=told):
        cm.estimate(workload, "bf16", device)
