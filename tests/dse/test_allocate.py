import math
import re
from fractions import Fraction

import brute_force
import instances
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse import frontier
from dse.allocate import solve
from dse.exact import at_least
from dse.plan import InfeasibleError
from dse.solvers import branching, coupled

GRID = 1e-12
"""What losses are told apart by, of those that cancel: to the share of their sum that is left they are not proven."""

VALUES = st.one_of(
    st.integers(0, 4).map(float),
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 1 / 3, 1e-9, 1e6, 2.0**-40]),
    st.floats(0, 10, allow_nan=False, width=64),
)


@st.composite
def problems(draw, most_layers=5, most_options=4, coupled=False):
    """Small problems with ties, zero costs, equal options, budgets that may be impossible or met to the last bit."""
    layers, options = draw(st.integers(1, most_layers)), draw(st.integers(1, most_options))
    seed = draw(st.integers(0, 2**32 - 1))
    pool = draw(st.lists(VALUES, min_size=1, max_size=6))
    random = np.random.default_rng(seed)
    smooth = draw(st.booleans())

    def table():
        drawn = random.choice(pool, (layers, options))
        return drawn * random.uniform(0.5, 1.5, drawn.shape) if smooth else drawn

    loss = table() - (draw(st.sampled_from([0.0, 1.0])) if draw(st.booleans()) else 0.0)
    costs = {name: table() for name in "abc"[: draw(st.integers(1, 3))]}
    if draw(st.integers(0, 4)) == 0:
        loss[random.random(loss.shape) < 0.3] = math.inf
        loss[:, 0] = np.where(np.isfinite(loss[:, 0]), loss[:, 0], 0.0)
    ties = [sorted(random.choice(layers, 2, replace=False).tolist())] if layers > 2 and draw(st.booleans()) else []
    budgets = {}
    for name, cost in costs.items():
        if draw(st.integers(0, 2)) == 0:
            budgets[name] = float(cost[np.arange(layers), random.integers(0, options, layers)].sum())
        else:
            budgets[name] = float(cost.sum() / options * draw(st.sampled_from([0.0, 0.5, 0.8, 1.0, 1.3, 9.0])))
    extra = {}
    if coupled:
        kind = draw(st.integers(0, 2))
        if kind != 1:
            extra["max_formats"] = draw(st.integers(1, options))
        if kind != 0:
            conversion = random.choice(pool, (options, options)) * random.uniform(0, 1, (options, options))
            np.fill_diagonal(conversion, 0.0)
            extra["conversion"] = conversion
    return {"loss": loss, "costs": costs, "budgets": budgets, "ties": ties, **extra}


def check(problem):
    least_loss, least = brute_force.best(**problem)
    if least_loss is None:
        with pytest.raises(InfeasibleError) as caught:
            solve(**problem)
        found = caught.value.least
        assert set(found) == set(problem["budgets"])
        for name, value in least.items():
            if value is not None:
                assert found[name] <= float(value) * (1 + 1e-12) + 1e-300
        return
    plan = solve(**problem)
    layers = np.arange(len(plan.choice))
    for name, limit in problem["budgets"].items():
        spent = brute_force.exact(problem["costs"][name][layers, plan.choice])
        assert spent <= Fraction(limit)
        assert plan.totals[name] == at_least(spent)
    for tie in problem["ties"]:
        assert len(set(plan.choice[tie].tolist())) == 1
    assert len(set(plan.choice.tolist())) <= problem.get("max_formats", math.inf)
    objective = brute_force.exact(problem["loss"][layers, plan.choice])
    if "conversion" in problem:
        objective += brute_force.conversions(problem["conversion"], plan.choice, problem.get("edges"))
    assert plan.objective == at_least(objective)
    assert plan.bound <= at_least(least_loss) <= plan.objective
    magnitude = float(np.abs(problem["loss"][layers, plan.choice]).sum())
    assert plan.proven or plan.objective - plan.bound <= GRID * magnitude
    assert plan.objective <= float(least_loss) + 1e-9 * abs(float(least_loss))


