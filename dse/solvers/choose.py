"""Which method solves a problem: by its shape."""

import time
from dataclasses import replace

import numpy as np

from dse.solvers import branching, cp_sat, subsets
from dse.solvers.classes import Classes, classes
from dse.solvers.instance import Instance, Outcome
from dse.tables import Tables

_SHARE, _LONGEST_S = 0.25, 5.0
"""The part of the time, and the most, that a coupled problem spends without conversions for a first plan and bound."""


def dispatch(tables: Tables, max_formats: int | None, deadline: float) -> tuple[Classes, Outcome, str]:
    """Solve checked tables; return their classes, the outcome and the method's name."""
    options = tables.loss.shape[1]
    most_options = min(max_formats or options, options)
    if tables.conversion is None:
        found = classes(tables)
        if most_options == options or subsets.count(found.instance, most_options) <= subsets.MOST_SUBSETS:
            return found, *_uncoupled(found.instance, most_options, deadline)
    found = classes(tables, merge=False)
    return found, _coupled(found, most_options, deadline), "cp_sat"


def _uncoupled(instance: Instance, most_options: int, deadline: float) -> tuple[Outcome, str]:
    if most_options == instance.loss.shape[1]:
        return branching.solve(instance, deadline), "branching"
    return subsets.solve(instance, most_options, deadline), "subsets"


def _coupled(found: Classes, most_options: int, deadline: float) -> Outcome:
    """Solve with CP-SAT, from a plan and a bound of the problem without conversions."""
    now = time.monotonic()
    until = min(now + _SHARE * (deadline - now), now + _LONGEST_S)
    many = subsets.count(found.instance, most_options) > subsets.MOST_SUBSETS
    free, _ = _uncoupled(found.instance, found.instance.loss.shape[1] if many else most_options, until)
    if free.exhausted and free.counts is None:
        return free
    start = None if many else free.counts
    coupled = cp_sat.solve(found.instance, _couplings(found, most_options), deadline, start)
    return replace(coupled, bound=max(coupled.bound, free.bound))


def _couplings(found: Classes, most_options: int) -> cp_sat.Couplings:
    tables = found.tables
    conversion = tables.conversion if tables.conversion is not None else np.zeros((tables.loss.shape[1],) * 2)
    class_of = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    pairs = [(class_of[layer], class_of[layer + 1]) for layer in range(len(tables.loss) - 1)]
    different = tuple(pair for pair in pairs if pair[0] != pair[1])
    return cp_sat.Couplings(different, found.loss_grid.of(conversion), most_options)
