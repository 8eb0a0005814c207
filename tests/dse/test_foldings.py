"""Plans over the foldings of all formats offered: a format more never makes one worse or impossible."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.estimators.fpga import fold, overlay
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse import foldings
from dse.metric import bram18, dsp, energy_j, latency_s, loss, lut, throughput_per_s, uram, weight_bytes

NET = Workload("net", tuple(linear(f"fc{i}", 1, 256, 256) for i in range(4)))
BOARD = cm.fpga("pynq_z1")
SETS = (["int2/int4"], ["int2/int4", "int4/int4"], ["int2/int4", "int4/int4", "int8/int4"])
"""Of one activation format: what outputs take then depends on no neighbour, and searches are exact."""


def plan(formats, *budgets):
    return dse.minimize(loss, over=dse.choices(NET, formats), on=BOARD, subject_to=budgets)


def alone(metric):
    """What the uniform int2 design has in its own folding."""
    return cm.estimate(NET, "int2/int4", BOARD).totals[metric]


@pytest.mark.parametrize(
    "budget",
    [
        bram18 <= alone("bram18"),
        latency_s <= alone("latency_s") * 1.000001,
        throughput_per_s >= alone("throughput_per_s") * 0.999999,
        weight_bytes <= alone("weight_bytes"),
    ],
    ids=str,
)
def test_a_format_more_never_makes_a_plan_worse(budget):
    found = [plan(formats, budget) for formats in SETS]
    losses = [each.objective for each in found]
    assert losses == sorted(losses, reverse=True)
    assert all(each.proven for each in found)
    kept = [each.estimate().totals[budget.metric.name] for each in found]
    assert all(value <= budget.limit if budget.sense == "<=" else value >= budget.limit for value in kept)


LAYER = st.tuples(st.sampled_from([1, 4]), st.sampled_from([16, 48, 64]), st.sampled_from([16, 64]))
FORMATS = tuple(f"int{bits}/int4" for bits in (2, 3, 4, 5, 6, 8))


@st.composite
def offers(draw):
    """A small network, some formats and more of them, and budgets that the fewer may meet or not."""
    layers = draw(st.lists(LAYER, min_size=2, max_size=4))
    net = Workload("net", tuple(linear(f"fc{i}", rows, k, n) for i, (rows, k, n) in enumerate(layers)))
    few = draw(st.lists(st.sampled_from(FORMATS), min_size=1, max_size=3, unique=True))
    more = draw(st.lists(st.sampled_from([f for f in FORMATS if f not in few]), min_size=1, max_size=2, unique=True))
    widest = dse.choices(net, few).on(BOARD)
    shares = {metric: draw(st.none() | st.floats(0.02, 1.2)) for metric in (lut, dsp, bram18)}
    totals = widest.estimate(widest.uniform(widest.rest)).totals
    return net, few, more, [m <= share * totals[m.name] for m, share in shares.items() if share is not None]


@pytest.mark.long
@given(offers())
@settings(max_examples=15, deadline=None)
def test_formats_more_never_make_a_plan_worse_within_resources(offer):
    net, few, more, budgets = offer
    try:
        before = dse.minimize(loss, over=dse.choices(net, few), on=BOARD, subject_to=budgets)
    except dse.InfeasibleError:
        return
    after = dse.minimize(loss, over=dse.choices(net, [*few, *more]), on=BOARD, subject_to=budgets)
    assert after.objective <= before.objective * (1 + 1e-9)


def test_the_least_value_told_is_the_least_over_all_foldings():
    problems = foldings.laid_out(dse.choices(NET, SETS[-1]), BOARD, [energy_j])
    assert len(problems) > 1
    least = min(problem.costs["energy_j"].min(axis=1).sum() for problem in problems)
    with pytest.raises(dse.InfeasibleError, match="with the foldings of int8/int4, ") as caught:
        plan(SETS[-1], energy_j <= least / 2)
    assert caught.value.least["energy_j"] == pytest.approx(least, rel=1e-9)
    assert plan(SETS[-1], energy_j <= least * 1.000001).proven


def test_a_budget_below_what_fills_the_device_is_met_by_smaller_foldings():
    filling = min(p.costs["lut"].min(axis=1).sum() for p in foldings.laid_out(dse.choices(NET, SETS[-1]), BOARD, [lut]))
    found = plan(SETS[-1], lut <= filling / 2)
    assert found.estimate().totals["lut"] <= filling / 2


def test_foldings_are_those_of_uniform_designs_and_one_where_none_matters():
    choices = dse.choices(NET, SETS[-1])
    for problem in foldings.laid_out(choices, BOARD, [bram18]):
        own = cm.estimate(NET, problem.options[problem.laid_for], BOARD).totals
        assert problem.estimate(problem.uniform(problem.laid_for)).totals["lut"] == own["lut"]
    assert len(foldings.laid_out(choices, BOARD, [loss, weight_bytes])) == 1
    assert len(foldings.laid_out(dse.choices(NET, ["int4", "int8"]), cm.gpu("h100_sxm"), [latency_s])) == 1


def test_streamed_weights_are_laid_out_for_each_format_and_in_the_room_of_budgets():
    wide = Workload("wide", tuple(linear(f"fc{i}", 1, 1024, 1024) for i in range(4)))
    choices = replace(dse.choices(wide, ["int4", "int8"]), design=partial(fold, streaming=True))
    small = bram18 <= 64
    found = dse.minimize(loss, over=choices, on=BOARD, subject_to=[small, throughput_per_s >= 100])
    assert found.proven_within == "foldings made for each format"
    assert found.estimate().totals["bram18"] <= small.limit
    assert "memory" in found.estimate().columns["weights_in"]


def test_an_overlay_s_array_takes_no_format_dearer_than_the_one_it_was_made_for():
    choices = replace(dse.choices(NET, ["int4", "int8"]), design=overlay.fit)
    problems = foldings.laid_out(choices, BOARD, [latency_s])
    assert [foldings.made_for(problem) for problem in problems] == ["int8/int8", "int4/int4"]
    assert [np.isfinite(problem.loss).all(axis=0).tolist() for problem in problems] == [[True, True], [True, False]]


def test_an_array_too_large_for_a_wide_format_leaves_the_narrow_one():
    choices = dse.choices(NET, ["int4", "int8"])
    within = replace(choices, design=partial(overlay.fit, most={"lut": 4000, "dsp": 0}))
    assert [foldings.made_for(problem) for problem in foldings.laid_out(within, BOARD, [latency_s])] == ["int4/int4"]
    none = replace(choices, design=partial(overlay.fit, most={"lut": 100}))
    with pytest.raises(dse.InfeasibleError, match="it needs lut of at least") as caught:
        foldings.laid_out(none, BOARD, [latency_s])
    assert caught.value.least["lut"] > 100


def test_uram_is_a_budget():
    net = Workload("wide", tuple(linear(f"fc{i}", 1, 1024, 1024) for i in range(8)))
    choices, board = dse.choices(net, ["int2", "int8"]), cm.fpga("zcu104")
    free = dse.minimize(loss, over=choices, on=board)
    assert free.totals["uram"] > 0
    limit = free.totals["uram"] - 1
    assert dse.minimize(loss, over=choices, on=board, subject_to=[uram <= limit]).totals["uram"] <= limit


def front_of(formats, metrics, board=BOARD):
    problems = foldings.laid_out(dse.choices(NET, formats), board, metrics)
    return problems, dse.front(problems, metrics)


@pytest.mark.parametrize("cost", [latency_s, lut, bram18], ids=str)
def test_no_plan_beats_the_front_and_each_of_its_points_is_one(cost):
    problems, front = front_of(SETS[-1], [loss, cost])
    assert len(problems) > 1
    assert dse.pareto.mask(front.points).all()
    for (least, spent), choice, at in zip(front.points, front.choices, front.origin, strict=True):
        totals = problems[at].estimate(choice).totals
        assert (problems[at].total_loss(choice), totals[cost.name]) == pytest.approx((least, spent), rel=1e-9)
    for least, spent in front.points[:: max(1, len(front.points) // 12)]:
        budget = [cost <= spent * (1 + 1e-9)]
        found, _ = foldings.best(problems, lambda each, b=budget: dse.minimize(loss, over=each, subject_to=b), budget)
        assert found.objective == pytest.approx(least, rel=1e-9)


def test_a_front_over_foldings_streams_in_order_and_survives_a_kill(tmp_path):
    metrics = [loss, latency_s, lut]
    problems, front = front_of(SETS[-1], metrics)
    assert len(set(front.origin.tolist())) > 1
    points = list(dse.fronts.stream(problems, metrics))
    assert [p.values for p in points] == sorted(map(tuple, front.points.tolist()))
    assert [p.origin for p in points] == front.origin[np.lexsort(front.points.T[::-1])].tolist()
    file = tmp_path / "points.jsonl"
    whole = list(dse.fronts.stream(problems, metrics, file=file))
    assert np.array([p.values for p in whole]) == pytest.approx(np.array([p.values for p in points]), rel=1e-12)
    lines = file.read_bytes()
    file.write_bytes(lines[: len(lines) // 2])
    assert list(dse.fronts.stream(problems, metrics, file=file)) == whole


def test_a_front_of_what_no_folding_changes_is_of_one():
    assert front_of(SETS[-1], [loss, weight_bytes])[1].origin is None


def test_a_front_within_budgets_is_that_of_the_plans_within_them():
    metrics, budgets = [loss, lut], [bram18 <= alone("bram18"), lut <= 0.7 * BOARD.lut]
    problems = foldings.laid_out(dse.choices(NET, SETS[-1]), BOARD, [*metrics, bram18], budgets)
    front = dse.front(problems, metrics, subject_to=budgets)
    plans = dse.front(problems, [loss, lut, bram18]).points
    inside = plans[(plans[:, 1] <= budgets[1].limit) & (plans[:, 2] <= budgets[0].limit)][:, :2]
    assert {tuple(p) for p in front.points} == {tuple(p) for p in inside[dse.pareto.mask(inside)]}
    for point, choice, at in zip(front.points, front.choices, front.origin, strict=True):
        totals = problems[at].estimate(choice).totals
        assert (problems[at].total_loss(choice), totals["lut"]) == pytest.approx(tuple(point), rel=1e-9)
        assert totals["bram18"] <= budgets[0].limit
    with pytest.raises(dse.InfeasibleError, match="no plan meets"):
        dse.front(problems, metrics, subject_to=[bram18 <= 0, lut <= 1])


def test_a_larger_budget_of_block_ram_is_met_where_a_smaller_one_is():
    wide = Workload("wide", tuple(linear(f"fc{i}", 1, 1024, 1024) for i in range(4)))
    choices, small = dse.choices(wide, ["int4"]), replace(BOARD, bram18=100.0)
    for limit in (2, 40, 90, 150, 200):
        found = dse.minimize(loss, over=choices, on=small, subject_to=[bram18 <= limit])
        assert found.estimate().totals["bram18"] <= limit
