"""Plans within budgets of memory at a network's fullest moment, of live activations or of all that is in memory.

That is no sum over layers, but one at a given moment: the moments at which a plan breaks a budget are added as budgets
until none does.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from costmodel.estimators.footprint import (
    alive_at,
    alive_bytes,
    input_bytes,
    input_last_use,
    last_use,
    optimizer_bytes,
    output_elements,
)
from costmodel.estimators.traffic import BITS_PER_BYTE, trained_bytes
from dse.allocate import best
from dse.infeasible import SEARCH_S, infeasible, needs
from dse.outputs import several
from dse.plan import InfeasibleError, Plan, left_s
from dse.problem import Floats, Problem
from dse.readers import Ints, Rows
from dse.tables import Tables, larger

NEAR = 1e-6
"""Share of a least value told by which a plan's may yet be lower."""


def solve(
    problem: Problem, tables: Tables, peaks: Mapping[str, float], max_formats: int | None, deadline: float
) -> Plan:
    """Return the plan of checked tables within `peaks`, {metric: most bytes at any moment}, as `allocate.solve` does.

    InfeasibleError says which budget is impossible, alone or else together, and the least that it could be.
    """
    moments = _Moments(problem, {"footprint_bytes": always_bytes(problem)} if "footprint_bytes" in peaks else {})
    plan = moments.within(tables, peaks, max_formats, deadline)
    if plan is None:
        search_s = left_s(deadline)
        raise (
            _refusal(moments, tables, peaks, max_formats, time.monotonic() + (search_s or SEARCH_S))
            if moments.broken
            else infeasible(tables, max_formats, search_s)
        )
    return plan


def always_bytes(problem: Problem) -> Floats:
    """Bytes in memory at all moments: weights, caches, gradients and states of training, float64[layers, options]."""
    found = problem.costs["weight_bytes"] + problem.costs["kv_bytes"]
    if problem.workload.phase != "training":
        return found
    pruned = [s(problem.workload) if s else problem.workload for s in problem.strategies or (None,) * found.shape[1]]
    batches = [(w.batch_of_ops, option) for w, option in zip(pruned, problem.options, strict=True)]
    return found + _by_layer(problem, [trained_bytes(*batch) + optimizer_bytes(*batch) for batch in batches])


