"""Integer programs over the candidates of an FPGA's layers: least interval, least loss at a speed, and for latency
(`folding_latency`) those that are short along paths."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dse import allocate, folding_loss
from dse.couplings import Couplings
from dse.folding_candidates import FIXED, Candidates, candidates
from dse.folding_groups import paced, within
from dse.folding_latency import ROUNDING, latency, quickest, within_latency
from dse.folding_memory import MOVED, NEAR, bytes_in, moved_s
from dse.folding_options import LONGEST, Group, Paths, Units
from dse.folding_refusals import as_fast, at_any_speed, beyond_device, in_cycles, slower, too_long
from dse.infeasible import infeasible, rounded, short
from dse.interrupts import late
from dse.metric import Budget
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem
from dse.tables import Tables

Floats = NDArray[np.float64]

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
class Search:
    """Candidates [layers][options] of a problem, and the limits of loss and resources, of which so much is `usable`.

    `by_readers` prices outputs by the formats of what reads them, otherwise in their own layer's.
    """

    problem: Problem
    limits: Mapping[str, float]
    units: list[list[Group]]
    deadline: float
    step_s: float = STEP_S
    couplings: Couplings = field(default_factory=Couplings)
    by_readers: bool = False
    usable: Mapping[str, float] = field(default_factory=dict)

    def least_latency(self) -> tuple[Plan, list[Units]]:
        """The quickest that is found from the plan of the least interval on."""
        most_s = self.limits.get(INTERVAL, math.inf)
        known, bound = self._known(most_s)
        until = (time.monotonic() + self.deadline) / 2
        return quickest(self.problem, partial(self._paced(most_s)._along, longest_s=most_s), known, bound, until)

    def _known(self, most_s: float) -> tuple[list[tuple[Plan, list[Units]]], float]:
        """The plan of the least interval that half of the time finds, else that of least loss; and an interval that
        none is below."""
        now = time.monotonic()
        half = (now + self.deadline) / 2
        try:
            found = replace(self, deadline=half, step_s=min(self.step_s, (half - now) / STEPS)).least_interval()
        except TimeoutError:
            return [self._paced(most_s)._along(math.inf, (), math.inf, loss=True, longest_s=most_s)], 0.0
        return [found], found[0].bound

    def least_loss(self) -> tuple[Plan, list[Units]]:
        """One program: the summed loss, of candidates within the interval; one an interval where latency is limited."""
        most_s, latency_s = (self.limits.get(name, math.inf) for name in (INTERVAL, "latency_s"))
        self._require_reachable(most_s, latency_s)
        paced = self._paced(most_s)
        try:
            return paced._least_loss(most_s, latency_s)
        except InfeasibleError as error:
            raise error if MOVED in self.limits else in_cycles(self.problem, error, paced.limits) from None

    def _least_loss(self, most_s: float, latency_s: float) -> tuple[Plan, list[Units]]:
        if latency_s < math.inf:
            return self._least_within(most_s, latency_s)
        flat = self._flat(within(self.units, most_s))
        tables = self._tables(flat, flat.loss, self._sums())
        try:
            return flat.named(folding_loss.least(tables, self.couplings.max_formats, self.deadline))
        except InfeasibleError as error:
            raise error if math.isinf(most_s) else as_fast(error) from None

    def _least_within(self, most_s: float, latency_s: float) -> tuple[Plan, list[Units]]:
        """The plan of least loss within a latency: that of units that take no longer each where it is as short, which
        no plan loses less than."""
        now, bound = time.monotonic(), float(self.problem.loss.min(axis=1).sum())
        try:
            part = replace(self, deadline=now + (self.deadline - now) / PROGRAMS)
            free = part._least_loss(min(most_s, latency_s * (1 + ROUNDING)), math.inf)
            bound = max(bound, free[0].bound)
            if latency(self.problem, free)[0] <= latency_s:
                return free
        except TimeoutError:
            pass
        along = partial(self._along, loss=True, longest_s=most_s)
        best = within_latency(self.problem, along, latency_s, self._slowest().max())
        if best is None:
            raise InfeasibleError(f"no plan meets the budgets: none has latency_s of at most {short(latency_s)}", {})
        return replace(best[0], bound=min(max(best[0].bound, bound), best[0].objective)), best[1]

    def _along(
        self, pace_s: float, paths: Paths, most_s: float, *, loss: bool = False, longest_s: float = math.inf
    ) -> tuple[Plan, list[Units]]:
        """Of units that take no longer than `longest_s` and are at most `most_s` along each path, the plan that is
        shortest along them together, or of least loss; see `paced` for what follows them."""
        if late(self.deadline):
            raise TimeoutError("no plan found in the time given; give more time or larger budgets")
        most_pass_s = min(longest_s, pace_s)
        if most_pass_s < self._slowest().max():
            raise InfeasibleError("no unit of a layer keeps up", {})
        kept = [[paced(group, most_pass_s, paths) for group in row] for row in self.units]
        flat = self._flat(kept, paths=len(paths))
        limits = self._sums() | {name: most_s for name in flat.along if most_s < math.inf}
        tables = self._tables(flat, flat.loss if loss else flat.length, limits)
        now = time.monotonic()
        until = now + (self.deadline - now) / PROGRAMS if loss else min(self.deadline, now + self.step_s)
        plan = allocate.best(tables, self.couplings.max_formats, until)
        if plan is None:
            raise InfeasibleError("no plan is that short along all paths", {})
        return flat.named(plan)

    def _tables(self, flat: Candidates, loss: Floats, limits: Mapping[str, float]) -> Tables:
        """The tables of the candidates, with the couplings of their formats."""
        return flat.tables(loss, limits, self.couplings)

    def too_slow(self, budgets: Sequence[Budget], refused: InfeasibleError) -> InfeasibleError | None:
        """The refusal of budgets of speed beyond what the other limits allow, or of the others where no plan keeps
        these, which were `refused` beside them; None where neither is known in a time of its own."""
        if late(self.deadline):
            return None
        most_s = self.limits.get(INTERVAL, math.inf)
        limits = _without(self.limits, INTERVAL, "latency_s")
        until = min(self.deadline, time.monotonic() + STEP_S)
        ties = replace(self.couplings, conversion=None, edges=None)
        free = replace(self, limits=limits, deadline=until, step_s=STEP_S / 10, couplings=ties)
        try:
            found = free.least_interval()
            if found[0].objective > most_s or "latency_s" not in self.limits:
                return slower(self.problem, budgets, found, "throughput_per_s")
            found = replace(free, limits={**limits, INTERVAL: most_s}).least_latency()
        except InfeasibleError as error:
            told = beyond_device(error, self.problem.device, self.usable, limits)
            return at_any_speed(told, refused, limits)
        except TimeoutError:
            return None
        return slower(self.problem, budgets, found, "latency_s")

    def _paced(self, most_s: float) -> "Search":
        """The same within the bytes that the memory moves in an interval."""
        most = min(bytes_in(self.problem, most_s), self.limits.get(MOVED, math.inf))
        return self if math.isinf(most_s) else replace(self, limits={**self.limits, MOVED: most})

    def _require_reachable(self, most_s: float, latency_s: float) -> None:
        """InfeasibleError where a layer exceeds the interval, or alone the latency, however it is folded."""
        least, memory_s = self._slowest(), float(moved_s(self.problem)[0])
        at, name = float(least.max()), self.problem.layers[int(least.argmax())]
        layer = f"{name} alone takes at least {{}} however it is folded"
        if at > most_s:
            raise too_long(self.problem, layer, at, most_s)
        if memory_s > most_s * (1 + NEAR):
            moves = "its memory takes at least {} to move the network's input and output"
            raise too_long(self.problem, moves, memory_s, most_s)
        if at > latency_s * (1 + ROUNDING):
            said = f"{layer.format(f'{rounded(at)} s')}, the budget allows latency_s of {short(latency_s)} s"
            raise InfeasibleError(f"no plan meets the budget: {said}", {"latency_s": at})

    def _slowest(self) -> Floats:
        """The least seconds of each layer's slowest unit, whatever its format."""
        return np.array(
            [min(max((u.paid[:, LONGEST].min() for u in group), default=0.0) for group in row) for row in self.units]
        )

    def _sums(self) -> dict[str, float]:
        return _without(self.limits, INTERVAL, "latency_s")

    def least_interval(self) -> tuple[Plan, list[Units]]:
        """Bisect over the intervals for the least whose program has a plan, until the time is up; then that program's
        plan of least loss."""
        targets = self._intervals()
        best, high, refuted, asked = self._within(targets[-1]), len(targets) - 1, -1, self
        if best is None:
            raise self._refusal()
        while refuted + 1 < high and not late(self.deadline):
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
        while low < high and not late(self.deadline):
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
        if not self.by_readers or late(self.deadline):
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
        kept = within(self.units, most_s)
        paced = self._paced(most_s)
        flat = paced._flat(kept)
        budgets = _without(paced._sums(), "loss")
        allowed = self.limits.get("loss", math.inf)
        tables = self._tables(flat, flat.loss, budgets)
        tables = (
            tables if least else replace(tables, enough=min(allowed, float(flat.loss[np.isfinite(flat.loss)].sum())))
        )
        plan = allocate.best(tables, self.couplings.max_formats, min(self.deadline, time.monotonic() + self.step_s))
        if plan is None or plan.bound > allowed:
            return None
        if plan.objective > allowed:
            raise TimeoutError("the least loss at a target is not known")
        return flat.named(plan)

    def _refusal(self) -> InfeasibleError:
        """Why even the smallest design does not do."""
        flat = self._flat(within(self.units, math.inf))
        free = np.where(np.isinf(flat.loss), np.inf, 0.0)
        tables = self._tables(flat, free, self._sums())
        return infeasible(tables, self.couplings.max_formats, folding_loss.refusal_s(self.deadline))

    def _flat(self, kept: list[list[Units]], *, paths: int = 0) -> Candidates:
        """The candidates that no other one of the layer beats, along so many paths."""
        fixed = [name for name in FIXED if name in self.limits]
        return candidates(
            self.problem, kept, fixed, paths=paths, by_readers=self.by_readers, apart=bool(self.couplings)
        )


def _without(limits: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if name not in names}