@settings(max_examples=300, deadline=None)
@given(problems())
def test_equals_brute_force(problem):
    check(problem)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems(most_layers=6, most_options=3))
def test_equals_brute_force_when_it_must_branch(monkeypatch, problem):
    monkeypatch.setattr(branching, "_ROOT", ((1, False),))
    monkeypatch.setattr(branching, "_BRANCH", ((2, True), (1, False)))
    check(problem)


@settings(max_examples=250, deadline=None)
@given(problems(most_layers=5, most_options=3, coupled=True))
def test_equals_brute_force_with_couplings(problem):
    check(problem)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems(most_layers=5, most_options=3, coupled=True))
def test_equals_brute_force_with_couplings_when_it_must_branch(monkeypatch, problem):
    monkeypatch.setattr(coupled, "_LISTED", 1)
    check(problem)


@settings(max_examples=150, deadline=None)
@given(problems(most_layers=5, most_options=3, coupled=True), st.integers(0, 2**32 - 1))
def test_equals_brute_force_on_any_graph_of_conversions(problem, seed):
    random = np.random.default_rng(seed)
    layers = len(problem["loss"])
    problem["conversion"] = random.choice([0.0, 0.1, 1.0], (problem["loss"].shape[1],) * 2)
    np.fill_diagonal(problem["conversion"], 0.0)
    problem["edges"] = random.integers(0, layers, (random.integers(0, 7), 2)).tolist()
    check(problem)


LOSS = [[3.0, 1.0], [2.0, 1.0]]
COST = [[1.0, 2.0], [1.0, 3.0]]


def test_bare_plan():
    plan = solve(LOSS, {"bytes": COST, "cycles": [[1, 1], [1, 1]]}, {"bytes": 4})
    assert plan.choice.tolist() == [1, 0]
    assert (plan.objective, plan.bound, plan.totals) == (3.0, 3.0, {"bytes": 3.0, "cycles": 2.0})
    assert (plan.gap, plan.proven, plan.solver) == (0.0, True, "branching")
    assert "optimal" in plan._repr_html_()
    with pytest.raises(ValueError, match="bare arrays"):
        _ = plan.assignment


def test_a_budget_met_to_the_last_bit_is_kept_and_one_bit_less_is_not():
    cost = np.array([[0.1, 0.3], [0.2, 0.7]])
    exact = brute_force.exact([0.3, 0.7])
    limit = float(exact)
    limit = limit if Fraction(limit) >= exact else math.nextafter(limit, 2)
    loss = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert solve(loss, {"c": cost}, {"c": limit}).choice.tolist() == [1, 1]
    below = limit if Fraction(limit) < exact else math.nextafter(limit, 0)
    assert solve(loss, {"c": cost}, {"c": below}).choice.tolist() != [1, 1]


def test_huge_losses_do_not_coarsen_the_comparison_of_small_ones():
    loss = np.array([[1e30, 3e-9, 2e-9], [1e30, 2e-9, 1e-9], [1e30, 5e-9, 4e-9]])
    cost = np.array([[0.0, 1.0, 2.0]] * 3)
    plan = solve(loss, {"c": cost}, {"c": 4.0})
    assert plan.proven
    assert plan.objective == at_least(brute_force.best(loss, {"c": cost}, {"c": 4.0})[0])


@pytest.mark.parametrize("layers", [3, 60])
def test_a_plan_of_the_least_losses_is_proven_however_coarse_the_comparison(layers):
    loss = np.tile([[1 / 3, 1e3, 1e9]], (layers, 1)) * np.linspace(1, 1.7, layers)[:, None]
    plan = solve(loss, {"a": np.ones((layers, 3))}, {"a": layers})
    assert plan.proven
    assert plan.bound <= plan.objective == pytest.approx(float(loss[:, 0].sum()))


def test_huge_costs_stand_for_unavailable_options():
    loss = np.array([[0.0, 3e-9], [0.0, 2e-9]])
    cost = np.array([[1e30, 1e-6], [1e-6, 0.0]])
    assert solve(loss, {"c": cost}, {"c": 2e-6}).choice.tolist() == [1, 0]


