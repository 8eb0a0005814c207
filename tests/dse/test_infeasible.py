"""Which budgets conflict: the smallest set, by brute force over its subsets, and the value of each that is enough."""

from fractions import Fraction
from itertools import combinations, product

import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.allocate import solve
from dse.infeasible import infeasible, rounded, short
from dse.plan import InfeasibleError
from dse.tables import read

PAIRWISE = {
    "a": np.array([[0, 10, 10.0]] * 3),
    "b": np.array([[10, 0, 10.0]] * 3),
    "c": np.array([[10, 10, 0.0]] * 3),
}


def refused(costs, budgets, **more):
    with pytest.raises(InfeasibleError) as caught:
        solve(np.ones(next(iter(costs.values())).shape), costs, budgets, **more)
    return caught.value


def test_three_that_conflict_in_pairs_are_told_as_a_pair():
    error = refused(PAIRWISE, {"a": 9, "b": 9, "c": 9})
    assert "b and c conflict: given the others, b is at least 30 (budget 9)" in str(error)
    assert error.least == {"a": 0, "b": 30, "c": 30}
    shown = error._repr_html_()
    assert ">30<" in shown
    assert str(error) in shown


def test_a_budget_that_does_not_matter_is_not_named():
    error = refused(PAIRWISE | {"free": np.ones((3, 3))}, {"a": 9, "free": 5, "b": 9})
    assert "a and b conflict" in str(error)
    assert error.least["free"] == 3


@given(st.floats(1e-9, 1e15))
def test_a_limit_is_told_short_and_a_reach_on_its_safe_side(value):
    assert float(short(value)) == pytest.approx(value, rel=3e-12)
    assert float(rounded(value, up=False)) <= value <= float(rounded(value))
    assert short(23 * 1.05 * (1 + 1e-12)) == "24.15"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_named_conflicts_and_no_less_of_it_does(seed):
    rng = np.random.default_rng(seed)
    costs = {name: rng.integers(0, 9, (3, 3)).astype(float) for name in "abcd"}
    least = {name: int(table.min(1).sum()) for name, table in costs.items()}
    budgets = {name: float(rng.integers(at, max(18, at + 1))) for name, at in least.items()}
    sums = {n: np.array([sum(t[i, o] for i, o in enumerate(c)) for c in product(range(3), repeat=3)])
            for n, t in costs.items()}  # fmt: skip

    def within(names):
        return np.logical_and.reduce([sums[n] <= budgets[n] for n in names]) if names else np.ones(27, bool)

    if within("abcd").any():
        return
    least = refused(costs, budgets).least
    conflict = [n for n in "abcd" if least[n] > budgets[n]]
    assert not within(conflict).any()
    for fewer in combinations(conflict, len(conflict) - 1):
        assert within(fewer).any()
        (left,) = set(conflict) - set(fewer)
        others = within([n for n in "abcd" if n != left])
        beside = others if others.any() else within(fewer)
        assert least[left] == sums[left][beside].min()


def test_without_any_time_a_refusal_has_a_number():
    costs = {name: PAIRWISE[name] for name in "ab"}
    told = infeasible(read(np.ones((3, 3)), costs, {"a": 9, "b": 9}, (), None, None), None, 1e-9)
    assert str(told).endswith("a and b conflict: given the others, a is at least 30 (budget 9)")
    assert told.least == {"a": 30, "b": 0}


def test_what_is_found_in_time_is_told_beside_what_is_proven(monkeypatch):
    costs = {name: PAIRWISE[name] for name in "ab"}
    monkeypatch.setattr(
        "dse.infeasible._bounded", lambda _, name, *__: (Fraction(5), Fraction(20) if name == "a" else None)
    )
    told = infeasible(read(np.ones((3, 3)), costs, {"a": 9, "b": 9}, (), None, None), None, 1e-9)
    assert "given the others, a is 20 in the plans found in time, and at least 5 in any (budget 9)" in str(told)
    assert told.least == {"a": 5, "b": 5}
    monkeypatch.setattr("dse.infeasible._bounded", lambda *_: (Fraction(5), None))
    told = infeasible(read(np.ones((3, 3)), costs, {"a": 9, "b": 9}, (), None, None), None, 1e-9)
    assert str(told).endswith("a and b conflict: in any plan a is at least 5 and b is at least 5")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most=st.integers(1, 3), tied=st.booleans())
def test_the_least_alone_is_that_of_so_few_formats(seed, most, tied):
    rng = np.random.default_rng(seed)
    costs = {name: rng.integers(1, 9, (4, 3)).astype(float) for name in "ab"}
    loss = np.where(rng.random((4, 3)) < 0.2, np.inf, 1.0)
    loss[:, 0] = 1.0
    ties = [[0, 2]] if tied else []
    told = infeasible(read(loss, costs, {"a": 3, "b": 40}, ties, None), most, None)
    for name in "ab":
        assert told.least[name] == brute_force.best(loss, costs, {name: 0}, ties, max_formats=most)[1][name]
    assert f"with {'one format' if most == 1 else f'{most} formats'}: a is at least" in str(told)


def test_formats_too_few_for_the_layers_are_no_budget_s_fault():
    told = infeasible(read([[0, np.inf], [np.inf, 0]], {"c": np.ones((2, 2))}, {"c": 1}, (), None), 1, None)
    assert str(told) == "no format is available to every layer"
