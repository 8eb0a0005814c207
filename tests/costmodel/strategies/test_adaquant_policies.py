"""AdaQuant's published policies keep their thresholds, and its program is a budget on bytes."""

import numpy as np
import pytest

from costmodel import zoo
from costmodel.strategies._mixed import bops
from costmodel.strategies.adaquant import INT4, budget_bops, budget_bytes, fraction, policy
from costmodel.strategies.hawq import by_name
from dse.allocate import solve

RESNET18 = zoo.build("resnet18")


RESNETS = [key for key in INT4 if key[0].startswith("resnet")]


@pytest.mark.parametrize(("model", "threshold"), RESNETS)
def test_a_policy_is_within_its_threshold(model, threshold):
    assert fraction(zoo.build(model), policy(model, threshold)) <= threshold


def test_a_lower_threshold_never_stores_more():
    for model in ("resnet18", "resnet50"):
        found = [fraction(zoo.build(model), policy(model, t)) for m, t in sorted(INT4) if m == model]
        assert found == sorted(found)


@pytest.mark.parametrize("threshold", [0.13, 0.17, 0.24])
def test_a_plan_within_the_budget_is_within_the_threshold(threshold):
    layers = [op for op in RESNET18.ops if op.weight_elements]
    params = np.array([op.weight_elements for op in layers])
    loss = np.column_stack([np.sqrt(params), np.zeros(len(params))])
    plan = solve(loss, {"bytes": np.outer(params, [0.5, 1.0])}, {"bytes": budget_bytes(RESNET18, threshold)})
    bits = {op.name: (4, 8)[choice] for op, choice in zip(layers, plan.choice, strict=True)}
    assert 0.95 * threshold < fraction(RESNET18, bits) <= threshold


def test_a_plan_over_macs_keeps_its_budget():
    layers = [op for op in RESNET18.ops if op.weight_elements]
    macs = np.array([op.macs for op in layers])
    loss = np.column_stack([np.sqrt(macs), np.zeros(len(macs))])
    plan = solve(loss, {"bops": np.outer(macs, [16, 64])}, {"bops": budget_bops(RESNET18, 0.17)})
    bits = {op.name: (4, 8)[choice] for op, choice in zip(layers, plan.choice, strict=True)}
    spent = bops(RESNET18, bits, 8)
    assert 0.95 * 0.17 * 4 < spent / bops(RESNET18, {}, 8) <= 0.17 * 4


def test_bad_input_is_one_line():
    with pytest.raises(ValueError, match=r"within 0.125..0.25, got 0.5"):
        budget_bytes(RESNET18, 0.5)
    with pytest.raises(ValueError, match=r"no policy of resnet18 at 0.5"):
        policy("resnet18", 0.5)
    with pytest.raises(ValueError, match="resnet18 has 19 layers between its ends, got 2 bits"):
        by_name(RESNET18, "84")
