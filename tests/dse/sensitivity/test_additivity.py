"""How additive losses are: correlations against scipy, predictions against the table."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

import costmodel as cm
import dse
from costmodel.precision import precision
from dse.choices import ASSIGNMENTS
from dse.sensitivity import apply, mean_loss, measure
from dse.sensitivity.additivity import Additivity, random_assignments

VALUES = st.lists(st.integers(0, 6), min_size=3, max_size=30)


@given(VALUES, st.randoms())
def test_correlations_equal_scipys(values, random):
    predicted = np.array(values, dtype=float)
    measured = np.array(random.sample(values, len(values)), dtype=float)
    found = Additivity(predicted, measured)
    if len(set(values)) == 1:
        assert math.isnan(found.spearman)
        assert math.isnan(found.kendall)
        assert found.warning
        return
    assert found.spearman == pytest.approx(stats.spearmanr(predicted, measured).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(predicted, measured).statistic)


def test_perfect_order_needs_no_warning_and_infinite_losses_rank_last():
    found = Additivity(np.array([1.0, 2.0, 3.0]), np.array([2.0, 8.0, math.inf]))
    assert (found.spearman, found.kendall, found.ratio, found.warning) == (1.0, 1.0, 4.0, None)
    assert "correlation with the measured loss is -1.00" in Additivity(found.predicted, -found.predicted).warning


def test_a_network_whose_outputs_add_up_is_found_additive():
    """Layers beside each other under a loss that sums their squared errors on separate outputs: exactly additive."""

    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(nn.Linear(6, 4) for _ in range(5))

        def forward(self, x):
            return torch.cat([part(x) for part in self.parts], 1)

    torch.manual_seed(0)
    module, x = Beside(), torch.randn(20, 6)
    with torch.no_grad():
        data = x, module(x)
    found = measure(module, data, ["w2a16", "w4a16", "w8a16"], loss_fn=nn.functional.mse_loss, assignments=12)
    np.testing.assert_allclose(found.additivity.measured, found.additivity.predicted, rtol=1e-4, atol=1e-7)
    assert found.additivity.spearman == pytest.approx(1.0)
    assert found.additivity.warning is None


def test_measured_losses_are_those_of_the_assignments_applied(trained, data):
    few = tuple(part[:60] for part in data["calibration"])
    options = [precision(name) for name in ("w2a8", "w4a8")]
    layers = ["stem", "block2.conv1", "head"]
    found = measure(trained, few, options, layers=layers, assignments=4)
    parts = {name: trained.get_submodule(name) for name in layers}
    for i, assignment in enumerate(random_assignments(parts, options, 4)):
        whole = mean_loss(apply(trained, assignment, found.ranges), few)
        assert found.additivity.measured[i] == pytest.approx(whole - found.baseline, abs=1e-12)
        assert found.additivity.predicted[i] == found.predicted(assignment)
    assert measure(trained, few, options, layers=layers).additivity is None


def test_layers_that_share_a_weight_share_the_option():
    module = nn.ModuleDict({name: nn.Linear(3, 3) for name in "abc"})
    module["c"].weight = module["a"].weight
    options = [precision(f"w{bits}a8") for bits in range(2, 9)]
    for assignment in random_assignments(dict(module.items()), options, 20, seed=3):
        assert assignment["a"] is assignment["c"]


def test_losses_that_are_not_finite_matter_alone_but_not_together():
    class Ratio(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
            self.first.weight.data, self.second.weight.data = torch.tensor([[1.0]]), torch.tensor([[1.0]])

        def forward(self, x):
            return 1 / (self.first(x) + self.second(x))

    data = torch.tensor([[1.0], [0.1]]), torch.zeros(2)
    found = measure(Ratio(), data, ["fp32/int2"], loss_fn=lambda out, _: out.abs().mean(), assignments=3)
    assert np.isinf(found.additivity.measured).all()  # 0.1 becomes 0 in both layers
    assert np.isfinite(found.loss).all()


def test_a_plan_says_how_additive_its_losses_are(trained, data):
    few = tuple(part[:40] for part in data["calibration"])
    choices = dse.choices(trained, ["int2", "int4"], few)
    plan = dse.minimize(dse.metric.loss, over=choices, on=cm.device("pynq_z1"))
    assert len(plan.additivity.measured) == ASSIGNMENTS
    assert -1 <= plan.additivity.spearman <= 1
    bare = dse.allocate.solve([[1.0, 2.0]], {}, {})
    assert bare.additivity is None
    workload = dse.minimize(
        dse.metric.loss, over=dse.choices(cm.zoo.build("resnet18"), ["int4"]), on=cm.device("a100_sxm")
    )
    assert workload.additivity is None
