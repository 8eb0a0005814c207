import brute_force
import numpy as np

from dse.allocate import solve


def test_presolve_does_not_lose_the_optimum():
    """With its default presolve CP-SAT 9.15 gets some of these wrong: github.com/google/or-tools/issues/5293."""
    random = np.random.default_rng(0)
    for _ in range(260):
        loss = random.uniform(0.05, 0.15, (4, 3))
        costs = {name: random.uniform(0.05, 0.15, (4, 3)) for name in "ab"}
        conversion = random.uniform(0, 0.1, (3, 3)) * (1 - np.eye(3))
        budgets = {name: float(cost.mean() * 4 * random.uniform(0.8, 1.1)) for name, cost in costs.items()}
        problem = {"loss": loss, "costs": costs, "budgets": budgets, "ties": [[0, 1]], "conversion": conversion}
        best, _ = brute_force.best(**problem)
        if best is not None:
            assert solve(**problem).objective <= float(best) * (1 + 1e-9)