def test_alike_layers_are_one_class():
    layers = 96
    loss = np.tile([8.0, 3.0, 1.0, 0.0], (layers, 1))
    cost = {"a": np.tile([1.0, 2.0, 3.0, 4.0], (layers, 1)), "b": np.tile([0.0, 5.0, 6.0, 9.0], (layers, 1))}
    plan = solve(loss, cost, {"a": 2.4 * layers, "b": 5.1 * layers}, time_limit_s=30)
    assert plan.proven
    assert plan.totals["b"] <= 5.1 * layers


def test_infeasible_alone_names_the_budget_and_its_least_value():
    with pytest.raises(InfeasibleError, match=r"bytes is at least 2 \(budget 1.5\)") as caught:
        solve(LOSS, {"bytes": COST}, {"bytes": 1.5})
    assert caught.value.least == {"bytes": 2.0}


@given(seed=st.integers(0, 2**32 - 1), layers=st.integers(1, 6), options=st.integers(1, 4))
def test_what_a_plan_costs_and_the_least_possible_are_enough_as_budgets(seed, layers, options):
    rng = np.random.default_rng(seed)
    loss, costs = rng.random((layers, options)), {"latency_s": rng.random((layers, options)) * 1e-4}
    plan = solve(loss, costs, {"latency_s": costs["latency_s"].mean(axis=1).sum() * (1 + 1e-9)})
    again = solve(loss, {**costs, "loss": loss}, {**plan.totals, "loss": plan.objective})
    assert again.objective == plan.objective
    with pytest.raises(InfeasibleError) as caught:
        solve(loss, costs, {"latency_s": 0.0})
    least = caught.value.least["latency_s"]
    solve(loss, costs, {"latency_s": least})
    said = float(re.search(r"at least (\S+)", str(caught.value))[1])
    assert least <= said <= least * (1 + 1e-8)


def test_infeasible_together_gives_the_least_value_of_each_given_the_others():
    costs = {"a": [[0.0, 4.0], [1.0, 5.0]], "b": [[9.0, 1.0], [8.0, 2.0]]}
    with pytest.raises(InfeasibleError, match="together") as caught:
        solve(LOSS, costs, {"a": 4, "b": 9})
    assert caught.value.least == {"a": 5.0, "b": 17.0}


def test_too_few_formats_for_what_is_available():
    loss = [[0.0, math.inf], [math.inf, 0.0]]
    with pytest.raises(InfeasibleError, match="no format is available to every layer"):
        solve(loss, {}, {}, max_formats=1)


def test_time_limit_gives_a_plan_and_a_bound():
    loss, costs, budgets = instances.subset_sum(0, layers=60)
    plan = solve(loss, costs, budgets, time_limit_s=1.0)
    assert plan.bound <= plan.objective
    assert plan.gap < 0.01


@pytest.mark.parametrize("solver", ["elimination", "cp_sat"])
def test_conversions_past_the_time_limit_give_a_plan_and_a_bound(monkeypatch, solver):
    if solver == "cp_sat":
        monkeypatch.setattr(coupled, "can_solve", lambda *_: False)
    loss, costs, budgets = instances.network_like(0, layers=80)
    conversion = np.full((8, 8), float(np.median(loss)) / 20) * (1 - np.eye(8))
    plan = solve(loss, costs, budgets, conversion=conversion, time_limit_s=1.5)
    assert plan.solver == solver
    assert plan.bound <= plan.objective
    assert plan.bound >= solve(loss, costs, budgets).bound * 0.99


def test_a_large_infeasible_problem_is_refused_at_once():
    loss, costs, budgets = instances.uncorrelated(0)
    with pytest.raises(InfeasibleError, match="together with 3 formats"):
        solve(loss, costs, budgets, max_formats=3, time_limit_s=20)


