"""Formats and foldings together: exact against every design, never slower than one after the other."""

from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.estimators.fpga import Folding, fold
from costmodel.estimators.fpga.folding_tables import candidates
from costmodel.record import stack
from costmodel.workload import Workload
from costmodel.workload.ops import conv, linear, pooling
from dse.couplings import Couplings
from dse.folding import fastest, least_loss
from dse.folding_search import Search
from dse.metric import METRICS, parse_budget
from dse.plan import InfeasibleError

BOARD = cm.fpga("pynq_z1")
FORMATS = ("int2/int8", "int8/int8")
"""Of one activation format: what outputs take then depends on no neighbour, and searches are exact."""


def network(widths, tokens=3):
    layers = [linear(f"fc{i}", tokens, a, b) for i, (a, b) in enumerate(pairwise(widths))]
    return Workload("small", tuple(layers))


def board(lut, dsp=20):
    return replace(BOARD, lut=float(lut), dsp=float(dsp))


def problem(net, device, formats=FORMATS):
    return dse.choices(net, list(formats)).on(device)


@cache
def searched(widths):
    """The problem of a network of linear layers, and all its designs."""
    found = problem(network(widths), BOARD)
    return found, np.array(list(every_design(found)))


def every_design(found):
    """Rows of interval, latency, loss, lut, dsp, bram18 of every design, by the whole network's estimate."""
    ops = found.workload.ops
    axes = [[(pe, simd, dsp) for pe, simd in candidates(op) for dsp in (0.0, 1.0)] for op in ops]
    for choice in product(range(len(found.options)), repeat=len(ops)):
        for rows in product(*axes):
            folded = replace(found, folding=Folding(*np.array(rows).T, uram=np.zeros(len(ops))))
            totals = folded.estimate(choice).totals
            spent = (totals[name] for name in ("lut", "dsp", "bram18"))
            yield 1 / totals["throughput_per_s"], totals["latency_s"], found.total_loss(choice), *spent


@pytest.mark.parametrize("widths", [(4, 4), (6, 3), pytest.param((2, 3, 2), marks=pytest.mark.long)])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_no_design_is_faster(widths, share):
    found, designs = searched(widths)
    lut, dsp, loss = (float(np.quantile(designs[:, column], share)) for column in (3, 4, 2))
    loss *= 1 + 1e-9  # budgets are kept in exact arithmetic, in which equal sums differ
    budget = [parse_budget(f"{name}<={limit!r}") for name, limit in (("lut", lut), ("dsp", dsp), ("loss", loss))]
    within = designs[(designs[:, 3] <= lut) & (designs[:, 4] <= dsp) & (designs[:, 2] <= loss)]
    for objective, column in (("throughput_per_s", 0), ("latency_s", 1)):
        if not len(within):
            with pytest.raises(InfeasibleError):
                fastest(found, objective, subject_to=budget)
            continue
        plan = fastest(found, objective, subject_to=budget)
        assert plan.proven
        assert plan.objective == pytest.approx(within[:, column].min())


@pytest.mark.parametrize("widths", [(4, 4), pytest.param((2, 3, 2), marks=pytest.mark.long)])
@pytest.mark.parametrize("share", [0.1, 0.4])
@pytest.mark.parametrize("speed", ["throughput_per_s", "latency_s"])
def test_no_design_as_fast_loses_less(widths, share, speed):
    found, designs = searched(widths)
    column = ("throughput_per_s", "latency_s").index(speed)
    slowest, lut = float(np.quantile(designs[:, column], share)) * (1 + 1e-9), float(np.quantile(designs[:, 3], 0.6))
    asked = METRICS[speed] >= 1 / slowest if speed == "throughput_per_s" else METRICS[speed] <= slowest
    within = designs[(designs[:, column] <= slowest) & (designs[:, 3] <= lut)]
    if not len(within):
        with pytest.raises(InfeasibleError, match=r"no plan meets"):
            least_loss(found, subject_to=[asked, METRICS["lut"] <= lut])
        return
    plan = least_loss(found, subject_to=[asked, METRICS["lut"] <= lut])
    totals = plan.estimate().totals
    assert plan.proven
    assert plan.objective == pytest.approx(within[:, 2].min())
    assert totals["lut"] <= lut
    assert (1 / totals["throughput_per_s"], totals["latency_s"])[column] <= slowest * (1 + 1e-9)


