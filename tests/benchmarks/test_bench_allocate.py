"""The allocation program at 200 layers x 8 options x 3 binding budgets: proven optimal under 0.5 s of its core."""

import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "dse"))

import instances

from dse.allocate import solve

LIMIT_S = 0.5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [instances.network_like, instances.uncorrelated])
@pytest.mark.benchmark(timer=time.process_time)
def test_200_layers_8_options_3_budgets(benchmark, make, seed):
    loss, costs, budgets = make(seed)
    plan = benchmark.pedantic(solve, args=(loss, costs, budgets), rounds=3, iterations=1, warmup_rounds=1)
    assert plan.proven
    assert all(budgets[name] * 0.99 < plan.totals[name] <= budgets[name] for name in budgets)
    if benchmark.enabled:
        assert benchmark.stats.stats.median < LIMIT_S
