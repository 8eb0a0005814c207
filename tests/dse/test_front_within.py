"""Fronts within budgets, of few formats and with conversions: those of every plan that there is, however asked for."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse import frontier
from dse.exact import at_most, exact_sum
from dse.foldings import laid_out
from dse.frontier import Within
from dse.metric import METRICS
from dse.pareto import mask

LAYERS, OPTIONS = 4, 3


def plans(loss, cost, other, conversion, edges, ties):
    """Loss, cost, the other cost and the options of every plan that ties allow."""
    for choice in product(range(OPTIONS), repeat=LAYERS):
        if all(choice[a] == choice[b] for group in ties for a, b in pairwise(group)):
            rows = np.arange(LAYERS), list(choice)
            added = 0.0 if conversion is None else sum(conversion[choice[a], choice[b]] for a, b in edges)
            yield loss[rows].sum() + added, cost[rows].sum(), other[rows].sum(), choice


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.sampled_from([None, 1, 2]), st.booleans())
def test_a_front_is_that_of_every_plan(seed, limited, converted, most, tied):
    random = np.random.default_rng(seed)
    loss, cost, other = random.integers(0, 9, (3, LAYERS, OPTIONS)).astype(float)
    edges = [(0, 1), (1, 2), (0, 2), (2, 3)]
    conversion = random.integers(0, 4, (OPTIONS, OPTIONS)) * (1.0 - np.eye(OPTIONS)) if converted else None
    limit, ties = float(random.integers(8, 22)), [[0, 3]] if tied else []
    cap = float(random.integers(8, 22))
    allowed = [
        (lost, spent)
        for lost, spent, rest, choice in plans(loss, cost, other, conversion, edges, ties)
        if (not limited or (rest <= limit and spent <= cap)) and (most is None or len(set(choice)) <= most)
    ]
    budgets = {"other": (other, limit), "cost": (cost, cap)} if limited else {}
    within = Within(budgets, conversion, edges, most)
    points = np.unique(np.array(allowed).reshape(-1, 2), axis=0)
    expected = [tuple(point) for point in points[mask(points)]]
    found = frontier.exact(loss, {"cost": cost}, ties, within)
    assert sorted(map(tuple, found.points.tolist())) == expected
    kept = []
    streamed = list(frontier.stream(loss, {"cost": cost}, ties, within, keep=kept.append))
    assert [point.values for point in streamed] == expected
    again = list(frontier.stream(loss, {"cost": cost}, ties, within, known=kept[: len(kept) // 2], keep=kept.append))
    assert again == streamed


def test_budgets_leave_partial_fronts_small():
    random = np.random.default_rng(0)
    loss, cost, *spent = random.uniform(1, 2, (5, 14, 3))
    budgets = {f"b{i}": (table, 1.04 * table.min(axis=1).sum()) for i, table in enumerate(spent)}
    loose = {f"b{i}": (table, 0.99 * table.max(axis=1).sum()) for i, table in enumerate(spent)}
    tight = frontier.exact(loss, {"cost": cost}, (), Within(budgets), most=1500)
    for point, choice in zip(tight.points.tolist(), tight.choices.tolist(), strict=True):
        rows = np.arange(14), choice
        assert all(table[rows].sum() <= limit for table, limit in budgets.values())
        assert point == pytest.approx([loss[rows].sum(), cost[rows].sum()])
    assert len(frontier.exact(loss, {"cost": cost}, (), Within(loose), most=20_000).points)


@pytest.mark.parametrize("kept", [{"conversion": 0.01}, {"max_formats": 1}, {"conversion": 0.01, "max_formats": 2}])
def test_a_front_keeps_what_a_plan_of_least_loss_keeps(kept, tmp_path):
    net = Workload("small", tuple(linear(f"fc{i}", 4, a, b) for i, (a, b) in enumerate(pairwise((16, 24, 12, 8)))))
    problem, metrics = dse.choices(net, ["int2", "int4", "int8"]).on(cm.gpu("h100_sxm")), ["loss", "weight_bytes"]
    metrics = [METRICS[name] for name in metrics]
    budget = METRICS["bops"] <= 0.6 * problem.costs["bops"].max(axis=1).sum()
    front = dse.front(problem, metrics, subject_to=[budget], **kept)
    for lost, size in front.points[::3].tolist():
        plan = dse.minimize(metrics[0], over=problem, subject_to=[budget, metrics[1] <= size], **kept)
        assert plan.objective == pytest.approx(lost)
    file = tmp_path / "points.jsonl"
    streamed = list(dse.fronts.stream(problem, metrics, subject_to=[budget], file=file, **kept))
    assert np.array([p.values for p in streamed])[::-1] == pytest.approx(front.points)
    with pytest.raises(ValueError, match="another problem"):
        list(dse.fronts.stream(problem, metrics, file=file))


def test_what_no_front_has_is_told():
    problem = dse.choices(Workload("one", (linear("fc", 4, 8, 8),)), ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    loss, size = METRICS["loss"], METRICS["weight_bytes"]
    with pytest.raises(dse.InfeasibleError, match="weight_bytes is at least 48"):
        dse.front(problem, [loss, size], subject_to=[size <= 1])
    with pytest.raises(ValueError, match="the first objective of the front must be loss"):
        dse.front(problem, [size, loss], conversion=0.1)
    with pytest.raises(ValueError, match="peak_activation_bytes"):
        dse.front(problem, [loss, size], subject_to=[METRICS["peak_activation_bytes"] <= 1e6])
    for name, why in (
        ("peak_activation_bytes", "it is of the network's fullest moment, no sum over layers; bound it"),
        ("power_w", "it is energy_j at the rate"),
        ("lut", "h100_sxm tells none; there are bops"),
    ):
        with pytest.raises(ValueError, match=f"{name} is no objective of a front: {why}"):
            dse.front(problem, [loss, METRICS[name]])
    many = np.random.default_rng(0).random((3, 14))
    with pytest.raises(ValueError, match="front of any 7 of 14 formats is that of 3432 sets"):
        frontier.exact(many, {"cost": many[:, ::-1]}, (), Within(max_formats=7))


def test_a_budget_of_loss_is_of_the_loss_that_points_show():
    net = Workload("net", tuple(linear(f"fc{i}", 1, 64, 64) for i in range(4)))
    problem = dse.choices(net, ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    metrics = [METRICS["loss"], METRICS["weight_bytes"]]
    whole = dse.front(problem, metrics, conversion=0.01).points
    limit = float(np.sort(whole[:, 0])[len(whole) // 2])
    expected = whole[whole[:, 0] <= limit]
    assert 0 < len(expected) < len(whole)
    kept = {"conversion": 0.01, "subject_to": [METRICS["loss"] <= limit]}
    assert dse.front(problem, metrics, **kept).points.tolist() == expected.tolist()
    assert sorted(p.values for p in dse.fronts.stream(problem, metrics, **kept)) == sorted(
        map(tuple, expected.tolist())
    )
    tied = {"conversion": 0.01, "ties": [problem.layers[:2]], "max_formats": 2}
    with pytest.raises(dse.InfeasibleError, match="loss is at least"):
        dse.front(problem, metrics, **tied, subject_to=[METRICS["loss"] <= whole[:, 0].min() * 0.99])


CHOICES = dse.choices(Workload("net", tuple(linear(f"fc{i}", 1, 64, 64) for i in range(4))), ["int4", "int8"])


@pytest.mark.parametrize(
    ("over", "names", "kept", "says"),
    [
        (CHOICES, ("loss", "weight_bytes"), {}, "a front is of a problem, as .* got a Choices"),
        ([], ("loss", "weight_bytes"), {}, "a front needs a problem"),
        (None, "loss", {}, "a front takes metrics, as .* got 'loss'"),
        (None, ("loss", "weight_bytes"), {"subject_to": ["loss<=1"]}, "subject_to is a list of budgets"),
        (None, ("loss", "weight_bytes"), {"max_formats": 0}, "max_formats must be at least 1 and whole, got 0"),
        (None, ("loss", "weight_bytes"), {"max_formats": 1.5}, "max_formats must be at least 1 and whole, got 1.5"),
    ],
)
def test_what_is_no_front_says_what_makes_one(over, names, kept, says):
    given = CHOICES.on(cm.gpu("h100_sxm")) if over is None else over
    metrics = names if isinstance(names, str) else [METRICS[name] for name in names]
    with pytest.raises((TypeError, ValueError), match=says):
        dse.front(given, metrics, **kept)


def test_a_refusal_tells_the_best_over_all_foldings():
    problems = laid_out(CHOICES, cm.fpga("zcu104"), [METRICS["lut"], METRICS["throughput_per_s"]])
    metrics = [METRICS["loss"], METRICS["lut"]]
    every = [p.estimate(choice).totals for p in problems for choice in product(range(2), repeat=4)]
    best = max(totals["throughput_per_s"] for totals in every)
    with pytest.raises(dse.InfeasibleError, match="at most") as speed:
        dse.front(problems, metrics, subject_to=[METRICS["throughput_per_s"] >= 1e12])
    assert speed.value.least["throughput_per_s"] == pytest.approx(best)
    least = min(float(p.costs["lut"].min(axis=1).sum()) for p in problems)
    with pytest.raises(dse.InfeasibleError, match="lut is at least") as room:
        dse.front(problems, metrics, subject_to=[METRICS["lut"] <= 10])
    assert room.value.least["lut"] == pytest.approx(least)


@pytest.mark.parametrize("seed", range(60))
def test_no_plan_exceeds_a_budget_by_any_amount(seed):
    """Entries of very different size leave bits below the grid; limits are at a plan's exact sum or just below it."""
    random = np.random.default_rng(seed)
    loss, cost, other = random.random((3, LAYERS, OPTIONS)) * 10.0 ** random.integers(-9, 3, (3, LAYERS, OPTIONS))
    layers, taken = np.arange(LAYERS), random.integers(0, OPTIONS, LAYERS)
    limits = [at_most(exact_sum(table[layers, taken])) for table in (cost, other)]
    limits = [float(np.nextafter(limit, 0.0)) if seed % 3 == i else limit for i, limit in enumerate(limits)]
    every = [np.array(choice) for choice in product(range(OPTIONS), repeat=LAYERS)]

    def kept(choice):
        sums = (exact_sum(table[layers, choice]) for table in (cost, other))
        return all(spent <= Fraction(limit) for spent, limit in zip(sums, limits, strict=True))

    found = frontier.exact(loss, {"cost": cost}, (), Within({"cost": (cost, limits[0]), "other": (other, limits[1])}))
    assert all(kept(choice) for choice in found.choices)
    allowed = np.array([(loss[layers, c].sum(), cost[layers, c].sum()) for c in every if kept(c)]).reshape(-1, 2)
    room = 1e-14 * np.array([loss.max(), cost.max()])
    for point in allowed:
        assert (found.points <= point + room).all(axis=1).any()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-7, 1.0, 1e6, 1e30, np.inf]),
    st.sampled_from([1.0, 1e9, 1e15, 1e200]),
    st.booleans(),
    st.booleans(),
)
def test_budgets_of_any_size_keep_the_plans_that_keep_them(seed, limit, large, own, one_by_one):
    """Budgets that nothing breaks, and options that alone exceed one, change no sum of the others."""
    random = np.random.default_rng(seed)
    loss, cost, other = random.random((3, LAYERS, OPTIONS))
    spent = cost if own else other
    spent[random.random((LAYERS, OPTIONS)) < 0.3] *= large
    spent[random.random((LAYERS, OPTIONS)) < 0.3] *= 1e-8
    assume(not own or spent[spent <= limit].max(initial=0.0) < 1e3)  # else the grid of an objective is that coarse
    allowed = [
        (exact_sum(loss[rows]), exact_sum(cost[rows]))
        for choice in product(range(OPTIONS), repeat=LAYERS)
        if exact_sum(spent[rows := (np.arange(LAYERS), list(choice))]) <= (Fraction(limit) if limit < np.inf else 1e300)
    ]
    expected = [p for p in allowed if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in allowed)]
    within = Within({"cost" if own else "other": (spent, limit)})
    if one_by_one:
        found = [point.values for point in frontier.stream(loss, {"cost": cost}, (), within, keep=lambda _: None)]
    else:
        found = frontier.exact(loss, {"cost": cost}, (), within).points
    assert len(found) == len(set(expected))
    assert np.array(sorted(map(tuple, found))).reshape(-1, 2) == pytest.approx(
        np.array(sorted({(float(a), float(b)) for a, b in expected})).reshape(-1, 2), rel=1e-9
    )
