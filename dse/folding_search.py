"""Integer programs over the candidates of an FPGA's layers: least interval, least loss at a speed, and for latency
(`folding_latency`) those that are short along paths."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dse import allocate, readers
from dse.couplings import Couplings
from dse.folding_latency import quickest, within_latency
from dse.folding_memory import MOVED, NEAR, bytes_in, moved_s
from dse.folding_options import ALONG, LONGEST, RESOURCES, SPENT, Group, Paths, Units, paced, within
from dse.infeasible import infeasible
from dse.metric import Budget
from dse.pareto import distinct
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem
from dse.tables import Tables, read

Floats = NDArray[np.float64]

FIXED = ("weight_bytes", "bops", MOVED)
"""Costs that no folding changes."""

_PATH = "path_s of "
"""The seconds along a path, as a cost."""

INTERVAL = "interval_s"
"""The seconds that no unit may exceed: what a budget of throughput or of cycles asks for."""

SEARCH_S = 20.0
"""Time of a search for the least loss where the caller sets none."""

LATENCY_SEARCH_S = 60.0
"""The same for the least latency, which large networks do not prove in any."""

STEP_S = 10.0
"""Longest search for one target; a target not decided by then counts as missed, and the plan as not proven."""

LONGER = 3.0
"""How many times longer targets are searched that were not decided, while there is time."""

PROGRAMS = 4
"""Of the time left, one program of a search for the least loss within a latency may take that part."""

STEPS = 10
"""Targets of a search that is only to begin another, of which none may take more than its share of the time."""


@dataclass(frozen=True)
class _Flat:
    """The candidates of all options of each layer side by side, inf loss where a layer has fewer; what each adds to
    each path; what each is; and RESOURCES by what is written, float[layers, candidates, options, 4] (`Units`)."""

    loss: Floats
    along: Floats
    spent: Mapping[str, Floats]
    which: list[list[tuple[int, int]]]
    written: Floats


@dataclass(frozen=True)
class Search:
    """Candidates [layers][options] of a problem, and the limits of loss and resources.

    `by_readers` prices outputs by the formats of what reads them, otherwise in their own layer's.
    """

    problem: Problem
    limits: Mapping[str, float]
    units: list[list[Group]]
    deadline: float
    step_s: float = STEP_S
    couplings: Couplings = field(default_factory=Couplings)
    by_readers: bool = False

    def least_latency(self) -> tuple[Plan, list[Units]]:
        """The quickest that is found from the plan of the least interval on."""
        known, bound = self._known()
        until = (time.monotonic() + self.deadline) / 2
        return quickest(self.problem, self._along, known, bound, until)

    def _known(self) -> tuple[list[tuple[Plan, list[Units]]], float]:
        """The plan of the least interval that half of the time finds, else that of least loss; and an interval that
        none is below."""
        now = time.monotonic()
        half = (now + self.deadline) / 2
        try:
            found = replace(self, deadline=half, step_s=min(self.step_s, (half - now) / STEPS)).least_interval()
        except TimeoutError:
            return [self._along(math.inf, (), math.inf, loss=True)], 0.0
        return [found], found[0].bound

    def least_loss(self) -> tuple[Plan, list[Units]]:
        """One program: the summed loss, of candidates within the interval; one an interval where latency is limited."""
        most_s, latency_s = (self.limits.get(name, math.inf) for name in (INTERVAL, "latency_s"))
        self._require_reachable(most_s, latency_s)
        return self._paced(most_s)._least_loss(most_s, latency_s)

    def _least_loss(self, most_s: float, latency_s: float) -> tuple[Plan, list[Units]]:
        if latency_s < math.inf:
            best = within_latency(self.problem, partial(self._along, loss=True, longest_s=most_s), latency_s)
            if best is None:
                raise InfeasibleError(f"no plan meets the budgets: none has latency_s of at most {latency_s:.6g}", {})
            return best
        kept = [[within(group, most_s) for group in row] for row in self.units]
        flat = self._flat(kept)
        return self._named(self._solved(flat, flat.loss, self._costs(flat), self._sums()), flat, kept)

    def _along(
        self, pace_s: float, paths: Paths, most_s: float, *, loss: bool = False, longest_s: float = math.inf
    ) -> tuple[Plan, list[Units]]:
        """Of units that take no longer than `longest_s` and are at most `most_s` along each path, the plan that is
        shortest along them together, or of least loss; see `paced` for what follows them."""
        if time.monotonic() > self.deadline:
            raise TimeoutError("no plan found in the time given; give more time or larger budgets")
        most_pass_s = min(longest_s, pace_s)
        if most_pass_s < self._slowest().max():
            raise InfeasibleError("no unit of a layer keeps up", {})
        kept = [[paced(group, most_pass_s, paths) for group in row] for row in self.units]
        flat = self._flat(kept, paths=len(paths))
        along = {f"{_PATH}{i}": flat.along[..., i] for i in range(len(paths))}
        shortest = np.where(np.isinf(flat.loss), np.inf, flat.along.mean(axis=-1) if len(paths) else 0.0)
        limits = self._sums() | {name: most_s for name in along if most_s < math.inf}
        tables = self._tables(flat, flat.loss if loss else shortest, self._costs(flat) | along, limits)
        now = time.monotonic()
        until = now + (self.deadline - now) / PROGRAMS if loss else min(self.deadline, now + self.step_s)
        plan = allocate.best(tables, self.couplings.max_formats if loss else None, until)
        if plan is None:
            raise InfeasibleError("no plan is that short along all paths", {})
        return self._named(plan, flat, kept)

    def _solved(self, flat: _Flat, loss: Floats, costs: Mapping[str, Floats], limits: Mapping[str, float]) -> Plan:
        """The plan of least loss within limits and couplings."""
        tables, most = self._tables(flat, loss, costs, limits), self.couplings.max_formats
        plan = allocate.best(tables, most, self.deadline)
        if plan is None:
            raise infeasible(tables, most, self._left())
        return plan

    def _tables(
        self, flat: _Flat, loss: Floats, costs: Mapping[str, Floats], limits: Mapping[str, float], *, free: bool = False
    ) -> Tables:
        """The tables of the candidates with the format of each, its couplings unless `free`, and what writing costs."""
        tables = read(loss, costs, {}, (), None)
        kinds = np.zeros(flat.loss.shape, np.int64)
        for layer, which in enumerate(flat.which):
            kinds[layer, : len(which)] = [option for option, _ in which]
        couplings = Couplings() if free else self.couplings
        tables = replace(
            tables,
            kinds=kinds,
            tied=couplings.pairs,
            conversion=couplings.conversion,
            edges=tuple(couplings.edges or ()),
        )
        if self.by_readers:
            tables = readers.folded(tables, self.problem, {n: flat.written[..., i] for i, n in enumerate(RESOURCES)})
        return replace(tables, limits=dict(limits))

    def without_speeds(self) -> "Search":
        """The same without limits of speed, with a time of its own."""
        limits = {name: limit for name, limit in self.limits.items() if name not in (INTERVAL, "latency_s")}
        deadline = min(self.deadline, time.monotonic() + STEP_S)
        return replace(self, limits=limits, deadline=deadline, step_s=STEP_S / 10)

    def slower(self, budgets: Sequence[Budget]) -> InfeasibleError | None:
        """The refusal of budgets of speed beyond what these limits allow; None where no plan is known for these."""
        if self.couplings or time.monotonic() > self.deadline:
            return None
        asked = {budget.metric.name: budget.limit for budget in budgets}
        try:
            plan = (self.least_latency if "latency_s" in asked else self.least_interval)()[0]
        except (InfeasibleError, TimeoutError):
            return None
        batch = self.problem.workload.batch
        if "latency_s" in asked:
            name, side, known, bound = "latency_s", "least", plan.objective, plan.bound
        else:
            name, side, known, bound = "throughput_per_s", "most", batch / plan.objective, batch / plan.bound
        sure = "" if plan.proven else f" in the plans found in {STEP_S:.0f} s, and at {side} {bound:.6g} in any"
        told = f"{name} is at {side} {known:.6g}{sure}, within the device's resources and the other budgets"
        return InfeasibleError(f"no plan meets the budgets: {told}", {name: known})

    def _paced(self, most_s: float) -> "Search":
        """The same within the bytes that the memory moves in an interval."""
        most = min(bytes_in(self.problem, most_s), self.limits.get(MOVED, math.inf))
        return self if math.isinf(most_s) else replace(self, limits={**self.limits, MOVED: most})

    def _require_reachable(self, most_s: float, latency_s: float) -> None:
        """InfeasibleError where a layer exceeds the interval, or alone the latency, however it is folded."""
        least, batch = self._slowest(), self.problem.workload.batch
        at, name = float(least.max()), self.problem.layers[int(least.argmax())]
        told = f"no plan meets the budget: {name} alone takes at least {at:.6g} s however it is folded"
        if at > most_s:
            rate = batch / at
            allowed = f"(throughput of at most {rate:.6g} /s), the budget allows {most_s:.6g} s"
            raise InfeasibleError(f"{told} {allowed}", {"throughput_per_s": rate})
        if (memory_s := float(moved_s(self.problem)[0])) > most_s * (1 + NEAR):
            told = f"its memory takes at least {memory_s:.6g} s to move the network's input and output"
            rate = batch / memory_s
            allowed = f"(throughput of at most {rate:.6g} /s), the budget allows {most_s:.6g} s"
            raise InfeasibleError(f"no plan meets the budget: {told} {allowed}", {"throughput_per_s": rate})
        if at > latency_s:
            raise InfeasibleError(f"{told}, the budget allows latency_s of {latency_s:.6g} s", {"latency_s": at})

    def _slowest(self) -> Floats:
        """The least seconds of each layer's slowest unit, whatever its format."""
        return np.array(
            [min(max((u.paid[:, LONGEST].min() for u in group), default=0.0) for group in row) for row in self.units]
        )

    def _sums(self) -> dict[str, float]:
        return {name: limit for name, limit in self.limits.items() if name not in (INTERVAL, "latency_s")}

    def _left(self) -> float | None:
        return None if math.isinf(self.deadline) else max(self.deadline - time.monotonic(), 1e-3)

    def least_interval(self) -> tuple[Plan, list[Units]]:
        """Bisect over the intervals for the least whose program has a plan, until the time is up; then that program's
        plan of least loss."""
        targets = self._intervals()
        best, high, refuted, asked = self._within(targets[-1]), len(targets) - 1, -1, self
        if best is None:
            raise self._refusal()
        while refuted + 1 < high and time.monotonic() <= self.deadline:
            best, high, refuted = asked._bisected(targets, best, high, refuted)
            if math.isinf(self.deadline):
                break
            asked = replace(asked, step_s=LONGER * asked.step_s)
        interval, bound = float(targets[high]), float(targets[refuted + 1])
        plan, taken = self._least_at(interval, best)
        return replace(plan, objective=interval, bound=bound), taken

    def _bisected(
        self, targets: Floats, best: tuple[Plan, list[Units]], high: int, refuted: int
    ) -> tuple[tuple[Plan, list[Units]], int, int]:
        """The plan of the least target that has one, that target, and the last one known to have none."""
        low = refuted + 1
        while low < high and time.monotonic() <= self.deadline:
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
        return best, high, refuted

    def _least_at(self, most_s: float, known: tuple[Plan, list[Units]]) -> tuple[Plan, list[Units]]:
        """The plan of least loss at an interval, of that known and what is found in the time left."""
        if not self.by_readers or time.monotonic() > self.deadline:
            return known
        try:
            found = self._within(most_s, least=True) or known
        except TimeoutError:
            return known
        return min(known, found, key=lambda each: each[0].objective)

    def _intervals(self) -> Floats:
        """Seconds that some unit takes, from the least that every layer can keep up with on."""
        times = [unit.paid[:, LONGEST] for row in self.units for group in row for unit in group]
        memory_s = moved_s(self.problem)
        every = np.unique(np.concatenate([*times, memory_s]))
        found: Floats = every[every >= max(float(self._slowest().max()), float(memory_s[0]))]
        return found

    def _within(self, most_s: float, *, least: bool = False) -> tuple[Plan, list[Units]] | None:
        """A plan of which no unit takes longer, None where its loss is not allowed or none fits; that of `least` loss,
        or, where outputs are priced by what reads them, one of a loss that is allowed.

        TimeoutError where that is not known in time.
        """
        kept = [[within(group, most_s) for group in row] for row in self.units]
        paced = self._paced(most_s)
        flat = paced._flat(kept)
        budgets = {name: limit for name, limit in paced.limits.items() if name != "loss"}
        allowed = self.limits.get("loss", math.inf)
        tables = self._tables(flat, flat.loss, flat.spent, budgets, free=True)
        tables = (
            tables if least else replace(tables, enough=min(allowed, float(flat.loss[np.isfinite(flat.loss)].sum())))
        )
        plan = allocate.best(tables, deadline=min(self.deadline, time.monotonic() + self.step_s))
        if plan is None or plan.bound > allowed:
            return None
        if plan.objective > allowed:
            raise TimeoutError("the least loss at a target is not known")
        return self._named(plan, flat, kept)

    def _refusal(self) -> InfeasibleError:
        """Why even the smallest design does not do."""
        flat = self._flat([[within(group, math.inf) for group in row] for row in self.units])
        free = np.where(np.isinf(flat.loss), np.inf, 0.0)
        return infeasible(self._tables(flat, free, self._costs(flat), self._sums(), free=True), None, self._left())

    def _flat(self, kept: list[list[Units]], *, paths: int = 0) -> _Flat:
        """Tables of the candidates that no other one of the layer beats, along so many paths."""
        rows = [self._row(layer, row) for layer, row in enumerate(kept)]
        names, options = (*RESOURCES, *self._fixed()), len(self.problem.options)
        width = max(options, *(len(which) for _, _, which in rows))
        table = np.full((len(rows), width, 1 + paths + len(names)), np.inf)
        written = np.zeros((len(rows), width, options, len(RESOURCES)))
        for layer, (values, writes, _) in enumerate(rows):
            table[layer, : len(values)] = values
            written[layer, : len(values)] = writes
        lacking = np.isinf(table[..., :1])
        along = np.where(lacking, 0.0, np.maximum(table[..., 1 : 1 + paths], 0.0))
        spent = np.where(lacking, 0.0, table[..., 1 + paths :])
        costs = {name: spent[..., i] for i, name in enumerate(names)}
        return _Flat(table[..., 0], along, costs, [which for _, _, which in rows], written)

    def _row(self, layer: int, row: list[Units]) -> tuple[Floats, Floats, list[tuple[int, int]]]:
        """Loss, paths, resources and fixed costs of a layer's candidates, resources by what is written, and the option
        and row of each."""
        available = [o for o, u in enumerate(row) if len(u.paid) and np.isfinite(self.problem.loss[layer, o])]
        if not available:
            raise ValueError(f"{self.problem.layers[layer]} has no format that a unit here can take")
        values = [self._columns(layer, option, row[option].paid) for option in available]
        if self.by_readers:  # a format that is dearer in all may be the one that is cheaper to write
            judged = [np.column_stack([each, row[o].spent]) for o, each in zip(available, values, strict=True)]
            good = np.concatenate([distinct(each) for each in judged])
        elif self.couplings:  # or the one that the others have
            good = np.concatenate([distinct(each) for each in values])
        else:
            good = distinct(np.concatenate(values))
        kept, which = np.flatnonzero(good), [(o, i) for o in available for i in range(len(row[o].paid))]
        written = np.concatenate([row[option].written for option in available])
        return np.concatenate(values)[kept], written[kept], [which[i] for i in kept]

    def _fixed(self) -> list[str]:
        """Budgeted costs that no folding changes."""
        return [name for name in FIXED if name in self.limits]

    def _columns(self, layer: int, option: int, paid: Floats) -> Floats:
        """Loss, paths, RESOURCES and `_fixed` of the candidates of a layer's option."""
        fixed = [self.problem.costs[name][layer, option] for name in self._fixed()]
        loss, *rest = (np.full(len(paid), value) for value in (self.problem.loss[layer, option], *fixed))
        return np.column_stack([loss, paid[:, ALONG], paid[:, SPENT], *rest])

    def _costs(self, flat: _Flat) -> dict[str, Floats]:
        return {"loss": np.where(np.isinf(flat.loss), 0.0, flat.loss), **flat.spent}

    def _named(self, plan: Plan, flat: _Flat, kept: list[list[Units]]) -> tuple[Plan, list[Units]]:
        """The plan with options of the problem for its choice, and the unit of each layer."""
        chosen = plan.choice[: len(flat.which)].tolist()
        picked = [flat.which[layer][candidate] for layer, candidate in enumerate(chosen)]
        taken = [kept[layer][option].keep(np.array([row])) for layer, (option, row) in enumerate(picked)]
        choice = np.array([option for option, _ in picked])
        return replace(plan, choice=choice), taken
