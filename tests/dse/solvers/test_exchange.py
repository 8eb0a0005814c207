"""Exchanges of two layers' options: against every exchange that there is, and plans against HiGHS' relaxation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, kron, vstack

from dse.allocate import solve
from dse.solvers.branching import _LARGE
from dse.solvers.classes import classes
from dse.solvers.exchange import exchanged
from dse.tables import read


def problem(seed, layers, options, budgets):
    """An instance of small numbers, merged classes among them, and a plan of its."""
    random = np.random.default_rng(seed)
    loss, *spent = random.integers(0, 9, (1 + budgets, layers, options)).astype(float)
    costs = {f"c{i}": table for i, table in enumerate(spent)}
    choice = random.integers(0, options, layers)
    limits = {n: float(t[np.arange(layers), choice].sum() + random.integers(0, 4)) for n, t in costs.items()}
    found = classes(read(loss, costs, limits, (), None))
    counts = np.zeros_like(found.instance.loss)
    for i, groups in enumerate(found.members):
        for group in groups:
            counts[i, choice[group[0]]] += 1
    return found.instance, counts


def neighbours(counts):
    """All counts in which one layer, or two, take another option."""

    def moved(held):
        for group, start in np.argwhere(held > 0).tolist():
            for end in range(held.shape[1]):
                changed = held.copy()
                changed[group, start] -= 1
                changed[group, end] += 1
                yield changed

    return itertools.chain.from_iterable(moved(one) for one in moved(counts))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 3), st.integers(1, 3))
def test_no_exchange_betters_what_exchanges_found(seed, layers, options, budgets):
    instance, counts = problem(seed, layers, options, budgets)
    assert instance.feasible(counts)
    found = exchanged(instance, counts, np.random.default_rng(seed).random(len(instance.limits)))
    assert instance.feasible(found)
    assert (found.sum(axis=1) == counts.sum(axis=1)).all()
    assert instance.objective(found) <= instance.objective(counts)
    two_of_a_row = counts.max() > 1  # layers of one class and option are one row of moves
    better = (c for c in neighbours(found) if instance.available[np.nonzero(c)].all() and instance.feasible(c))
    assert two_of_a_row or all(instance.objective(c) >= instance.objective(found) for c in better)


def test_what_is_good_enough_is_left_as_it_is():
    instance, counts = problem(1, 5, 3, 2)
    assert (exchanged(instance, counts, np.ones(2), least=instance.objective(counts)) == counts).all()


def relaxed(loss, costs, limits):
    """The least loss with fractions of options, by HiGHS."""
    layers, options = loss.shape
    one_each = kron(np.eye(layers), np.ones((1, options)))
    spent = vstack([csr_matrix(table.reshape(1, -1)) for table in costs.values()])
    found = linprog(loss.ravel(), spent, list(limits.values()), one_each.tocsr(), np.ones(layers), method="highs")
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", [900, 901])
def test_plans_whose_losses_follow_a_cost_are_found_to_the_last_unit(seed):
    random = np.random.default_rng(seed)
    cost = random.integers(1, 1000, (1000, 12)).astype(float)
    loss = 1000 - cost + random.integers(0, 3, cost.shape)
    costs = {"a": cost, "b": random.integers(1, 1000, cost.shape).astype(float)}
    assert loss.size > _LARGE
    limits = {n: float(int(c.min(1).sum() + 0.45 * (c.max(1) - c.min(1)).sum())) for n, c in costs.items()}
    plan = solve(loss, costs, limits, time_limit_s=20)
    assert all(c[np.arange(1000), plan.choice].sum() <= limits[n] for n, c in costs.items())
    assert plan.objective - np.ceil(relaxed(loss, costs, limits) - 1e-6) <= 1e-5 * plan.objective
    assert plan.gap <= 1e-5