@cache
def mixed(widths):
    """The same of formats that differ in their activations."""
    found = problem(network(widths), BOARD, ("int2", "int8"))
    return found, np.array(list(every_design(found)))


@pytest.mark.parametrize("widths", [(4, 4), pytest.param((2, 3, 2), marks=pytest.mark.long)])
@pytest.mark.parametrize("share", [0.1, 0.4])
def test_outputs_are_priced_by_what_reads_them_with_formats_and_foldings_together(widths, share):
    found, designs = mixed(widths)
    slowest, lut = float(np.quantile(designs[:, 0], share)) * (1 + 1e-9), float(np.quantile(designs[:, 3], 0.5))
    within = designs[(designs[:, 0] <= slowest) & (designs[:, 3] <= lut)]
    budget = [METRICS["throughput_per_s"] >= 1 / slowest, METRICS["lut"] <= lut]
    plan = least_loss(found, subject_to=budget)
    assert plan.proven
    assert plan.proven_within == ""
    assert plan.objective == pytest.approx(within[:, 2].min())
    assert plan.estimate().totals["lut"] <= lut
    most = float(np.quantile(designs[:, 2], 0.6)) * (1 + 1e-9)
    allowed = designs[(designs[:, 2] <= most) & (designs[:, 3] <= lut)]
    quick = fastest(found, subject_to=[METRICS["loss"] <= most, METRICS["lut"] <= lut])
    assert quick.proven
    assert quick.objective == pytest.approx(allowed[:, 0].min())


@pytest.mark.long
@pytest.mark.parametrize("share", [0.4, 0.6])
def test_all_of_the_device_is_the_room_whatever_else_is_asked(share):
    _, designs = searched((2, 3, 2))
    most, slowest = (float(np.quantile(designs[:, column], share)) * (1 + 1e-9) for column in (3, 0))
    small, speed = replace(BOARD, lut=most), METRICS["throughput_per_s"] >= 1 / slowest
    over = dse.choices(network((2, 3, 2)), list(FORMATS))
    within = designs[(designs[:, 0] <= slowest) & (designs[:, 3] <= most)]
    for more in ([], [METRICS["lut"] <= most], [METRICS["lut"] <= 10 * most, METRICS["dsp"] <= small.dsp]):
        plan = dse.minimize(METRICS["loss"], over=over, on=small, subject_to=[speed, *more])
        assert plan.proven
        assert plan.objective == pytest.approx(within[:, 2].min())
    for other in (METRICS["dsp"] <= 2, METRICS["lut"] <= 0.8 * most, METRICS["weight_bytes"] <= 1e3):
        fewer = dse.minimize(METRICS["loss"], over=over, on=small, subject_to=[other])
        totals = fewer.estimate().totals
        if speed.met(totals["throughput_per_s"]) and totals["lut"] <= most:
            assert fewer.objective >= plan.bound * (1 - 1e-9)


def test_a_speed_out_of_reach_is_refused_with_what_is_in_reach():
    found = problem(network((4, 4)), BOARD)
    with pytest.raises(InfeasibleError, match=r"however it is folded|at most") as refused:
        least_loss(found, subject_to=[METRICS["throughput_per_s"] >= 1e12])
    most = fastest(found).estimate().totals["throughput_per_s"]
    assert refused.value.least["throughput_per_s"] == pytest.approx(most)


def test_a_latency_out_of_reach_is_refused_with_the_least_there_is():
    found = problem(network((4, 4)), BOARD)
    with pytest.raises(InfeasibleError, match="latency_s is at least") as refused:
        least_loss(found, subject_to=[METRICS["latency_s"] <= 1e-12])
    assert refused.value.least["latency_s"] == pytest.approx(fastest(found, "latency_s").objective)


