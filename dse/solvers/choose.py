"""Which method solves a problem: by its shape."""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dse.solvers import branching, by_kind, coupled, cp_sat, subsets
from dse.solvers.classes import Classes, classes
from dse.solvers.coupling import Coupled
from dse.solvers.instance import Instance, Outcome
from dse.solvers.passing import passing
from dse.tables import Tables

_SHARE, _LONGEST_S = 0.25, 5.0
"""The part of the time, and the most, that CP-SAT's problems spend without conversions for a first plan and bound."""
_MOST_MASKS = 500
"""Most sets of options of a coupled problem that are bounded one by one."""


def dispatch(tables: Tables, max_formats: int | None, deadline: float) -> tuple[Classes, Outcome, str]:
    """Solve checked tables; return their classes, the outcome and the method's name."""
    if tables.kinds is not None:
        return by_kind.dispatch(tables, tables.kinds, max_formats, deadline)
    options = tables.loss.shape[1]
    most_options = min(max_formats or options, options)
    if tables.passing is not None:
        found = classes(tables, merge=False)
        return found, *_passed(found, most_options, deadline)
    if tables.conversion is None:
        found = classes(tables)
        if most_options == options or subsets.count(found.instance, most_options) <= subsets.MOST_SUBSETS:
            return found, *_uncoupled(found.instance, most_options, deadline)
    found = classes(tables, merge=False)
    return found, *_coupled(found, most_options, deadline)


def _uncoupled(instance: Instance, most_options: int, deadline: float) -> tuple[Outcome, str]:
    if most_options == instance.loss.shape[1]:
        return branching.solve(instance, deadline), "branching"
    return subsets.solve(instance, most_options, deadline), "subsets"


def _passed(found: Classes, most_options: int, deadline: float) -> tuple[Outcome, str]:
    """Solve by elimination; TimeoutError where layers are coupled too closely for it."""
    edges, conversion = _edges(found)
    problem = passing(Coupled.of(found.instance, edges, conversion), found)
    instance, beyond = problem.instance, found.beyond
    sets = subsets.count(instance, most_options, beyond)
    if sets > _MOST_MASKS or not coupled.can_solve(problem, instance.available):
        raise TimeoutError("layers are coupled too closely by what reads them")
    masks = list(subsets.masks(instance, most_options, beyond))
    choice, bound, exhausted = coupled.solve(problem, masks, deadline)
    return Outcome(None if choice is None else problem.counts(choice), bound, exhausted), "elimination"


def _coupled(found: Classes, most_options: int, deadline: float) -> tuple[Outcome, str]:
    """Solve by elimination where the couplings are few, else with CP-SAT from a plan and bound without conversions."""
    instance, (edges, conversion) = found.instance, _edges(found)
    problem = Coupled.of(instance, edges, conversion)
    sets = subsets.count(instance, most_options)
    if sets <= _MOST_MASKS and coupled.can_solve(problem, instance.available):
        choice, bound, exhausted = coupled.solve(problem, list(subsets.masks(instance, most_options)), deadline)
        return Outcome(None if choice is None else problem.counts(choice), bound, exhausted), "elimination"
    now = time.monotonic()
    until = min(now + _SHARE * (deadline - now), now + _LONGEST_S)
    many = sets > subsets.MOST_SUBSETS
    free, _ = _uncoupled(instance, instance.loss.shape[1] if many else most_options, until)
    if free.exhausted and free.counts is None:
        return free, "cp_sat"
    start = None if many else free.counts
    outcome = cp_sat.solve(instance, cp_sat.Couplings(tuple(edges), conversion, most_options), deadline, start)
    return replace(outcome, bound=max(outcome.bound, free.bound)), "cp_sat"


def _edges(found: Classes) -> tuple[list[tuple[int, int]], NDArray[np.int64]]:
    """The pairs of groups that convert from one to the other, and the conversions on the loss grid."""
    tables = found.tables
    conversion = tables.conversion if tables.conversion is not None else np.zeros((tables.loss.shape[1],) * 2)
    class_of = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    pairs = [(class_of[a], class_of[b]) for a, b in tables.edges]
    return [pair for pair in pairs if pair[0] != pair[1]], found.loss_grid.of(conversion)
