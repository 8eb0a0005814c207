"""Interactions of layers against the losses of whole assignments."""

import numpy as np
import pytest
import torch
from torch import nn

from costmodel.precision import precision
from dse.sensitivity import apply, mean_loss, observe
from dse.sensitivity.interactions import interactions

OPTIONS = tuple(precision(f"w{bits}a8") for bits in (3, 4))
NAMES = ("stem", "block1.conv1", "block2.conv2")


@pytest.fixture(scope="module")
def found(trained, data):
    few = tuple(part[:60] for part in data["calibration"])
    return few, interactions(trained, few, OPTIONS, observe(trained, NAMES, few[0]), assignments=6)


def test_two_layers_cost_what_alone_and_pair_say(trained, found):
    few, table = found
    ranges, base = observe(trained, NAMES, few[0]), mean_loss(trained, few)
    for option in OPTIONS:
        plan = {NAMES[0]: OPTIONS[0], NAMES[2]: option}
        assert table.predicted(plan) == pytest.approx(mean_loss(apply(trained, plan, ranges), few) - base, abs=1e-9)
        alone = {NAMES[1]: option}
        assert table.predicted(alone) == pytest.approx(mean_loss(apply(trained, alone, ranges), few) - base, abs=1e-9)


def test_pairs_are_symmetric_and_none_of_a_layer_with_itself(found):
    pairs = found[1].pairs
    np.testing.assert_array_equal(pairs, pairs.transpose(2, 3, 0, 1))
    assert all((pairs[i, :, i, :] == 0).all() for i in range(len(NAMES)))


def test_pairs_foretell_whole_assignments_no_worse_than_the_sum(found):
    first, second = found[1].first, found[1].second
    np.testing.assert_array_equal(first.measured, second.measured)
    errors = [np.abs(table.predicted - table.measured).mean() for table in (first, second)]
    assert errors[1] < errors[0]


def test_the_strongest_come_first_and_say_what_each_costs_alone(found):
    table = found[1]
    rows = table.strongest(4)
    sizes = [abs(row["interaction"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(np.abs(table.pairs).max())
    assert all(row["layers"][0] != row["layers"][1] for row in rows)


def test_layers_that_share_a_weight_have_no_pair_in_different_formats():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(torch.relu(self.a(x)))

    torch.manual_seed(0)
    module = Tied()
    data = torch.randn(20, 4), torch.arange(20) % 4
    table = interactions(module, data, OPTIONS, observe(module, ["a", "b"], data[0]), assignments=4)
    assert np.isnan(table.pairs[0, 0, 1, 1])
    assert np.isfinite(table.pairs[0, 0, 1, 0])
    assert np.isfinite(table.second.predicted).all()
    assert all(row["options"][0] == row["options"][1] for row in table.strongest())


def test_one_layer_is_refused(trained, data):
    few = tuple(part[:20] for part in data["calibration"])
    with pytest.raises(ValueError, match="at least 2 layers, 1 option and 2 assignments, got 1, 2 and 24"):
        interactions(trained, few, OPTIONS, observe(trained, NAMES[:1], few[0]))