def test_a_format_more_never_makes_a_speed_impossible_nor_loses_more():
    net, budget = network((8, 12, 6), tokens=16), [METRICS["throughput_per_s"] >= 2e6]
    few, more = (least_loss(problem(net, BOARD, f), subject_to=budget) for f in (("int4",), ("int2", "int4", "int8")))
    assert more.objective <= few.objective


def test_minimize_folds_with_formats_where_a_speed_is_asked_for():
    over, budget = dse.choices(network((4, 6)), list(FORMATS)), [METRICS["throughput_per_s"] >= 1e5]
    plan = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=budget)
    assert plan.objective == least_loss(over.on(BOARD), subject_to=budget).objective
    assert plan.subject_to == ("throughput_per_s >= 100000",)


def coupled(found, designs, ties, conversion, most):
    """The least loss with conversions of designs (choice, loss), of formats that ties and their number allow."""
    best = np.inf
    for choice, lost in designs:
        if any(choice[a] != choice[b] for a, b in ties) or len(set(choice)) > most:
            continue
        best = min(best, lost + conversion * sum(a != b for a, b in pairwise(choice)))
    return best


@pytest.mark.parametrize(
    ("ties", "conversion", "most"),
    [
        pytest.param([("fc0", "fc1")], 0.0, 2, marks=pytest.mark.long),
        pytest.param([], 0.02, 2, marks=pytest.mark.long),
        pytest.param([], 0.0, 1, marks=pytest.mark.long),
        ([("fc0", "fc1")], 0.02, 2),
    ],
)
def test_no_design_of_coupled_formats_loses_less(ties, conversion, most):
    found = problem(network((2, 3, 2)), BOARD)
    loss = {c: found.total_loss(c) for c in product(range(2), repeat=2)}
    rows = list(every_design(found))
    choices = [c for c in product(range(2), repeat=2) for _ in range(len(rows) // 4)]
    slowest = float(np.quantile([r[0] for r in rows], 0.1)) * (1 + 1e-9)
    lut = float(np.quantile([r[3] for r in rows], 0.4))
    reached = {c for c, r in zip(choices, rows, strict=True) if r[0] <= slowest and r[3] <= lut}
    least = coupled(found, [(c, loss[c]) for c in reached], [(0, 1)] * len(ties), conversion, most)
    couplings = Couplings.of(found, ties, conversion or None, most)
    plan = least_loss(
        found, subject_to=[METRICS["throughput_per_s"] >= 1 / slowest, METRICS["lut"] <= lut], couplings=couplings
    )
    assert plan.proven
    assert plan.objective == pytest.approx(least)
    assert tuple(plan.choice) in reached


def test_couplings_are_kept_within_a_time_and_the_bound_holds_for_every_plan():
    net = network((16, 24, 16, 12, 8), tokens=16)
    over, budgets = (
        dse.choices(net, ["int2/int8", "int4/int8", "int8/int8"]),
        [METRICS["throughput_per_s"] >= 5e5, METRICS["lut"] <= 9e3],
    )
    free = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=budgets, time_limit_s=2)
    tied = [["fc0", "fc2"]]
    for edits in ({"max_formats": 3}, {"conversion": 0}, {"ties": tied}, {"ties": tied, "max_formats": 2}):
        plan = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=budgets, time_limit_s=2, **edits)
        assert plan.bound <= plan.objective
        assert plan.objective >= free.bound * (1 - 1e-9)
        assert not plan.proven_within
        assert "ties" not in edits or plan.assignment["fc0"] == plan.assignment["fc2"]
    hurried = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=budgets, ties=tied, time_limit_s=1e-3)
    assert hurried.bound <= free.objective


