"""Points of a front one by one, each by an integer program: where partial fronts are too large to merge.

Dächert, Klamroth, A Linear Bound on the Number of Scalarizations Needed to Solve Discrete Tricriteria Optimization
Problems, Journal of Global Optimization 61(4), 2015, doi 10.1007/s10898-014-0205-z: each point splits the boxes, which
limits on the costs bound, in which others can still be; boxes within others are dropped.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby

import numpy as np
from numpy.typing import NDArray

from dse import allocate, exact
from dse.interrupts import heard
from dse.pareto import mask
from dse.plan import InfeasibleError, Plan
from dse.solvers.merging import TooManyPointsError
from dse.tables import Tables

_LOSS = "loss "
"""The loss as a cost: no metric's name ends in a space."""

MOST_SETS = 1000
"""Sets of formats whose fronts are merged, at most."""


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


@dataclass(frozen=True)
class Sought:
    """Whose front is sought: of the loss and the costs named, within the tables' limits and so many formats."""

    tables: Tables
    names: tuple[str, ...]
    max_formats: int | None = None

    def sets(self) -> list[NDArray[np.bool_]]:
        """What is available of each set of as many options as may be used, and leaves every layer one."""
        available = self.tables.available
        used = np.flatnonzero(available.any(axis=0))
        most = min(self.max_formats or len(used), len(used))
        if (count := math.comb(len(used), most)) > MOST_SETS:
            said = (
                f"the front of any {most} of {len(used)} formats is that of {count} sets, of at most {MOST_SETS} here"
            )
            raise TooManyPointsError(said)
        parts = [available & np.isin(np.arange(available.shape[1]), chosen) for chosen in combinations(used, most)]
        found = [part for part in parts if part.any(axis=1).all()]
        if not found:
            raise InfeasibleError(f"no {most} formats are available to every layer", {})
        return found


def points(
    sought: Sought, known: Sequence[Answer] = (), keep: Callable[[Answer], object] | None = None
) -> Iterator[Point]:
    """Yield every non-dominated point once, in order of loss; `known` answers are taken, `keep` is told each new one.

    With conversions, points of one loss are told together: a program has no second objective there, and finds those
    that another of them beats too.
    """
    found = _found(sought, known, keep)
    if sought.tables.conversion is None:
        yield from found
        return
    for _, group in groupby(found, key=lambda point: point.values[0]):
        alike = sorted(group, key=lambda point: point.values)
        kept = mask([point.values for point in alike])
        yield from (point for point, good in zip(alike, kept.tolist(), strict=True) if good)


def _found(sought: Sought, known: Sequence[Answer], keep: Callable[[Answer], object] | None) -> Iterator[Point]:
    """The point of least loss of all boxes is that of each box which holds it, so that it splits them all."""
    answered = {answer.limits: answer.point for answer in known}
    boxes: dict[tuple[float, ...], Point] = {}
    fresh: list[tuple[float, ...]] = [(np.inf,) * len(sought.names)]
    while True:
        for limits in fresh:
            if limits not in answered:
                answered[limits] = _least(sought, limits)
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


def _least(sought: Sought, limits: tuple[float, ...]) -> Point | None:
    """The plan of least loss below the limits, then of least costs, one after another, among those of that loss.

    Where formats are converted, one of those of least loss.
    """
    tables = sought.tables
    below = {n: float(np.nextafter(b, -np.inf)) for n, b in zip(sought.names, limits, strict=True) if b < np.inf}
    if any(limit < 0 for limit in below.values()):
        return None
    most = {**tables.limits} | {name: min(limit, tables.limits.get(name, np.inf)) for name, limit in below.items()}
    kept = replace(tables, limits=most)
    if (plan := _proven(kept, sought.max_formats)) is None:
        return None
    if tables.conversion is None:
        plan = _cheapest(sought, plan, kept)
    values = exact.totals(tables, plan.choice)
    loss = float(exact.objective(tables, plan.choice))
    return Point((loss, *(float(values[name]) for name in sought.names)), tuple(plan.choice.tolist()))


def _cheapest(sought: Sought, plan: Plan, kept: Tables) -> Plan:
    """Of the plans that lose no more than this one, that of least costs, one after another."""
    lowest = min(0.0, float(kept.loss.min()))
    lost = kept.loss - lowest
    spent = exact.at_least(exact.exact_sum(lost[np.arange(len(plan.choice)), plan.choice]))
    limits = {**kept.limits, _LOSS: float(np.nextafter(spent, np.inf))}
    for name in sought.names:
        asked = replace(kept, loss=kept.costs[name], costs={**kept.costs, _LOSS: lost}, limits=limits)
        cheaper = _proven(asked, sought.max_formats)
        assert cheaper is not None  # the plan itself keeps all limits
        plan = cheaper
        limits[name] = min(float(np.nextafter(plan.objective, np.inf)), limits.get(name, np.inf))
    return plan


def _proven(tables: Tables, max_formats: int | None) -> Plan | None:
    """The proven plan of least loss, None where there is none; KeyboardInterrupt where Ctrl-C ended the search."""
    with heard() as interrupt:
        plan = allocate.best(tables, max_formats)
    if interrupt.came:
        raise KeyboardInterrupt
    return plan
