"""Formats and foldings together: the fastest dataflow on an FPGA within its resources and a loss.

An integer program over (layer, format, folding): each layer takes one format and one PE and SIMD of its unit, and of
the poolings and sums that follow it. Least latency is a sum, which `allocate` minimises; a pooling or sum then keeps up
with its layer for the fewest LUTs and is not chosen apart. The highest throughput is that of the slowest unit: for a
target interval, `allocate` finds the least loss among the options that keep up with it, and the least interval whose
loss is allowed is found by bisection over all intervals that some unit takes. FINN-R (Blott et al., doi
10.1145/3242897) folds for given formats; choosing both in turn can only lose.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.estimators.fpga.unit import Folding
from costmodel.hardware import Fpga
from dse import allocate
from dse.folding_options import LONGEST, RESOURCES, SECONDS, SPENT, Group, Units, paced, units, within
from dse.metric import Budget
from dse.pareto import mask
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem
from dse.tables import read

Floats = NDArray[np.float64]

OBJECTIVES = ("throughput_per_s", "latency_s")

UTILISATION = 0.7
"""Share of each resource that a design may take where no budget says otherwise, as in `fpga.fold`."""

STEP_S = 10.0
"""Longest search for one target; a target not decided by then counts as missed, and the plan as not proven."""


def fastest(
    problem: Problem,
    objective: str = "throughput_per_s",
    *,
    subject_to: Sequence[Budget] = (),
    time_limit_s: float | None = None,
) -> Plan:
    """Return the plan of formats, with its problem folded, of the highest throughput or the least latency.

    `subject_to` may bound loss, lut, dsp, bram18, uram; resources without a budget may be used to UTILISATION of the
    device. The plan's objective is seconds: the interval between passes, or the sum of the units' times; no design is
    below its `bound`. InfeasibleError where no design meets the budgets, ValueError off an FPGA or on a budget that is
    not one of these.
    """
    require("objective", objective, OBJECTIVES)
    if not isinstance(problem.device, Fpga):
        raise ValueError(f"folding is for an FPGA, and {problem.device.name} is none")
    deadline = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
    search = _Search(problem, _limits(problem.device, subject_to), units(problem), deadline)
    plan, taken = search.least_latency() if objective == "latency_s" else search.least_interval()
    return replace(plan, problem=replace(problem, folding=_folding(problem, taken)))


def _limits(device: Fpga, budgets: Sequence[Budget]) -> dict[str, float]:
    usable = device.usable(UTILISATION)
    limits = {name: float(getattr(usable, name)) for name in RESOURCES}
    given: dict[str, float] = {}
    for budget in budgets:
        name = require("budget of a folding", budget.metric.name, ("loss", *RESOURCES))
        given[name] = min(budget.limit, given.get(name, math.inf))
    return limits | given


def _folding(problem: Problem, taken: Sequence[Units]) -> Folding:
    """The chosen candidates over all ops, a folding of ones where an op is no unit."""
    columns = np.tile([1.0, 1.0, 1.0, 0.0], (len(problem.workload.ops), 1))
    for each in taken:
        columns[list(each.ops)] = each.folded[0]
    return Folding(*columns.T)


@dataclass(frozen=True)
class _Flat:
    """The candidates of all options of each layer side by side, inf loss where a layer has fewer; and what each is."""

    loss: Floats
    seconds: Floats
    spent: Mapping[str, Floats]
    which: list[list[tuple[int, int]]]


@dataclass(frozen=True)
class _Search:
    """Candidates [layers][options] of a problem, and the limits of loss and resources."""

    problem: Problem
    limits: Mapping[str, float]
    units: list[list[Group]]
    deadline: float

    def least_latency(self) -> tuple[Plan, list[Units]]:
        """One program: the sum of all units' seconds."""
        kept = [[paced(group) for group in row] for row in self.units]
        flat = self._flat(kept, timed=True)
        left = None if math.isinf(self.deadline) else max(self.deadline - time.monotonic(), 1e-3)
        seconds = np.where(np.isinf(flat.loss), np.inf, flat.seconds)
        plan = allocate.solve(seconds, self._costs(flat), self.limits, time_limit_s=left)
        return self._named(plan, flat, kept)

    def least_interval(self) -> tuple[Plan, list[Units]]:
        """Bisect over the intervals for the least whose program has a plan; then that program's plan of least loss."""
        targets = self._intervals()
        low, high, refuted = 0, len(targets) - 1, -1
        best = self._within(targets[high])
        if best is None:
            raise self._refusal()
        while low < high:
            middle = (low + high) // 2
            try:
                found = self._within(targets[middle])
            except TimeoutError:
                low = middle + 1
                continue
            if found is None:
                low, refuted = middle + 1, middle
            else:
                best, high = found, middle
        interval, bound = float(targets[high]), float(targets[refuted + 1])
        plan, taken = best
        return replace(plan, objective=interval, bound=bound), taken

    def _intervals(self) -> Floats:
        """Seconds that some unit takes, from the least that every layer can keep up with on."""
        times = [[[unit.paid[:, LONGEST] for unit in group] for group in row] for row in self.units]
        least = max(min(max((t.min() for t in group), default=0.0) for group in row) for row in times)
        every = np.unique(np.concatenate([t for row in times for group in row for t in group]))
        return every[every >= least]

    def _within(self, most_s: float) -> tuple[Plan, list[Units]] | None:
        """The plan of least loss of which no unit takes longer, None where its loss is not allowed or none fits.

        TimeoutError where that is not known in time.
        """
        kept = [[within(group, most_s) for group in row] for row in self.units]
        flat = self._flat(kept, timed=False)
        budgets = {name: limit for name, limit in self.limits.items() if name != "loss"}
        tables = read(flat.loss, flat.spent, budgets, (), None)
        plan = allocate.best(tables, deadline=min(self.deadline, time.monotonic() + STEP_S))
        allowed = self.limits.get("loss", math.inf)
        if plan is None or plan.bound > allowed:
            return None
        if plan.objective > allowed:
            raise TimeoutError("the least loss at a target is not known")
        return self._named(plan, flat, kept)

    def _refusal(self) -> InfeasibleError:
        """Why even the smallest design does not do."""
        flat = self._flat([[within(group, math.inf) for group in row] for row in self.units], timed=False)
        try:
            allocate.solve(np.where(np.isinf(flat.loss), np.inf, 0.0), self._costs(flat), self.limits)
        except InfeasibleError as error:
            return error
        raise AssertionError("a design that was refused exists")

    def _flat(self, kept: list[list[Units]], *, timed: bool) -> _Flat:
        """Tables of the candidates that no other one of the layer beats; `timed` where their seconds count too."""
        rows = [self._row(layer, row, timed) for layer, row in enumerate(kept)]
        width = max(len(which) for _, which in rows)
        table = np.full((len(rows), width, 2 + len(RESOURCES)), np.inf)
        for layer, (values, _) in enumerate(rows):
            table[layer, : len(values)] = values
        spent = {name: np.where(np.isinf(table[..., 0]), 0.0, table[..., 2 + i]) for i, name in enumerate(RESOURCES)}
        return _Flat(table[..., 0], table[..., 1], spent, [which for _, which in rows])

    def _row(self, layer: int, row: list[Units], timed: bool) -> tuple[Floats, list[tuple[int, int]]]:
        """Loss, seconds and resources of a layer's candidates, and the option and row of each."""
        available = [o for o, u in enumerate(row) if len(u.paid) and np.isfinite(self.problem.loss[layer, o])]
        if not available:
            raise ValueError(f"{self.problem.layers[layer]} has no format that a unit here can take")
        parts = [
            np.column_stack([np.full(len(row[o].paid), self.problem.loss[layer, o]), row[o].paid]) for o in available
        ]
        values = np.concatenate(parts)[:, [0, 1 + SECONDS, *range(1 + SPENT.start, 1 + SPENT.stop)]]
        good = mask(values if timed else np.delete(values, 1, axis=1))
        which = [(o, i) for o in available for i in range(len(row[o].paid))]
        return values[good], [which[i] for i in np.flatnonzero(good)]

    def _costs(self, flat: _Flat) -> dict[str, Floats]:
        return {"loss": np.where(np.isinf(flat.loss), 0.0, flat.loss), **flat.spent}

    def _named(self, plan: Plan, flat: _Flat, kept: list[list[Units]]) -> tuple[Plan, list[Units]]:
        """The plan with options of the problem for its choice, and the unit of each layer."""
        picked = [flat.which[layer][candidate] for layer, candidate in enumerate(plan.choice.tolist())]
        taken = [kept[layer][option].keep(np.array([row])) for layer, (option, row) in enumerate(picked)]
        choice = np.array([option for option, _ in picked])
        return replace(plan, choice=choice), taken
