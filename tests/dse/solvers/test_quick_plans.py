"""Plans that are quick to find keep what every plan must, and there is one wherever one format alone keeps it."""

import numpy as np
import pytest

from dse.solvers import subsets
from dse.solvers.classes import classes
from dse.solvers.coupling import Coupled
from dse.solvers.quick_plans import prices_alone, quick_plans
from dse.tables import read


def problem(seed, layers=9, options=5):
    """Layers in a chain whose budgets some choice keeps; the problem, and its sets of two options."""
    rng = np.random.default_rng(seed)
    loss, costs = rng.random((layers, options)), {name: rng.random((layers, options)) for name in "ab"}
    conversion = rng.random((options, options)) * (1 - np.eye(options))
    taken = rng.integers(options, size=layers) if seed % 2 else np.full(layers, seed % options)
    budgets = {name: float(cost[np.arange(layers), taken].sum()) for name, cost in costs.items()}
    found = classes(read(loss, costs, budgets, [[0, 2]], conversion), merge=False)
    edges = [(i, i + 1) for i in range(len(found.members) - 1)]
    coupled = Coupled.of(found.instance, edges, found.loss_grid.of(conversion))
    return coupled, list(subsets.masks(found.instance, 2))


@pytest.mark.parametrize("seed", range(20))
def test_they_keep_budgets_and_are_of_one_set_of_options(seed):
    coupled, masks = problem(seed)
    prices = prices_alone(coupled, np.logical_or.reduce(masks))
    plans = list(quick_plans(coupled, masks, prices))
    rows = np.arange(len(coupled.instance.loss))
    for plan in plans:
        assert coupled.allows(plan)
        assert any(mask[rows, plan].all() for mask in masks)
    if seed % 2 == 0:
        assert plans


def test_past_its_time_one_set_is_looked_at():
    coupled, masks = problem(0)
    prices = prices_alone(coupled, np.logical_or.reduce(masks))
    assert len(list(quick_plans(coupled, masks, prices))) > len(list(quick_plans(coupled, masks, prices, 0.0))) > 0