@dataclass(frozen=True)
class _Moments:
    """The moments of a network at which plans broke a budget: {(metric, op): float[rows, options]} bytes.

    `always` has what a metric counts beside live activations.
    """

    problem: Problem
    always: Mapping[str, Floats]
    broken: dict[tuple[str, int], Floats] = field(default_factory=dict)

    def within(
        self, tables: Tables, peaks: Mapping[str, float], max_formats: int | None, deadline: float
    ) -> Plan | None:
        """The plan of least loss within the tables' limits and the peaks, None where there is none."""
        while True:
            cuts = {(name, op): table for (name, op), table in self.broken.items() if name in peaks}
            costs = {f"{name} at {op}": self._laid(table, tables) for (name, op), table in cuts.items()}
            limits = {f"{name} at {op}": peaks[name] for name, op in cuts}
            limited = replace(tables, costs={**tables.costs, **costs}, limits={**tables.limits, **limits})
            plan = best(limited, max_formats, deadline)
            if plan is None:
                return None
            fullest = {name: self.fullest(name, plan) for name in peaks}
            new = [(name, op) for name, (op, most) in fullest.items() if most > peaks[name] and (name, op) not in cuts]
            if not new:
                return replace(plan, totals={name: plan.totals[name] for name in tables.costs})
            self.broken.update({(name, op): self.table(name, op) for name, op in new})

    def fullest(self, name: str, plan: Plan) -> tuple[int, float]:
        """The op during which a plan has most of a metric in memory, and how many bytes."""
        choice = plan.choice[: len(self.problem.layers)]
        alive = alive_bytes(self.problem.workload, self.problem.carried(choice))
        always = self.always[name][np.arange(len(choice)), choice].sum() if name in self.always else 0.0
        return int(alive.argmax()), float(alive.max() + always)

    def table(self, name: str, op: int) -> Floats:
        """Bytes in memory while an op runs, by the row in whose format each tensor is: float[rows, options]."""
        workload, options = self.problem.workload, self.problem.options
        found = self._by_row([alive_at(workload, self.problem.laid(option), op) for option in range(len(options))])
        if op <= input_last_use(workload):
            entering = [np.array([input_bytes(workload, option)]) for option in options]
            found += _summed(entering, self._reads, len(found), self.problem.rest)
        return found + self._always(name, len(found))

    def summed(self, name: str) -> Floats:
        """Bytes in memory summed over all moments, but for the input: float[rows, options]."""
        workload = self.problem.workload
        moments = last_use(workload) - np.arange(len(workload.ops)) + 1
        bytes_ = output_elements(workload) * moments / BITS_PER_BYTE
        laid = map(self.problem.laid, range(len(self.problem.options)))
        found = self._by_row([bytes_ * each.written.bits_per_element for each in laid])
        return found + self._always(name, len(found)) * len(workload.ops)

    @cached_property
    def _rows(self) -> Rows | None:
        """In whose formats ops write; None where each writes in its own layer's."""
        return Rows.of(self.problem) if several(self.problem) else None

    @property
    def _reads(self) -> Ints:
        """The row in whose format the first op reads, -1 for one without a choice: int[1]."""
        passes = self.problem.workload.ops[0].weight_elements == 0
        return np.array(self._rows.writes[:1]) if self._rows and passes else self.problem.follows[:1]

    def _by_row(self, per_option: Sequence[Floats]) -> Floats:
        """float[ops] of each option summed over the ops that write in a row's format: float64[rows, options]."""
        if self._rows is None:
            return _by_layer(self.problem, per_option)
        return _summed(per_option, np.array(self._rows.writes), self._rows.count, self.problem.rest)

    def _always(self, name: str, rows: int) -> Floats:
        """What a metric counts at all moments: float64[rows, options]."""
        found = np.zeros((rows, len(self.problem.options)))
        found[: len(self.problem.layers)] = self.always.get(name, 0.0)
        return found

    def _laid(self, table: Floats, tables: Tables) -> Floats:
        """A table of rows for tables that may have more of them, and more options: 0 there, and where unavailable."""
        shape = len(tables.loss), tables.loss.shape[1]
        found = larger(table, shape) if self._rows is None else self._rows.by_state(table, range(len(table)), shape)
        return np.where(tables.available, found, 0.0)

    def least(
        self, name: str, tables: Tables, peaks: Mapping[str, float], max_formats: int | None, deadline: float
    ) -> float:
        """The least peak of a metric within the tables' limits and the other peaks, at least its limit in `peaks`.

        0 where those conflict; a lower bound if the search takes too long.
        """
        low, others = peaks[name], {other: most for other, most in peaks.items() if other != name}
        tables = replace(tables.minimising(None), loss=self._laid(self.summed(name), tables))
        try:
            plan = self.within(tables, others, max_formats, deadline)
            if plan is None:
                return 0.0
            high = self.fullest(name, plan)[1]
            tried = high * (1 - NEAR)
            while high * (1 - NEAR) > low:
                plan = self.within(tables, {**others, name: tried}, max_formats, deadline)
                low, high = (low, self.fullest(name, plan)[1]) if plan else (tried, high)
                tried = (low + high) / 2
        except TimeoutError:
            return low
        return high


def _by_layer(problem: Problem, per_option: Sequence[Floats]) -> Floats:
    """float[ops] of each option summed over the ops that follow a layer: float64[layers, options]."""
    return _summed(per_option, problem.follows, len(problem.layers), problem.rest)


def _summed(per_option: Sequence[Floats], owners: Ints, rows: int, rest: int) -> Floats:
    """float[ops] of each option summed over rows that own ops, -1 for what has no choice: float64[rows, options]."""
    table = np.zeros((rows, len(per_option)))
    for option, per_op in enumerate(per_option):
        np.add.at(table[:, option], np.maximum(owners, 0), np.where(owners >= 0, per_op, per_option[rest]))
    return table


def _refusal(
    moments: _Moments, tables: Tables, peaks: Mapping[str, float], max_formats: int | None, deadline: float
) -> InfeasibleError:
    """Why no plan is within the limits, all of which but the peaks' can be met together."""
    limits = {**tables.limits, **peaks}
    alone = {
        name: moments.least(name, replace(tables, limits={}), {name: peaks[name]}, None, deadline) for name in peaks
    }
    impossible = [name for name in peaks if alone[name] > peaks[name]]
    if impossible:
        return InfeasibleError(f"no plan meets the budget: {needs(alone, limits, impossible)}", alone, alone=True)
    least = {name: moments.least(name, tables, peaks, max_formats, deadline) for name in peaks}
    for name in tables.limits:
        others = {other: limit for other, limit in tables.limits.items() if other != name}
        asked = replace(tables.minimising(name), limits=others)
        try:
            plan = moments.within(asked, peaks, max_formats, deadline)
        except TimeoutError:
            break
        least[name] = plan.objective if plan else 0.0
    over = [name for name in limits if least.get(name, 0.0) > limits[name]]
    with_ = f" with {max_formats} formats" if max_formats else ""
    told = f"given the others, {needs(least, limits, over)}" if over else ", ".join(limits)
    return InfeasibleError(f"no plan meets the budgets together{with_}: {told}", least)
