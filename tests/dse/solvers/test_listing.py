"""The listed choices of coupled layers against every choice."""

import itertools
import math

import numpy as np
import pytest

from dse.solvers.classes import classes
from dse.solvers.coupling import Coupled
from dse.solvers.listing import list_all
from dse.solvers.part import Part
from dse.tables import read

LAYERS, OPTIONS = 6, 3
EDGES = [(0, 1), (1, 2), (0, 2), (3, 4)]
"""A triangle, a pair and a layer of its own."""


def part(seed):
    rng = np.random.default_rng(seed)
    loss, cost = rng.integers(0, 50, (2, LAYERS, OPTIONS)).astype(float)
    conversion = rng.integers(1, 9, (OPTIONS, OPTIONS)) * (1 - np.eye(OPTIONS))
    limit = float(cost.max(axis=1).sum() - 1)
    found = classes(read(loss, {"a": cost}, {"a": limit}, (), conversion, EDGES), merge=False)
    coupled = Coupled.of(found.instance, EDGES, found.loss_grid.of(conversion))
    return Part.of(coupled, found.instance.available)


@pytest.mark.parametrize("seed", range(8))
def test_every_choice_within_reach_is_listed_or_beaten(seed):
    whole = part(seed)
    prices = np.array([0.5 if seed % 2 else 0.0])
    values = whole.values(prices)
    tables = whole.eliminated(values)
    unit = whole.coupled.objective(np.zeros(LAYERS, np.int64)) or 1
    reach = 0.5 * unit
    listed = list_all(whole, values, tables, reach, 10_000)
    assert sorted(layer for each in listed for layer in each.groups.tolist()) == list(range(LAYERS))
    for each in listed:
        members = each.groups.tolist()
        inside = [(a, b) for a, b in whole.pairs.tolist() if a in members]
        found = {}
        for taken in itertools.product(range(OPTIONS), repeat=len(members)):
            at = dict(zip(members, taken, strict=True))
            loss = sum(int(whole.loss[layer, option]) for layer, option in at.items())
            table = {tuple(pair): added for pair, added in zip(whole.pairs.tolist(), whole.added, strict=True)}
            loss += sum(int(table[a, b][at[a], at[b]]) for a, b in inside)
            found[taken] = loss, sum(int(whole.costs[0, layer, option]) for layer, option in at.items())
        told = [
            (tuple(choice), (loss, cost))
            for choice, loss, cost in zip(
                each.choices.tolist(), each.loss.tolist(), each.costs[0].tolist(), strict=True
            )
        ]
        assert told
        assert all(found[choice] == both for choice, both in told)
        priced = {choice: loss + prices[0] * cost for choice, (loss, cost) in found.items()}
        least = min(priced.values())
        for choice, (loss, cost) in found.items():
            if priced[choice] - least <= reach * (1 - 1e-9):
                assert any(both[0] <= loss and both[1] <= cost for _, both in told)
        assert all(priced[choice] - least <= reach * (1 + 1e-9) for choice, _ in told)


def test_too_many_choices_or_too_little_time_list_none():
    whole = part(0)
    values = whole.values(np.zeros(1))
    tables = whole.eliminated(values)
    listed = list_all(whole, values, tables, math.inf, 10_000)
    assert listed
    assert sum(len(each.choices) for each in listed) > 2
    assert list_all(whole, values, tables, math.inf, 2) is None
    assert list_all(whole, values, tables, math.inf, 10_000, deadline=0.0) is None
