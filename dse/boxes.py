"""Points of a front one by one, each by an integer program: where partial fronts are too large to merge.

Dächert, Klamroth, A Linear Bound on the Number of Scalarizations Needed to Solve Discrete Tricriteria Optimization
Problems, Journal of Global Optimization 61(4), 2015, doi 10.1007/s10898-014-0205-z: each point splits the boxes, which
limits on the costs bound, in which others can still be; boxes within others are dropped.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dse import allocate, exact
from dse.plan import InfeasibleError
from dse.tables import Tables

_LOSS = "loss "
"""The loss as a cost: no metric's name ends in a space."""


@dataclass(frozen=True)
class Point:
    """A proven point (loss, then costs) and the option of each layer."""

    values: tuple[float, ...]
    choice: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """The point of least loss with every cost below the limits, None where there is none."""

    limits: tuple[float, ...]
    point: Point | None


def points(
    tables: Tables, known: Sequence[Answer] = (), keep: Callable[[Answer], object] | None = None
) -> Iterator[Point]:
    """Yield every non-dominated point once; `known` answers are taken as they are, `keep` is told each new one."""
    answered = {answer.limits: answer.point for answer in known}
    found: set[tuple[float, ...]] = set()
    open_boxes: list[tuple[float, ...]] = [(np.inf,) * len(tables.costs)]
    while open_boxes:
        limits = heapq.heappop(open_boxes)
        if limits not in answered:
            answered[limits] = _least(tables, limits)
            if keep:
                keep(Answer(limits, answered[limits]))
        point = answered[limits]
        if point is None:
            continue
        if point.values not in found:
            found.add(point.values)
            yield point
        open_boxes = _split([limits, *open_boxes], point.values[1:])
        heapq.heapify(open_boxes)


def _split(open_boxes: list[tuple[float, ...]], costs: tuple[float, ...]) -> list[tuple[float, ...]]:
    """Replace the boxes that hold a point by those below it in one cost, none within another."""
    kept = [box for box in open_boxes if not all(c < b for c, b in zip(costs, box, strict=True))]
    for box in open_boxes:
        if all(c < b for c, b in zip(costs, box, strict=True)):
            kept += [(*box[:j], cost, *box[j + 1 :]) for j, cost in enumerate(costs)]
    table = np.array(sorted(set(kept), reverse=True))
    alive: list[int] = []
    for i, box in enumerate(table):
        if not (table[alive] >= box).all(axis=1).any():
            alive.append(i)
    return [tuple(row) for row in table[alive].tolist()]


def _least(tables: Tables, limits: tuple[float, ...]) -> Point | None:
    """The plan of least loss below the limits, then of least costs, one after another, among those of that loss."""
    below = {n: float(np.nextafter(b, -np.inf)) for n, b in zip(tables.costs, limits, strict=True) if b < np.inf}
    if any(limit < 0 for limit in below.values()):
        return None
    available = np.where(tables.available, 0.0, np.inf)
    lowest = min(0.0, float(tables.loss.min()))
    costs = {**tables.costs, _LOSS: tables.loss - lowest}
    try:
        plan = allocate.solve(tables.loss + available, tables.costs, below, tables.groups)
    except InfeasibleError:
        return None
    spent = float((tables.loss - lowest)[np.arange(len(plan.choice)), plan.choice].sum())
    kept = {_LOSS: float(np.nextafter(spent * (1 + 1e-15), np.inf))} | below
    for name in tables.costs:
        plan = allocate.solve(tables.costs[name] + available, costs, kept, tables.groups)
        kept[name] = float(np.nextafter(plan.objective, np.inf))
    values = exact.totals(tables, plan.choice)
    loss = float(exact.objective(tables, plan.choice))
    return Point((loss, *(float(values[name]) for name in tables.costs)), tuple(plan.choice.tolist()))
