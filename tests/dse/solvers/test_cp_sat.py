import builtins

import brute_force
import numpy as np
import pytest

from dse.allocate import solve
from dse.solvers import coupled


def test_presolve_does_not_lose_the_optimum(monkeypatch):
    """With its default presolve CP-SAT 9.15 gets number 141 wrong: github.com/google/or-tools/issues/5293."""
    monkeypatch.setattr(coupled, "can_solve", lambda *_: False)
    random = np.random.default_rng(0)
    for _ in range(150):
        loss = random.uniform(0.05, 0.15, (4, 3))
        costs = {name: random.uniform(0.05, 0.15, (4, 3)) for name in "ab"}
        conversion = random.uniform(0, 0.1, (3, 3)) * (1 - np.eye(3))
        budgets = {name: float(cost.mean() * 4 * random.uniform(0.8, 1.1)) for name, cost in costs.items()}
        problem = {"loss": loss, "costs": costs, "budgets": budgets, "ties": [[0, 1]], "conversion": conversion}
        best, _ = brute_force.best(**problem)
        if best is not None:
            assert solve(**problem).objective <= float(best) * (1 + 1e-9)


@pytest.mark.parametrize(("inside", "told"), [(KeyboardInterrupt, KeyboardInterrupt), (OSError, ImportError)])
def test_an_interrupt_amid_the_import_of_its_package_is_one(monkeypatch, inside, told):
    """Modules of pybind11 whose import raises anything tell it as an ImportError with that as its cause."""
    ours = builtins.__import__

    def importing(name, *given):
        if name.startswith("ortools"):
            raise ImportError("initialization failed") from inside()
        return ours(name, *given)

    monkeypatch.setattr(coupled, "can_solve", lambda *_: False)
    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(told):
        solve(np.ones((2, 2)), {"a": np.eye(2)}, {"a": 1.0}, conversion=1 - np.eye(2))
