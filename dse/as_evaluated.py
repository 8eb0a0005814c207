"""The plan of least objective whose budgets are kept as it is evaluated, outputs in the formats of what reads them."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dse import moments, outputs, reader_tables
from dse.couplings import Couplings
from dse.interrupts import came
from dse.limits import Limits
from dse.passed import Passed, improved
from dse.plan import InfeasibleError, Plan
from dse.problem import Floats
from dse.tables import Tables, read

SHARE = 0.7
"""Of a time limit, what the exact search with outputs priced by their readers may take before a plan is improved."""

NONE: Mapping[str, Floats] = MappingProxyType({})


@dataclass(frozen=True)
class Solve:
    """The plan of least objective of a problem within limits of sums."""

    limits: Limits
    metric: str
    tables: Mapping[str, Floats]
    couplings: Couplings
    max_formats: int | None
    deadline: float

    def __call__(self, sums: Mapping[str, float], edited: Mapping[str, Floats] = NONE) -> Plan:
        """With some tables in place of the problem's."""
        return moments.solve(
            self.limits.problem, self._read(sums, edited), self.limits.peaks, self.max_formats, self.deadline
        )

    def by_readers(self, sums: Mapping[str, float], passed: Passed, share: float = SHARE) -> Plan:
        """With outputs in the formats that are read, in a share of the time; TimeoutError where that cannot be."""
        now = time.monotonic()
        arrays = reader_tables.exact(self._read(sums, {}), passed, self.metric, every=bool(self.limits.peaks))
        problem, until = self.limits.problem, now + share * (self.deadline - now)
        plan = moments.solve(problem, arrays, self.limits.peaks, self.max_formats, until)
        return replace(plan, choice=plan.choice[: len(problem.layers)])

    def _read(self, sums: Mapping[str, float], edited: Mapping[str, Floats]) -> Tables:
        lacking, couplings = np.isinf(self.limits.problem.loss), self.couplings
        given = {name: np.where(lacking, 0.0, table) for name, table in {**self.tables, **edited}.items()}
        objective = np.where(lacking, np.inf, given[self.metric])
        return read(objective, given, sums, couplings.groups, couplings.conversion, couplings.edges)


def as_evaluated(solve: Solve, sums: Mapping[str, float]) -> Plan:
    """The plan that keeps its budgets as it is evaluated; where outputs add to the metric, that is its objective.

    Where outputs are read in one of several formats, the search prices them so; where it cannot, tables that price them
    in their own layer's format find the plan, such as price them at the least prove its bound and refuse what no plan
    does, and changes of one or two layers improve it where nothing else ties them; not with a budget of memory at its
    peak, where that is a TimeoutError.
    """
    problem, metric = solve.limits.problem, solve.metric
    names, peaks = outputs.coupled(problem, {metric, *sums}), solve.limits.peaks
    if not names and not (peaks and outputs.several(problem)):
        return solve(sums)
    passed = Passed(problem, names)
    if peaks:
        return solve.by_readers(sums, passed, share=1.0)
    known: Plan | None = None
    with suppress(TimeoutError):
        known = solve.by_readers(sums, passed)
    if known is not None and (known.proven or came()):
        return known
    plan, bound = _repaired(solve, sums, passed, known)
    if not solve.couplings:
        plan = improved(passed, plan, metric, sums)
    return replace(plan, bound=min(bound, plan.objective))


def _objective(plan: Plan, evaluated: Mapping[str, float], metric: str, names: Sequence[str]) -> float:
    """The objective of a plan whose totals are those of tables, as it is evaluated; conversions stay in it."""
    return plan.objective + (evaluated[metric] - plan.totals[metric] if metric in names else 0.0)


def _repaired(solve: Solve, sums: Mapping[str, float], passed: Passed, known: Plan | None) -> tuple[Plan, float]:
    """The best plan known and of outputs priced in their own layer's format until its budgets are kept; a bound."""
    least = passed.least()
    bound = max(solve(sums, least).bound, -math.inf if known is None else known.bound)
    limits = {name: sums[name] for name in passed.names if name in sums}

    known_totals: dict[bytes, Mapping[str, float]] = {}

    def spent(plan: Plan) -> Mapping[str, float]:
        key = plan.choice.tobytes()
        if key not in known_totals:
            known_totals[key] = passed.problem.totals(plan.choice)
        return known_totals[key]

    def solved(shifted: Mapping[str, float], edited: Mapping[str, Floats] = NONE) -> Plan:
        plan = solve({**sums, **shifted}, edited)
        return replace(plan, objective=_objective(plan, spent(plan), solve.metric, passed.names))

    try:
        plan = outputs.keeping(solved, spent, limits)
    except InfeasibleError:
        try:
            plan = outputs.keeping(lambda shifted: solved(shifted, least), spent, limits)
        except InfeasibleError:
            if known is None:
                raise
            return known, bound
    return min(plan, known or plan, key=lambda each: each.objective), bound
