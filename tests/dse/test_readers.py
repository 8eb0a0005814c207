"""Outputs in the formats of what reads them: the plan of least loss or cost is that of every plan, and proven."""

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.estimators.fpga import carried
from costmodel.workload import Workload
from costmodel.workload.ops import elementwise, linear, pooling
from dse import fronts, neighbours, reader_tables
from dse.choice_columns import columns
from dse.metric import METRICS, loss
from dse.pareto import mask
from dse.passed import Passed
from dse.plan import InfeasibleError
from dse.problem import Problem
from dse.readers import Rows
from dse.solvers import reading_front

BOARD = cm.fpga("zcu102")
FORMATS = ("int2", "int4", "int6/int8")


def after(op, *inputs):
    return replace(op, inputs=inputs)


def network() -> Workload:
    """A residual sum over two layers, read by two layers, and a pooling."""
    layers = (
        linear("stem", 8, 16, 24, bias=False),
        after(linear("a", 8, 24, 16, bias=False), "stem"),
        after(linear("b", 8, 16, 24, bias=False), "a"),
        after(elementwise("sum", 8 * 24), "b", "stem"),
        after(linear("left", 8, 24, 16, bias=False), "sum"),
        after(pooling("pool", 8 * 24, 4 * 24), "sum"),
        after(linear("right", 4, 24, 16, bias=False), "pool"),
    )
    return Workload("residual", layers, outputs=("left", "right"))


@cache
def problem() -> Problem:
    return dse.choices(network(), list(FORMATS)).on(BOARD)


@cache
def every_plan() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """All choices and what `estimate` tells of them."""
    found = problem()
    choices = np.array(list(itertools.product(range(len(FORMATS)), repeat=len(found.layers))))
    totals = Passed(found, ["lut", "ff", "energy_j", "bram18"]).totals(choices)
    return choices, totals | {"loss": np.array([found.total_loss(choice) for choice in choices])}


def test_plans_are_evaluated_as_the_whole_network_is():
    choices, totals = every_plan()
    for i in (0, 77, 130, 242):
        told = problem().estimate(choices[i]).totals
        assert {name: totals[name][i] for name in ("lut", "ff")} == pytest.approx({n: told[n] for n in ("lut", "ff")})


def test_a_row_stands_for_what_several_layers_read():
    rows = Rows.of(problem())
    layers = problem().layers
    assert layers == ("stem", "a", "b", "left", "right")
    assert rows.count == len(layers) + 2
    written = dict(zip((op.name for op in problem().workload.ops), rows.writes, strict=True))
    assert written["a"] == layers.index("b")
    assert written["pool"] == layers.index("right")
    assert written["left"] == layers.index("left")
    assert written["sum"] == written["b"] >= len(layers)
    assert written["stem"] not in (written["sum"], *range(len(layers)))