def test_a_large_infeasible_problem_with_conversions_is_refused_at_once():
    loss, costs, budgets = instances.uncorrelated(0, layers=60)
    conversion = 0.01 * (1 - np.eye(8))
    with pytest.raises(InfeasibleError, match="no plan meets the budget with 2 formats"):
        solve(loss, costs, budgets, conversion=conversion, max_formats=2, time_limit_s=20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": [[math.nan, 1.0], [1.0, 1.0]]}, r"loss\[0, 0\] is nan"),
        ({"loss": [[1.0], [1.0, 2.0]]}, "rectangular"),
        ({"loss": []}, "at least one of each"),
        ({"loss": [[], []]}, "at least one of each"),
        ({"loss": [[1e308, 1e308], [1e308, 1.2e308]]}, "loss is too large to be summed, up to 1.2e"),
        ({"loss": [["a", "b"], ["c", "d"]]}, "rectangular table of numbers"),
        ({"loss": [[math.inf, math.inf], [1.0, 1.0]]}, "layer 0 has no available option"),
        ({"loss": [[math.inf, 1.0], [1.0, math.inf]], "ties": [[0, 1]]}, "share no available option"),
        ({"costs": {"bytes": [[1.0, 2.0]]}}, "shape of loss"),
        ({"costs": {"bytes": [[1.0, -2.0], [1.0, 1.0]]}}, r"bytes\[0, 1\] must be at least 0"),
        ({"costs": {"bytes": [[1.0, math.nan], [1.0, 1.0]]}}, r"bytes\[0, 1\] is nan"),
        ({"budgets": {"byte": 3.0}}, "did you mean bytes"),
        ({"budgets": {"bytes": math.nan}}, "at least 0"),
        ({"budgets": {"bytes": True}}, "the budget of bytes must be a number, got True"),
        ({"budgets": {"bytes": -1.0}}, "at least 0"),
        ({"ties": [[0, 2]]}, "layer indices from 0 to 1"),
        ({"ties": [[0, 0.5]]}, "layer indices from 0 to 1"),
        ({"ties": [0, 1]}, r"ties must be groups of layer indices, such as \[\[0, 1\]\], got 0 for a group"),
        ({"ties": ["01"]}, "got '01' for a group"),
        ({"loss": np.array(LOSS) + 1j}, "loss must be a table of real numbers, got complex ones"),
        ({"costs": {"bytes": [[1.0, 2.0], [1j, 1.0]]}}, "bytes must be a table of real numbers, got complex ones"),
        ({"edges": [0, 1]}, "pairs of layer indices from 0 to 1, got 0"),
        ({"edges": [[0, 2]]}, "layer indices from 0 to 1"),
        ({"conversion": [[0.0]]}, "shape"),
        ({"conversion": [[1.0, 0.0], [0.0, 0.0]]}, "diagonal"),
        ({"max_formats": 0}, "max_formats must be at least 1"),
        ({"max_formats": "a"}, "max_formats must be at least 1 and whole, got 'a'"),
        ({"max_formats": math.nan}, "max_formats must be at least 1 and whole, got nan"),
        ({"max_formats": math.inf}, "max_formats must be at least 1 and whole, got inf"),
        ({"max_formats": [2]}, r"max_formats must be at least 1 and whole, got \[2\]"),
        ({"time_limit_s": 0.0}, "above 0"),
        ({"time_limit_s": "a"}, "time_limit_s must be seconds above 0, got 'a'"),
        ({"time_limit_s": math.nan}, "time_limit_s must be seconds above 0, got nan"),
    ],
)
def test_bad_input_is_one_clear_line(change, message):
    good = {"loss": LOSS, "costs": {"bytes": COST}, "budgets": {"bytes": 4.0}}
    with pytest.raises(ValueError, match=message) as caught:
        solve(**(good | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [10]}, "budgets must be a mapping of names to a limit each, as {'bytes': ...}, got a list"),
        ({"costs": COST}, "costs must be a mapping of names to a table"),
        ({"ties": 3}, "ties must be groups of layer indices, such as .* got 3"),
    ],
)
def test_what_is_none_of_the_kinds_is_told_in_a_line(change, message):
    good = {"loss": LOSS, "costs": {"bytes": COST}, "budgets": {}}
    with pytest.raises(TypeError, match=message):
        solve(**(good | change))
    if "costs" in change:
        with pytest.raises(TypeError, match=message):
            frontier.exact(LOSS, COST)
