"""What a front asks of one problem, or of what is left of it at one pace of a dataflow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.couplings import Couplings
from dse.exact import at_least, exact_sum
from dse.folding_memory import MOVED
from dse.frontier import Within, signs
from dse.outputs import coupled
from dse.paces import Pace
from dse.pareto import mask
from dse.passed import Passed
from dse.problem import Floats, Problem
from dse.rates import rate_per_s


@dataclass(frozen=True)
class Asked:
    """One problem, or what is left of it at one pace of a dataflow, by which its `paced` metrics are told.

    `rate` is the index of a throughput that is the batch over a latency that adds up, None elsewhere; `sums` are the
    budgets of what adds up."""

    problem: Problem
    origin: int
    names: tuple[str, ...]
    paced: Sequence[str]
    sums: dict[str, float]
    couplings: Couplings
    rate: int | None = None
    pace: Pace | None = None

    @property
    def known(self) -> dict[str, Floats]:
        """All that adds up."""
        return {"loss": self.problem.loss, **self.problem.costs}

    @property
    def tables(self) -> dict[str, Floats]:
        """Of the metrics that add up, at least one, and what decides those that do not; inf where an option is not
        available."""
        known = self.known
        adds = ["latency_s" if i == self.rate else n for i, n in enumerate(self.names) if n not in self.paced]
        adds += [MOVED] * (self.moves and MOVED not in adds)
        lacking = np.isinf(self.problem.loss)
        return {name: np.where(lacking, np.inf, known[name]) for name in adds or ["loss"]}

    @property
    def moves(self) -> bool:
        """Whether the bytes that plans move decide metrics."""
        if self.pace is None or not self.paced:
            return False
        low, high = self.pace.pipeline.interval(np.array(self.pace.moved))
        return bool(low < high)

    @property
    def found(self) -> bool:
        """Whether points are told by their choices, and not by sums of tables and a pace alone."""
        return bool(self.coupled) or self.moves or (bool(self.paced) and not (self.pace and self.pace.exact))

    @property
    def identity(self) -> dict[str, Floats]:
        """All tables that decide what its points are: of the metrics, and of the budgets."""
        return {
            **self.tables,
            **{f"budget of {name}": np.asarray(table) for name, (table, _) in self.within.budgets.items()},
        }

    @property
    def coupled(self) -> list[str]:
        """Metrics and budgets whose tables price outputs apart from their readers (`outputs`)."""
        return coupled(self.problem, {*self.tables, *self.sums})

    def evaluated(self, values: Floats, choices: NDArray[Any]) -> tuple[Floats, NDArray[np.int64]]:
        """The points that keep all as they are evaluated and of which none beats another, and their rows."""
        if not self.found or not len(values):
            rows = np.flatnonzero(self.kept(values)) if len(values) else np.arange(0)
            return values[rows], rows
        choices = np.asarray(choices, dtype=np.int64)
        taken = Passed(self.problem, self.coupled).totals(choices) if self.coupled else {}
        if self.paced and self.problem.pipeline:
            told = self.problem.pipeline.values(choices)
            rates = rate_per_s(told["throughput_per_s"])
            values[:, [self.names.index(n) for n in self.paced]] = np.stack(
                [rates if n == "throughput_per_s" else told[n] for n in self.paced], axis=1
            )
        for i, name in enumerate(self.names):
            if i == self.rate and "latency_s" in taken:
                values[:, i] = rate_per_s(taken["latency_s"], self.problem.workload.batch)
            elif name in taken:
                values[:, i] = taken[name]
        limits = {name: self.sums[name] for name in taken if name in self.sums}
        rows = np.flatnonzero(np.all([np.full(len(values), True), *(taken[n] <= limits[n] for n in limits)], axis=0))
        rows = rows[self.kept(values[rows])]
        rows = rows[unbeaten(values[rows] * signs(self.names))] if len(rows) else rows
        return values[rows], rows

    @property
    def most_shown(self) -> float:
        """What a point's loss with its conversions may be, where a budget of loss and conversions are given."""
        return math.inf if self.couplings.conversion is None else self.sums.get("loss", math.inf)

    def kept(self, values: Floats) -> NDArray[np.bool_]:
        """Which points have no more loss than that; where anything is converted, it is the first metric."""
        return np.asarray(values[:, 0] <= self.most_shown) if self.most_shown < math.inf else np.full(len(values), True)

    @property
    def within(self) -> Within:
        """What the points keep, by arrays, of loss without conversions (`kept`)."""
        known, ours = self.known, self.couplings
        tables = {name: np.where(np.isfinite(self.problem.loss), known[name], 0.0) for name in self.sums}
        budgets = {name: (tables[name], at) for name, at in self.sums.items() if tables[name].max(axis=1).sum() > at}
        return Within(budgets, ours.conversion, ours.edges, ours.max_formats)

    def whole(self, values: tuple[float, ...], choice: ArrayLike) -> tuple[float, ...]:
        """All metrics of a point from those of the tables, a rate to the last bit of what its budget admits."""
        told, rest = self._told, iter(values)
        found = [told[n] if n in self.paced else next(rest) for n in self.names]
        if self.rate is not None:
            table = self.problem.costs["latency_s"]
            took_s = at_least(exact_sum(table[np.arange(len(table)), np.asarray(choice)]))
            found[self.rate] = rate_per_s(took_s, self.problem.workload.batch)
        return tuple(found)

    @cached_property
    def _told(self) -> dict[str, float]:
        """The paced metrics where no bytes decide them."""
        if self.pace is None or not self.paced:
            return {}
        told = self.pace.told(float(self.pace.pipeline.interval(self.pace.moved[0])))
        return told | {"throughput_per_s": rate_per_s(told["throughput_per_s"])}


def unbeaten(points: Floats, origin: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The rows of least points, by rising second column; of equal ones the first, or that of the first problem."""
    given = np.zeros(len(points), np.int64) if origin is None else origin
    order = np.lexsort((given, *points.T[:1], *points.T[:0:-1]))
    new = np.append(True, (np.diff(points[order], axis=0) != 0).any(axis=1))
    found: NDArray[np.int64] = order[new][mask(points[order][new])]
    return found
