"""Plans where nothing asks for speed: the least loss of all designs, folded fast; a budget more never lowers it."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_joint_folding import BOARD, FORMATS, network, problem, searched

import dse
from costmodel.estimators.fpga import fold
from dse.couplings import Couplings
from dse.folding import least, least_loss
from dse.folding_layout import room
from dse.metric import METRICS
from dse.over_foldings import Rules, Sought

WIDTHS = (2, 3, 2)


@pytest.mark.parametrize("share", [*(pytest.param(s, marks=pytest.mark.long) for s in (0.05, 0.3)), 0.9])
def test_no_design_of_any_speed_loses_less(share):
    found, designs = searched(WIDTHS)
    lut, dsp = (float(np.quantile(designs[:, column], share)) for column in (3, 4))
    within = designs[(designs[:, 3] <= lut) & (designs[:, 4] <= dsp)]
    budgets = [METRICS["lut"] <= lut, METRICS["dsp"] <= dsp]
    plan = least_loss(found, subject_to=budgets)
    totals = plan.estimate().totals
    assert plan.proven
    assert plan.proven_within == ""
    assert plan.objective == pytest.approx(within[:, 2].min())
    assert found.total_loss(plan.choice) == pytest.approx(plan.objective)
    assert totals["lut"] <= lut
    assert totals["dsp"] <= dsp
    same = within[np.isclose(within[:, 2], within[:, 2].min())]
    laid = replace(found, folding=fold(found.workload, found.carried(plan.choice), room(BOARD, budgets)))
    own = laid.estimate(plan.choice).totals
    if all(each.met(own[each.metric.name]) for each in budgets):
        assert totals["throughput_per_s"] == own["throughput_per_s"]
    else:
        assert 1 / totals["throughput_per_s"] <= same[:, 0].min() * (1 + 1e-9)
    assert np.isfinite(plan.problem.loss).all()


def test_where_all_formats_fit_the_plan_is_laid_out_as_a_uniform_design_is():
    found, _ = searched(WIDTHS)
    plan = least_loss(found, subject_to=[METRICS["weight_bytes"] <= 1e3])
    widest = found.loss.argmin(axis=1)
    assert plan.choice.tolist() == widest.tolist()
    own = replace(found, folding=fold(found.workload, found.carried(widest), BOARD)).totals(widest)
    assert {name: plan.totals[name] for name in own} == own


def test_two_speeds_of_which_the_latency_is_out_of_reach_are_refused():
    found = problem(network((4, 4, 4)), replace(BOARD, lut=1500.0, dsp=0.0))
    asked = [METRICS["latency_s"] <= 2e-7, METRICS["throughput_per_s"] >= 1e6]
    with pytest.raises(dse.InfeasibleError, match="no plan meets"):
        least_loss(found, subject_to=asked)


def test_couplings_hold_in_a_folding_made_faster():
    found, _ = searched(WIDTHS)
    tied = least_loss(found, subject_to=[METRICS["lut"] <= 1200], couplings=Couplings.of(found, [found.layers]))
    assert len(set(tied.choice.tolist())) == 1
    assert tied.objective == pytest.approx(found.total_loss(tied.choice))


KNOWN = ("lut", "dsp", "bram18", "weight_bytes", "bytes_moved", "throughput_per_s", "latency_s", "loss")


@st.composite
def asked(draw):
    """A small network on a small board, and budgets that some plan keeps one by one."""
    widths = draw(st.lists(st.sampled_from([4, 6, 8, 12]), min_size=3, max_size=4))
    formats = draw(st.sampled_from([FORMATS, ("int2/int4", "int4/int4", "int8/int4"), ("int2", "int4")]))
    board = replace(BOARD, lut=draw(st.sampled_from([1500.0, 4000.0])), dsp=float(draw(st.integers(0, 20))))
    found = problem(network(tuple(widths)), board, formats)
    uniform = [found.estimate(found.uniform(i)).totals | {"loss": found.loss[:, i].sum()} for i in range(len(formats))]
    names = draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=2, unique=True))
    budgets = []
    for name in names:
        metric, values = METRICS[name], [totals[name] for totals in uniform]
        share = draw(st.floats(0.3, 1.2))
        budgets.append(metric >= share * min(values) if metric.better == "higher" else metric <= max(values) * share)
    return dse.choices(network(tuple(widths)), list(formats)), board, budgets


@given(asked())
@settings(max_examples=4, deadline=None)
def test_a_budget_more_never_lowers_the_loss(offer):
    choices, board, budgets = offer
    plans = {}
    for count in range(len(budgets) + 1):
        for kept in combinations(budgets, count):
            sought = Sought(METRICS["loss"], choices, board, kept, Rules(), np.inf, fit=True)
            try:
                found = sought.best(lambda p, b, _: dse.minimize(METRICS["loss"], over=p, subject_to=b)).plan
            except dse.InfeasibleError:
                continue
            totals = found.estimate().totals | {"loss": found.objective}
            assert all(each.met(totals[each.metric.name]) for each in kept if each.metric.name != "throughput_per_s")
            plans[kept] = found
    for fewer, more in product(plans, plans):
        if set(fewer) < set(more):
            assert plans[more].objective >= plans[fewer].bound * (1 - 1e-9)
            if plans[fewer].proven:
                assert plans[more].objective >= plans[fewer].objective * (1 - 1e-9)


def test_what_need_not_fit_is_sought_in_any_folding_all_the_same():
    choices, small = dse.choices(network(WIDTHS), FORMATS), replace(BOARD, lut=10.0)
    within = dse.minimize(METRICS["lut"], over=choices, on=BOARD)
    budgets = [METRICS["lut"] <= within.objective]

    def solve(problem, limits, _):
        return dse.minimize(METRICS["loss"], over=problem, subject_to=limits)

    sought = Sought(METRICS["loss"], choices, small, budgets, Rules(), np.inf, fit=False, utilisation=np.inf)
    found = sought.best(solve)
    assert found.plan.proven
    assert (found.plan.proven_within, found.problems) == ("", ())
    assert found.plan.objective <= within.problem.total_loss(within.choice) * (1 + 1e-9)
    with pytest.raises(dse.InfeasibleError, match=r"pynq_z1 has (no more|10) lut"):
        replace(sought, fit=True, utilisation=1.0).best(solve)


def test_a_peak_beside_a_speed_is_in_the_bound():
    choices = dse.choices(network((8, 6, 8, 4)), ["int2", "int8"])
    free = choices.on(BOARD)
    peak = 0.6 * free.totals(free.uniform(1))["peak_activation_bytes"]
    asked = [METRICS["peak_activation_bytes"] <= peak, METRICS["throughput_per_s"] >= 1e5]
    plan = dse.minimize(METRICS["loss"], over=choices, on=BOARD, subject_to=asked)
    assert plan.objective > 2 * least(METRICS["loss"], free)
    assert plan.proven
    assert plan.proven_within == ""
