"""CBC (through PuLP) solves the same problems in floating point; its optimum is checked, ours must equal it."""

import instances
import numpy as np
import pulp
import pytest

from dse.allocate import solve

pytestmark = pytest.mark.filterwarnings("ignore:PULP_CBC_CMD is deprecated:DeprecationWarning")


def cbc(loss, costs, budgets):
    """Return CBC's choice at a zero gap."""
    problem = pulp.LpProblem("allocation", pulp.LpMinimize)
    takes = [[problem.add_variable(f"x{r}_{o}", cat="Binary") for o in range(loss.shape[1])] for r in range(len(loss))]
    problem += pulp.lpSum(loss[i, o] * takes[i][o] for i, o in np.ndindex(loss.shape))
    for row in takes:
        problem += pulp.lpSum(row) == 1
    for name, limit in budgets.items():
        scaled = costs[name] / limit
        problem += pulp.lpSum(scaled[i, o] * takes[i][o] for i, o in np.ndindex(loss.shape)) <= 1
    problem.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0, timeLimit=60, threads=1))
    return np.array([[variable.value() for variable in row] for row in takes]).argmax(axis=1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("make", "layers"), [(instances.network_like, 60), (instances.uncorrelated, 30)])
def test_no_worse_than_cbc_and_within_budgets(make, layers, seed):
    loss, costs, budgets = make(seed, layers=layers)
    plan = solve(loss, costs, budgets)
    assert plan.proven
    theirs, rows = cbc(loss, costs, budgets), np.arange(len(loss))
    within = all(costs[name][rows, theirs].sum() <= limit for name, limit in budgets.items())
    objective = float(loss[rows, theirs].sum())
    if within:
        assert plan.objective <= objective * (1 + 1e-12)
    assert plan.objective == pytest.approx(objective, rel=1e-5)
    for name, limit in budgets.items():
        assert plan.totals[name] <= limit