def test_what_no_search_knows_together_keeps_the_bound_of_what_it_knows():
    over, speed = dse.choices(network((4, 6)), list(FORMATS)), METRICS["throughput_per_s"] >= 1e5
    plan = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=[speed, METRICS["energy_j"] <= 1])
    assert plan.bound <= least_loss(over.on(BOARD), subject_to=[speed]).objective
    assert not plan.proven_within
    apart = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=[METRICS["energy_j"] <= 1])
    assert apart.proven_within == "foldings made for each format"


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([4, 6, 8, 12, 16]), min_size=2, max_size=5), st.floats(0, 1), st.integers(1000, 9000))
def test_a_plan_keeps_its_limits_and_is_no_slower_than_formats_then_folding(widths, share, lut):
    found = problem(network(widths, tokens=16), board(lut), ("int2/int8", "int4/int8", "int8/int8"))
    low, high = found.loss.min(axis=1).sum(), found.loss.max(axis=1).sum()
    budget = [METRICS["loss"] <= float(low + share * (high - low)) * (1 + 1e-9)]
    try:
        plan = fastest(found, subject_to=budget)
    except InfeasibleError:
        return
    limits = found.device
    totals = plan.estimate().totals
    assert all(totals[name] <= getattr(limits, name) for name in ("lut", "dsp", "bram18"))
    assert totals["throughput_per_s"] == pytest.approx(1 / plan.objective)
    assert plan.bound <= plan.objective
    first = dse.minimize(METRICS["lut"], over=found, subject_to=budget)
    then = fold(found.workload, stack(found.per_op(first.choice)), found.device)
    after = replace(found, folding=then).estimate(first.choice).totals
    if all(after[name] <= getattr(limits, name) for name in ("lut", "dsp", "bram18")):
        assert totals["throughput_per_s"] >= after["throughput_per_s"] * (1 - 1e-9)


