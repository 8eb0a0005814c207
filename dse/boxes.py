"""Points of a front one by one, each by an integer program: where partial fronts are too large to merge.

Dächert, Klamroth, A Linear Bound on the Number of Scalarizations Needed to Solve Discrete Tricriteria Optimization
Problems, Journal of Global Optimization 61(4), 2015, doi 10.1007/s10898-014-0205-z: each point splits the boxes, which
limits on the costs bound, in which others can still be; boxes within others are dropped.
"""

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
    """A proven point (loss, then costs), the option of each layer, and which of several problems it is of."""

    values: tuple[float, ...]
    choice: tuple[int, ...]
    origin: int = 0


@dataclass(frozen=True)
class Answer:
    """The point of least loss with every cost below the limits, None where there is none."""

    limits: tuple[float, ...]
    point: Point | None


def points(
    tables: Tables, known: Sequence[Answer] = (), keep: Callable[[Answer], object] | None = None
) -> Iterator[Point]:
    """Yield every non-dominated point once, in order of loss; `known` answers are taken, `keep` is told each new one.

    The point of least loss of all boxes is that of each box which holds it, so that it splits them all.
    """
    answered = {answer.limits: answer.point for answer in known}
    boxes: dict[tuple[float, ...], Point] = {}
    fresh: list[tuple[float, ...]] = [(np.inf,) * len(tables.costs)]
    while True:
        for limits in fresh:
            if limits not in answered:
                answered[limits] = _least(tables, limits)
                if keep:
                    keep(Answer(limits, answered[limits]))
        boxes |= {limits: point for limits in fresh if (point := answered[limits])}
        if not boxes:
            return
        found = min(boxes.values(), key=lambda point: point.values)
        yield found
        left, parts = _split(list(boxes), found.values[1:])
        boxes = {limits: boxes[limits] for limits in left}
        fresh = _outermost(parts, left)


def _split(
    boxes: Sequence[tuple[float, ...]], costs: tuple[float, ...]
) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """The boxes without a point, and the parts of the others that lie below it in one cost."""
    left, parts = [], []
    for box in boxes:
        if all(c < b for c, b in zip(costs, box, strict=True)):
            parts += [(*box[:j], cost, *box[j + 1 :]) for j, cost in enumerate(costs)]
        else:
            left.append(box)
    return left, parts


def _outermost(parts: Sequence[tuple[float, ...]], others: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """The parts that lie within no other part and no other box."""
    kept = list(others)
    for part in sorted(set(parts), reverse=True):
        if not any(all(p <= b for p, b in zip(part, box, strict=True)) for box in kept):
            kept.append(part)
    return kept[len(others) :]


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
