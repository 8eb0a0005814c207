import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.solvers.lagrangian import maximize
from dse.solvers.relaxation import Relaxation


@st.composite
def relaxations(draw):
    classes, options, budgets = draw(st.integers(1, 12)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = random.uniform(size=(classes, options)) ** draw(st.sampled_from([1, 6]))
    costs = random.uniform(size=(budgets, classes, options)) * 10.0 ** random.integers(-3, 9, (budgets, 1, 1))
    loss[random.random(loss.shape) < 0.1] = np.inf
    loss[:, 0] = 0.0
    copies = random.integers(1, 5, classes).astype(float)
    limits = random.uniform(0.2, 1.0, budgets) * (costs.max(axis=2) @ copies)
    return Relaxation(loss, np.where(np.isfinite(loss), costs, 0.0), limits, copies)


@settings(max_examples=150, deadline=None)
@given(relaxations())
def test_bound_is_certified_by_shares_or_by_infeasibility(problem):
    """Weak duality: shares within the budgets whose loss equals the bound prove that both are optimal."""
    dual = maximize(problem)
    loss = np.where(np.isfinite(problem.loss), problem.loss, 0.0)
    worst = loss.max(axis=1) @ problem.copies
    assert (dual.multipliers >= 0).all()
    if dual.bound == np.inf:
        assert problem.bound(dual.multipliers) > worst
        return
    assert dual.bound == pytest.approx(problem.bound(dual.multipliers))
    counts = dual.shares * problem.copies[:, None]
    assert counts.sum(axis=1) == pytest.approx(problem.copies, rel=1e-6)
    assert ((problem.costs * counts).sum(axis=(1, 2)) <= problem.limits * (1 + 1e-5)).all()
    assert (loss * counts).sum() <= dual.bound + 1e-6 * worst + 1e-12


@settings(max_examples=60, deadline=None)
@given(relaxations(), st.integers(0, 99))
def test_no_other_multipliers_prove_more(problem, seed):
    dual = maximize(problem)
    random = np.random.default_rng(seed)
    scale = np.where(np.isfinite(problem.loss), problem.loss, 0.0).max()
    others = [dual.multipliers * random.uniform(0.5, 2, len(problem.limits)) for _ in range(20)]
    if dual.bound < np.inf:
        assert max(problem.bound(m) for m in others) <= dual.bound + 1e-7 * scale * problem.copies.sum() + 1e-9
