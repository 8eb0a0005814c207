import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse import frontier, pareto
from dse.allocate import solve
from dse.solvers import ladder
from dse.solvers.grid import to_grid


@st.composite
def networks(draw):
    layers, options, columns = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pool = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0, 3.0, 7.5]), min_size=1, max_size=5))
    loss = random.choice(pool, (layers, options))
    if draw(st.booleans()) and options > 1:
        loss[0, 0] = np.inf
    ties = [[0, layers - 1]] if layers > 2 and draw(st.booleans()) else []
    return loss, {f"c{i}": random.choice(pool, (layers, options)) for i in range(columns)}, ties


@settings(max_examples=300, deadline=None)
@given(networks())
def test_equals_brute_force(network):
    loss, costs, ties = network
    layers = np.arange(len(loss))
    tables = [loss, *costs.values()]
    sums = np.array([[t[layers, c].sum() for t in tables] for c in brute_force.every_choice(loss.shape, ties)])
    sums = sums[np.isfinite(sums[:, 0])]
    expected = np.unique(sums[pareto.mask(sums)], axis=0)
    front = frontier.exact(loss, costs, ties)
    assert front.names == ("loss", *costs)
    assert np.unique(front.points, axis=0).tolist() == expected.tolist()
    assert len(front.points) == len(expected)
    if costs:
        assert (np.diff(front.points[:, 1]) >= 0).all()
    for point, choice in zip(front.points, front.choices, strict=True):
        assert [t[layers, choice].sum() for t in tables] == point.tolist()
        assert all(len(set(choice[tie].tolist())) == 1 for tie in ties)


def test_every_point_of_a_front_is_the_plan_at_its_cost():
    random = np.random.default_rng(3)
    bits = np.array([2.0, 4.0, 8.0])
    size = random.integers(100, 2000, (12, 1)) * bits
    loss = random.lognormal(0, 1, (12, 1)) * 4.0**-bits
    front = frontier.exact(loss, {"bits": size})
    assert len(front.points) > 50
    for point in front.points[:: len(front.points) // 25]:
        plan = solve(loss, {"bits": size}, {"bits": point[1]})
        assert plan.proven
        assert plan.objective == pytest.approx(point[0], rel=1e-12)
        assert plan.totals["bits"] == point[1]


def test_losses_that_leave_no_bits_for_the_option_are_merged_as_points():
    random = np.random.default_rng(5)
    loss, cost = random.uniform(size=(3, 17)), random.integers(1, 9, (3, 17)).astype(float)
    loss[:, :2] = 1.0, 2.0**-60
    assert ladder.Ladder.start(17, int((to_grid(loss).values[:, 0]).sum())) is None
    front = frontier.exact(loss, {"c": cost})
    layers = np.arange(3)
    rows = np.array([(loss[layers, c].sum(), cost[layers, c].sum()) for c in brute_force.every_choice((3, 17), [])])
    expected = rows[pareto.mask(rows)]
    assert front.points == pytest.approx(expected[np.argsort(expected[:, 1])], rel=1e-12)


def test_an_explosion_of_points_is_one_clear_line():
    random = np.random.default_rng(0)
    loss, costs = random.uniform(size=(8, 3)), {name: random.uniform(size=(8, 3)) for name in "abc"}
    with pytest.raises(ValueError, match="more than 20 points after"):
        frontier.exact(loss, costs, most=20)


def test_bad_input_is_refused_as_in_solve():
    with pytest.raises(ValueError, match=r"loss\[0, 0\] is nan"):
        frontier.exact([[np.nan]], {})
    with pytest.raises(ValueError, match="max_formats must be at least 1 and whole, got 'a'"):
        frontier.exact([[1.0]], {}, (), frontier.Within(max_formats="a"))


def test_a_notebook_shows_a_front():
    loss = np.arange(300.0)[None]
    shown = frontier.exact(loss, {"<size>": loss[:, ::-1]})._repr_html_()
    assert "300 points, all proven, 40 shown" in shown
    assert shown.count("<td>299</td>") == 2  # the first and the last
    assert "<th>&lt;size&gt;</th>" in shown
