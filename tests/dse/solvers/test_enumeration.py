import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.solvers.enumeration import Item, combine, reach_within, split
from dse.solvers.meeting import meet


@st.composite
def item_lists(draw):
    """Items of a few classes, excesses with ties and zeros, costs of either sign."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    budgets = draw(st.integers(0, 3))
    items = []
    for group in range(draw(st.integers(0, 6))):
        copies = draw(st.integers(1, 3))
        for option in range(draw(st.integers(1, 3))):
            excess = float(random.choice([0.0, 0.25, 1.0, random.uniform(0, 3)]))
            costs = random.integers(-50, 50, budgets)
            items.append(Item(group, option, copies, excess, int(random.integers(-9, 9)), costs))
    return items, budgets


def every_combination(items):
    for times in itertools.product(*(range(item.copies + 1) for item in items)):
        used = {}
        for item, count in zip(items, times, strict=True):
            used[item.group] = used.get(item.group, 0) + count
        if all(used[item.group] <= item.copies for item in items):
            yield times


@settings(max_examples=150, deadline=None)
@given(item_lists(), st.floats(0, 6))
def test_a_half_lists_every_combination_once(drawn, reach):
    items, budgets = drawn
    items = sorted(items[:6], key=lambda item: item.group)
    half = combine(items, reach, budgets)
    found = []
    for i in range(len(half.loss)):
        taken = {(item.group, item.option): times for item, times in half.taken(i)}
        times = np.array([taken.get((item.group, item.option), 0) for item in items], int)
        assert half.loss[i] == times @ np.array([item.loss for item in items], int)
        spent = sum((n * item.costs for n, item in zip(times, items, strict=True)), np.zeros(budgets, int))
        assert half.costs[:, i].tolist() == spent.tolist()
        found.append(tuple(times.tolist()))
    excess = [item.excess for item in items]
    expected = [t for t in every_combination(items) if sum(n * e for n, e in zip(t, excess, strict=True)) <= reach]
    assert sorted(found) == sorted(expected)


@settings(max_examples=150, deadline=None)
@given(item_lists(), st.floats(0.01, 20), st.integers(1, 40))
def test_reach_within_keeps_its_promise(drawn, farthest, most):
    items, budgets = drawn
    items = sorted(items, key=lambda item: item.group)
    reach = reach_within(items, farthest, most)
    assert reach <= farthest
    assert reach == -1 or len(combine(items, reach * (1 - 1e-12), budgets).loss) <= most


@settings(max_examples=40, deadline=None)
@given(item_lists(), st.integers(-60, 120), st.floats(0, 80))
def test_a_meeting_misses_no_pair_that_leaves_little_room(drawn, room, width):
    items, budgets = drawn
    left, right = (combine(half, 2.0, budgets) for half in split(items))
    rooms, widths = np.full(budgets, room), np.full(budgets, width)
    pairs = [
        (a, b)
        for rows, partners in meet(left, right, rooms, widths).chunks()
        for a, b in zip(rows.tolist(), partners.tolist(), strict=True)
    ]
    met = set(pairs)
    assert len(met) == len(pairs)
    for a, b in itertools.product(range(len(left.loss)), range(len(right.loss))):
        rest = rooms - left.costs[:, a] - right.costs[:, b]
        if ((rest >= 0) & (rest <= widths)).all():
            assert (a, b) in met
