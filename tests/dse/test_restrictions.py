"""Pins, allow-lists, automatic ties, conversions along the network's graph, sparse options."""

import itertools

import numpy as np
import pytest

import costmodel as cm
import dse
from dse import neighbours
from dse.metric import loss, weight_bytes


@pytest.fixture(scope="module")
def problem():
    return dse.choices(cm.zoo.build("resnet18"), ["int4", "int8", "int8@2:4"]).on(cm.gpu("h100_sxm"))


@pytest.fixture(scope="module")
def decoder():
    return cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=64)


def test_pins_and_allow_lists_hold(problem):
    plan = dse.minimize(
        loss, over=problem, pins={"conv1": "int4"}, allow={"layer1.*": ["int4", "int8@2:4"]}, subject_to=[]
    )
    assert plan.assignment["conv1"] == "int4/bf16"
    assert {plan.assignment[n] for n in problem.layers if n.startswith("layer1.")} <= {"int4/bf16", "int8/bf16@2:4"}
    assert plan.assignment["fc"] == "int8/bf16"
    assert plan.proven


def test_a_pin_may_be_spelled_in_any_way_that_means_one_format(problem):
    pairs = dse.choices(problem.workload, ["int4/bf16", "int4/int8", "int8/int8", "bf16/bf16"]).on(cm.gpu("h100_sxm"))
    plan = dse.minimize(loss, over=pairs, pins={"conv1": "bf16", "fc": "int8"}, subject_to=[])
    assert (plan.assignment["conv1"], plan.assignment["fc"]) == ("bf16/bf16", "int8/int8")
    with pytest.raises(ValueError, match="int4 is not among the formats of a layer: "):
        dse.minimize(loss, over=pairs, pins={"conv1": "int4"}, subject_to=[])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"allow": {"conv1": []}}, "no format is left to conv1: it is allowed no format"),
        ({"pins": {"conv1": "int4", "conv*": "int8"}}, "no format is left to conv1: it is pinned to int4 and pinned"),
        ({"pins": {"conv1": "int4"}, "allow": {"conv1": ["int8"]}}, "pinned to int4 and allowed int8"),
        ({"pins": {"conv9": "int4"}}, "no layer matches 'conv9'; did you mean conv1"),
        ({"pins": {"conv1": "int5"}}, "int5 is not among the formats of a layer: "),
        (
            {"pins": {"conv1": "int4", "fc": "int8"}, "ties": [["conv1", "fc"]]},
            "tied layers share no format: conv1, fc",
        ),
        ({"ties": "fussed"}, "did you mean fused"),
    ],
)
def test_contradictions_are_one_line(problem, extra, message):
    with pytest.raises(ValueError, match=message) as caught:
        dse.minimize(loss, over=problem, **extra)
    assert "\n" not in str(caught.value)


def test_fused_ties_are_the_products_that_servers_fuse(decoder):
    found = neighbours.fused(decoder)
    first = [tuple(name.rsplit(".", 1)[1] for name in group) for group in found[:2]]
    assert first == [("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")]
    assert len(found) == 64


def test_residual_ties_are_layers_whose_outputs_meet():
    assert neighbours.residual(cm.zoo.build("resnet18")) == [
        ("layer1.0.conv2", "conv1"),
        *((f"layer{i}.0.conv2", f"layer{i}.0.downsample.0") for i in (2, 3, 4)),
    ]


def test_automatic_ties_hold_in_the_plan(decoder):
    problem = dse.choices(decoder, ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    limit = problem.costs["weight_bytes"].mean(axis=1).sum()
    plan = dse.minimize(loss, over=problem, ties="fused", subject_to=[weight_bytes <= limit])
    assert plan.proven
    for group in neighbours.fused(decoder):
        assert len({plan.assignment[layer] for layer in group}) == 1


def test_conversions_follow_the_graph(problem):
    small = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    edges = neighbours.edges(small)
    name = small.layers.index
    assert (name("layer2.0.conv2"), name("layer2.0.downsample.0")) in edges
    assert (name("layer1.1.conv2"), name("layer2.0.downsample.0")) in edges
    assert (name("layer2.0.conv2"), name("layer2.0.conv2")) not in edges
    limit = small.costs["weight_bytes"].mean(axis=1).sum()
    plan = dse.minimize(loss, over=small, conversion=1e-3, subject_to=[weight_bytes <= limit])
    free = dse.minimize(loss, over=small, subject_to=[weight_bytes <= limit])

    def converted(choice):
        return sum(choice[a] != choice[b] for a, b in edges)

    assert plan.proven
    assert converted(plan.choice) < converted(free.choice)
    assert plan.objective == pytest.approx(small.total_loss(plan.choice) + 1e-3 * converted(plan.choice), rel=1e-12)
    assert plan.objective <= small.total_loss(free.choice) + 1e-3 * converted(free.choice)


def test_sparse_options_cost_what_their_estimate_says(problem):
    assert problem.names == ("int4/bf16", "int8/bf16", "int8/bf16@2:4")
    first = problem.layers.index("conv1")
    assert np.isinf(problem.loss[first, 2])  # 3 x 7 x 7 inputs are no multiple of 4
    rest = np.arange(len(problem.layers)) != first
    assert (problem.loss[rest, 2] > problem.loss[rest, 1]).all()
    choice = problem.uniform(2)
    choice[first] = 1
    totals = problem.estimate(choice).totals
    rows = np.arange(len(choice))
    for name, table in problem.costs.items():
        if name in totals and name != "cycles":
            assert table[rows, choice].sum() == pytest.approx(totals[name], rel=1e-12), name
    with pytest.raises(ValueError, match="spelled like int8@2:4"):
        dse.choices(problem.workload, ["int8@2"]).on(cm.gpu("h100_sxm"))


def test_a_sparse_problem_equals_brute_force(problem):
    few = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8", "int8@2:4"]).on(cm.gpu("h100_sxm"))
    pins = dict.fromkeys(few.layers[5:], "int8")
    size = few.costs["weight_bytes"]
    limit = size[:, 1].sum() - 0.4 * (size[:5, 1] - size[:5, 0]).sum()
    plan = dse.minimize(loss, over=few, pins=pins, subject_to=[weight_bytes <= limit])
    best = np.inf
    for head in itertools.product(range(3), repeat=5):
        choice = np.array([*head, *[1] * (len(few.layers) - 5)])
        if size[np.arange(len(choice)), choice].sum() <= limit:
            best = min(best, few.total_loss(choice))
    assert plan.objective == pytest.approx(best, rel=1e-12)