def test_poolings_keep_up_and_more_room_is_never_slower():
    layers = (
        conv("conv", 1, 4, 8, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
        pooling("pool", 8 * 64, 8 * 16, inputs=("conv",)),
        linear("fc", 1, 128, 4, inputs=("pool",)),
    )
    net = Workload("pooled", layers)
    rates, times = [], []
    for lut in (3000, 6000, 20000):
        found = problem(net, board(lut))
        plan = fastest(found)
        pe = plan.problem.folding.pe
        assert plan.estimate().columns["cycles"][1] <= plan.estimate().totals["cycles"]
        assert pe[1] >= 1
        rates.append(plan.estimate().totals["throughput_per_s"])
        quick = fastest(found, "latency_s")
        times.append(quick.estimate().totals["latency_s"])
        assert quick.objective == pytest.approx(times[-1])
        assert quick.bound <= times[-1] <= plan.estimate().totals["latency_s"]
    assert rates == sorted(rates)
    assert times == sorted(times, reverse=True)
    assert rates[0] < rates[-1]


@pytest.mark.parametrize("objective", ["throughput_per_s", "latency_s"])
def test_weights_have_a_budget_beside_a_speed(objective):
    found = problem(network((4, 6, 4)), BOARD)
    most = sum(found.costs["weight_bytes"].min(axis=1)) * 1.5
    plan = fastest(found, objective, subject_to=[METRICS["weight_bytes"] <= most])
    free = fastest(found, objective)
    assert plan.estimate().totals["weight_bytes"] <= most
    assert plan.objective >= free.objective


@pytest.mark.parametrize("objective", ["throughput_per_s", "loss"])
def test_plans_of_several_activation_formats_keep_budgets_as_they_are_evaluated(objective):
    found = problem(network((8, 24, 8, 40, 8), tokens=4), BOARD, ("int2", "int4", "int8"))
    mixed = 0
    for lut in (2500, 3500, 5000):
        budgets = [METRICS["lut"] <= lut, METRICS["loss"] <= 4.0] if objective != "loss" else [METRICS["lut"] <= lut]
        speed = METRICS["throughput_per_s"] >= 1e6
        run = fastest if objective != "loss" else least_loss
        plan = run(found, subject_to=budgets if objective != "loss" else [*budgets, speed])
        assert plan.estimate().totals["lut"] <= lut
        assert plan.totals["lut"] == plan.estimate().totals["lut"]
        assert plan.proven_within == ""
        mixed += len(set(plan.choice.tolist())) > 1
    assert mixed


@pytest.mark.parametrize(
    ("budget", "error", "says"),
    [
        ("lut<=10", InfeasibleError, "lut is at least"),
        ("loss<=0", InfeasibleError, "loss is at least"),
        (
            "power_w<=1",
            ValueError,
            "may be on loss, weight_bytes, bops, bytes_moved, lut, dsp, bram18, uram, got one on power",
        ),
    ],
)
def test_what_no_design_meets_is_told(budget, error, says):
    with pytest.raises(error, match=says):
        fastest(problem(network((4, 4)), BOARD), subject_to=[parse_budget(budget)])


def test_only_an_fpga_is_folded_and_for_known_ends():
    with pytest.raises(ValueError, match="folding is for an FPGA, and h100_sxm is none"):
        fastest(problem(network((4, 4)), cm.gpu("h100_sxm"), ("int8",)))
    with pytest.raises(ValueError, match="unknown objective 'speed'"):
        fastest(problem(network((4, 4)), BOARD), "speed")


def test_a_latency_below_the_slowest_layer_s_own_is_refused_with_that(monkeypatch):
    monkeypatch.setattr(Search, "too_slow", lambda *_: None)  # as where its time is up
    found = dse.choices(network((8, 12, 6), tokens=16), list(FORMATS)).on(BOARD)
    asked, couplings = [METRICS["latency_s"] <= 1e-9], Couplings.of(found, max_formats=1)
    with pytest.raises(InfeasibleError, match="alone takes at least") as refused:
        least_loss(found, subject_to=asked, couplings=couplings)
    assert 1e-9 < refused.value.least["latency_s"] <= fastest(found, "latency_s").estimate().totals["latency_s"]


@pytest.mark.parametrize(("board_name", "asked"), [("zcu102", 2739726), ("pynq_z1", 390625)])
def test_what_the_memory_moves_bounds_the_rate_of_plans_as_it_does_that_of_estimates(board_name, asked):
    found = dse.choices(network((64, 8, 64), tokens=64), ["int6/int8", "int4"]).on(cm.fpga(board_name))
    every = [np.array(choice) for choice in product(range(2), repeat=2)]
    plan = least_loss(found, subject_to=[METRICS["throughput_per_s"] >= asked])
    assert plan.estimate().totals["throughput_per_s"] >= asked * (1 - 1e-9)
    assert plan.proven
    quick = fastest(found)
    assert quick.estimate().totals["throughput_per_s"] == pytest.approx(1 / quick.objective)
    for choice in every:
        if found.total_loss(choice) < plan.objective * (1 - 1e-9):
            wide = replace(found, folding=fold(found.workload, found.carried(choice), found.device))
            assert wide.estimate(choice).totals["throughput_per_s"] < asked


def test_a_pooling_of_what_several_layers_read_is_priced_in_the_format_of_what_reads_it():
    ops = (
        replace(linear("a", 6, 2, 2, bias=False), inputs=()),
        pooling("pool", 12, 12, inputs=("a",)),
        replace(linear("b", 6, 2, 1, bias=False), inputs=("pool",)),
        replace(linear("c", 6, 2, 1, bias=False), inputs=("a",)),
    )
    found = problem(Workload("shared", ops, outputs=("b", "c")), BOARD, ("int4/int8", "int2"))
    within = [METRICS["dsp"] <= 1, METRICS["loss"] <= 1.6622]
    luts = (1760, 1820, 1960)
    plans = [fastest(found, subject_to=[*within, METRICS["lut"] <= lut]) for lut in luts]
    assert all(plan.proven for plan in plans)
    assert all(plan.estimate().totals["lut"] <= lut for plan, lut in zip(plans, luts, strict=True))
    assert [round(plan.objective / 1.2e-7, 6) for plan in plans] == [2, 1, 1]