@pytest.mark.parametrize("share", [0.15, 0.4, 0.7, 0.95])
@pytest.mark.parametrize("names", [("lut",), ("ff", "energy_j"), ("lut", "bram18", "energy_j")])
def test_the_plan_of_least_loss_is_that_of_every_plan(share, names):
    totals = every_plan()[1]
    limits = {name: float(np.quantile(totals[name], share)) for name in names}
    plan = dse.minimize(loss, over=problem(), subject_to=[METRICS[name] <= at for name, at in limits.items()])
    fits = np.logical_and.reduce([totals[name] <= at for name, at in limits.items()])
    assert plan.objective == pytest.approx(totals["loss"][fits].min())
    assert plan.proven
    assert plan.proven_within == ""
    told = plan.estimate().totals
    assert all(plan.totals[name] <= at for name, at in limits.items())
    assert {name: plan.totals[name] for name in names} == pytest.approx({name: told[name] for name in names}, rel=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("name", ["lut", "energy_j"])
def test_the_plan_of_least_cost_is_that_of_every_plan(name, share):
    _, totals = every_plan()
    most = float(np.quantile(totals["loss"], share))
    plan = dse.minimize(METRICS[name], over=problem(), subject_to=[loss <= most])
    assert plan.objective == pytest.approx(totals[name][totals["loss"] <= most].min())
    assert plan.proven


def test_ties_conversions_and_few_formats_hold_beside_it():
    choices, totals = every_plan()
    limit = float(np.quantile(totals["lut"], 0.5))
    tied = (choices[:, 1] == choices[:, 3]) & (totals["lut"] <= limit)
    few = np.array([len(set(choice)) <= 2 for choice in choices.tolist()])
    edges = np.array(neighbours.edges(problem()))
    converted = (choices[:, edges[:, 0]] != choices[:, edges[:, 1]]).sum(axis=1) * 0.5
    given = {"over": problem(), "subject_to": [METRICS["lut"] <= limit]}
    plan = dse.minimize(loss, **given, ties=[["a", "left"]], max_formats=2)
    assert plan.objective == pytest.approx(totals["loss"][tied & few].min())
    assert plan.proven
    plan = dse.minimize(loss, **given, conversion=0.5)
    assert plan.objective == pytest.approx((totals["loss"] + converted)[totals["lut"] <= limit].min())
    assert plan.proven


def test_a_refusal_tells_the_least_of_every_plan():
    _, totals = every_plan()
    with pytest.raises(InfeasibleError, match="lut is at least") as refused:
        dse.minimize(loss, over=problem(), subject_to=[METRICS["lut"] <= 10])
    assert refused.value.least["lut"] == totals["lut"].min()


@pytest.mark.parametrize("names", [("lut",), ()])
@pytest.mark.parametrize("metric", ["peak_activation_bytes", "footprint_bytes"])
def test_a_peak_of_memory_has_a_budget_beside_it(names, metric):
    choices, totals = every_plan()
    limits = {name: float(np.quantile(totals[name], 0.6)) for name in names}
    peaks = columns(problem(), choices, [metric])[metric]
    most = float(np.quantile(peaks, 0.4))
    budgets = [METRICS[name] <= limit for name, limit in {**limits, metric: most}.items()]
    plan = dse.minimize(loss, over=problem(), subject_to=budgets)
    fits = np.logical_and.reduce([peaks <= most, *(totals[name] <= limit for name, limit in limits.items())])
    assert plan.objective == pytest.approx(totals["loss"][fits].min())
    assert plan.proven
    assert plan.estimate().totals[metric] <= most
    with pytest.raises(InfeasibleError) as refused:
        dse.minimize(loss, over=problem(), subject_to=[METRICS[metric] <= peaks.min() * 0.99])
    assert refused.value.least[metric] == pytest.approx(peaks.min(), rel=1e-5)


@pytest.mark.parametrize("names", [("loss", "lut"), ("lut", "energy_j"), ("loss", "ff", "bram18")])
def test_a_front_has_every_plan_that_no_other_beats(names, tmp_path):
    _, totals = every_plan()
    sums = np.column_stack([totals[name] for name in names])
    front = dse.front(problem(), [METRICS[name] for name in names])
    assert front.proven
    expected = np.unique(sums[mask(np.round(sums, 9))].round(9), axis=0)
    np.testing.assert_allclose(np.unique(front.points.round(9), axis=0), expected, rtol=1e-9)
    for file in (None, tmp_path / "points.jsonl", tmp_path / "points.jsonl"):
        streamed = list(fronts.stream(problem(), [METRICS[name] for name in names], file=file))
        assert sorted(point.values for point in streamed) == sorted(map(tuple, front.points.tolist()))
    kept = dse.front(problem(), [METRICS[name] for name in names], file=file)
    assert (kept.points.tolist(), kept.proven) == (front.points.tolist(), True)


def test_a_front_keeps_budgets_and_ties_as_it_is_evaluated():
    choices, totals = every_plan()
    limit = float(np.quantile(totals["ff"], 0.4))
    front = dse.front(problem(), [loss, METRICS["lut"]], [["a", "left"]], subject_to=[METRICS["ff"] <= limit])
    kept = (choices[:, 1] == choices[:, 3]) & (totals["ff"] <= limit)
    sums = np.column_stack([totals["loss"], totals["lut"]])[kept].round(9)
    assert front.proven
    np.testing.assert_allclose(np.unique(front.points.round(9), axis=0), np.unique(sums[mask(sums)], axis=0))


def test_a_front_of_more_states_than_are_followed_is_evaluated_and_not_proven(monkeypatch):
    monkeypatch.setattr(reading_front, "MOST_TRIED", 1)
    _, totals = every_plan()
    front = dse.front(problem(), [loss, METRICS["lut"]])
    assert not front.proven
    known = {tuple(row) for row in np.column_stack([totals["loss"], totals["lut"]]).round(9).tolist()}
    assert {tuple(row) for row in front.points.round(9).tolist()} <= known


def test_conversions_stay_in_the_objective_where_a_wider_format_is_cheaper_to_write():
    found = dse.choices(network(), ["int6", "fp6_e3m2", "int8", "int4"]).on(BOARD)
    edges = np.array(neighbours.edges(found))
    least, most = (float(choose(found.costs["energy_j"], axis=1).sum()) for choose in (np.min, np.max))
    for share in (0.1, 0.3, 0.5, 0.7):
        budget = METRICS["energy_j"] <= least + share * (most - least)
        plan = dse.minimize(loss, over=found, subject_to=[budget], conversion=0.01)
        converted = int((plan.choice[edges[:, 0]] != plan.choice[edges[:, 1]]).sum())
        assert plan.objective == pytest.approx(found.total_loss(plan.choice) + 0.01 * converted)
        assert plan.bound <= plan.objective


def test_a_plan_of_a_search_that_cannot_price_by_readers_is_told_as_it_is_evaluated(monkeypatch):
    def too_close(*_, **__):
        raise TimeoutError("layers are coupled too closely")

    monkeypatch.setattr(reader_tables, "exact", too_close)
    _, totals = every_plan()
    most, lut = float(np.quantile(totals["loss"], 0.3)), float(np.quantile(totals["lut"], 0.8))
    plan = dse.minimize(METRICS["lut"], over=problem(), subject_to=[loss <= most, METRICS["lut"] <= lut])
    assert plan.objective == plan.totals["lut"] == plan.estimate().totals["lut"] <= lut
    assert plan.bound <= totals["lut"][totals["loss"] <= most].min() <= plan.objective


def inception() -> Workload:
    """Four branches that read one layer, one of them through a pooling, and two heads that read what they meet in."""
    branches = [after(linear(name, 8, 24, 8, bias=False), "stem") for name in ("one", "three", "five")]
    ops = (
        linear("stem", 8, 16, 24, bias=False),
        *branches,
        after(pooling("pool", 8 * 24, 8 * 24), "stem"),
        after(linear("after", 8, 24, 8, bias=False), "pool"),
        after(elementwise("joined", 8 * 32), "one", "three", "five", "after"),
        after(linear("head", 8, 32, 10, bias=False), "joined"),
        after(linear("box", 8, 32, 4, bias=False), "joined"),
    )
    return Workload("inception", ops, outputs=("head", "box"))


MIXED = ("int8", "fp8_e4m3", "fp8_e5m2")
"""As wide as each other, and others to write: what reads first decides."""


@cache
def mixed(build) -> tuple[Problem, np.ndarray, dict[str, np.ndarray]]:
    """A network in formats of which wider ones may be cheaper to write, all choices and what they cost."""
    found = dse.choices(build(), list(MIXED)).on(BOARD)
    choices = np.array(list(itertools.product(range(len(MIXED)), repeat=len(found.layers))))
    totals = Passed(found, ["lut", "energy_j"]).totals(choices)
    return found, choices, totals | {"loss": found.loss[np.arange(len(found.layers)), choices].sum(axis=1)}


@pytest.mark.parametrize("build", [network, inception])
def test_a_row_is_in_the_one_format_that_is_evaluated(build):
    found, choices, _ = mixed(build)
    rows = Rows.of(found)
    for choice in choices[:: len(choices) // 20]:
        taken = dict(enumerate(choice.tolist()))
        for row, under in rows.under.items():
            fits = np.all([rows.together[row, each][:, taken[each]] for each in under], axis=0)
            (taken[row],) = np.flatnonzero(fits)
        told = carried(found.workload, found.per_op(choice))
        for row, each in zip(rows.writes, told, strict=True):
            option = rows.states[row][taken[row], 0] if row in rows.states else taken[row]
            assert found.options[option].activation == each.output


@pytest.mark.parametrize("build", [network, inception])
def test_plans_and_fronts_of_formats_as_wide_as_each_other_are_those_of_every_plan(build):
    found, _, totals = mixed(build)
    most = float(np.quantile(totals["loss"], 0.2)) * (1 + 1e-9)
    for name in ("lut", "energy_j"):
        plan = dse.minimize(METRICS[name], over=found, subject_to=[loss <= most])
        assert plan.objective == pytest.approx(totals[name][totals["loss"] <= most].min(), rel=1e-9)
        assert plan.proven
    front = dse.front(found, [METRICS["lut"], METRICS["energy_j"]])
    sums = np.column_stack([totals["lut"], totals["energy_j"] * 1e9]).round(6)
    assert front.proven
    np.testing.assert_allclose(
        np.unique((front.points * [1, 1e9]).round(6), axis=0), np.unique(sums[mask(sums)], axis=0), rtol=1e-9
    )


def test_few_formats_hold_beside_rows_of_more_states_than_formats():
    found, choices, totals = mixed(inception)
    few = np.array([len(set(choice)) <= 2 for choice in choices.tolist()])
    limit = float(np.quantile(totals["energy_j"], 0.1))
    fits = few & (totals["energy_j"] <= limit)
    plan = dse.minimize(loss, over=found, subject_to=[METRICS["energy_j"] <= limit], max_formats=2, conversion=1e-6)
    edges = np.array(neighbours.edges(found))
    converted = (choices[:, edges[:, 0]] != choices[:, edges[:, 1]]).sum(axis=1) * 1e-6
    assert plan.objective == pytest.approx((totals["loss"] + converted)[fits].min())
    assert plan.proven
