"""Couplings between layers: OR-Tools CP-SAT on integer tables.

Perron, Didier, Gay, The CP-SAT-LP Solver, CP 2023, doi 10.4230/LIPIcs.CP.2023.3.
"""

import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.interrupts import came
from dse.solvers.instance import Counts, Instance, Outcome

Ints = NDArray[np.int64]

_BITS = 48
"""Sums in the model stay below 2**48, well inside CP-SAT's int64 arithmetic."""

LOOKS_S = 0.05
"""How often it is looked whether Ctrl-C came."""


@dataclass(frozen=True)
class Couplings:
    """What ties layers together beyond the budgets.

    pairs         [(class, class), ...], consecutive layers
    conversion    int[options, options] on the loss grid: added for each pair that takes them
    most_options  how many distinct options all layers together may take
    """

    pairs: tuple[tuple[int, int], ...]
    conversion: Ints
    most_options: int

    def added(self, counts: Counts) -> int:
        """The conversions of counts in which every class is one layer."""
        choice = counts.argmax(axis=1)
        return sum(int(self.conversion[choice[a], choice[b]]) for a, b in self.pairs)


def solve(instance: Instance, couplings: Couplings, deadline: float, start: Counts | None = None) -> Outcome:
    """Return the best counts of an instance whose classes are single layers, at least as good as feasible `start`.

    Costs are rounded down to the model's grid, which can only admit more: the bound holds. A plan that breaks a budget
    in exact arithmetic is forbidden and the next one sought.
    """
    cp_model = _imported()
    model, takes, shift = _model(cp_model, instance, couplings)
    if start is not None:
        for variable, value in zip((v for row in takes for v in row), start.ravel().tolist(), strict=True):
            model.add_hint(variable, value)
    while True:
        outcome = _run(cp_model, model, takes, deadline, shift)
        if outcome.counts is None or instance.feasible(outcome.counts):
            return outcome if start is None else _better(instance, couplings, outcome, start)
        taken = outcome.counts.argmax(axis=1)
        model.add(sum(row[option] for row, option in zip(takes, taken, strict=True)) < len(takes))


def _imported() -> Any:
    """OR-Tools; KeyboardInterrupt where one came amid its import, which its C++ part tells as an ImportError."""
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        told: BaseException | None = error
        while told is not None:
            if isinstance(told, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            told = told.__cause__ or told.__context__
        raise
    return cp_model


def _better(instance: Instance, couplings: Couplings, found: Outcome, start: Counts) -> Outcome:
    """The outcome with the better of its counts and the start's."""
    losses = [
        math.inf if counts is None else instance.objective(counts) + couplings.added(counts)
        for counts in (found.counts, start)
    ]
    return found if losses[0] <= losses[1] else Outcome(start, found.bound, found.exhausted)


def _model(cp_model: Any, instance: Instance, couplings: Couplings) -> tuple[Any, list[list[Any]], int]:
    """Return the model, its variables [layers][options], and how many low bits of the loss it drops."""
    model = cp_model.CpModel()
    layers, options = instance.loss.shape
    takes = [[model.new_bool_var(f"{g}:{o}") for o in range(options)] for g in range(layers)]
    for g in range(layers):
        model.add_exactly_one(takes[g])
        for o in np.flatnonzero(~instance.available[g]):
            model.add(takes[g][o] == 0)
    flat = [variable for row in takes for variable in row]
    for costs, limit in zip(instance.costs, instance.limits, strict=True):
        shift = _shift(costs)
        model.add(cp_model.LinearExpr.weighted_sum(flat, (costs >> shift).ravel().tolist()) <= int(limit) >> shift)
    _limit_options(model, takes, couplings.most_options)
    shift = _shift(instance.loss, couplings.conversion)
    flows, prices = _conversions(model, takes, couplings, shift)
    weights = (instance.loss >> shift).ravel().tolist() + prices
    model.minimize(cp_model.LinearExpr.weighted_sum(flat + flows, weights))
    return model, takes, shift


def _run(cp_model: Any, model: Any, takes: list[list[Any]], deadline: float, shift: int) -> Outcome:
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = 1
    # 9.15's merging of an exactly-one row into a linear one loses solutions: github.com/google/or-tools/issues/5293
    solver.parameters.presolve_inclusion_work_limit = 0
    solver.parameters.max_time_in_seconds = min(max(deadline - time.monotonic(), 1e-3), 1e9)
    status = _interruptible(solver, model)
    if status == cp_model.INFEASIBLE:
        return Outcome(None, float("inf"), True)
    bound = float(int(np.ceil(solver.best_objective_bound)) << shift)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome(None, bound, False)
    counts = np.array([[int(solver.value(variable)) for variable in row] for row in takes], np.int64)
    return Outcome(counts, bound, status == cp_model.OPTIMAL)


def _interruptible(solver: Any, model: Any) -> Any:
    """The status of a solve that Ctrl-C ends with what it has found.

    OR-Tools' own handler logs, so that it waits for ever where the signal comes amid an allocation.
    """
    solver.parameters.catch_sigint_signal = False
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(solver.solve, model)
        try:
            while not wait([running], LOOKS_S).done:
                if came():
                    solver.stop_search()
        except KeyboardInterrupt:
            solver.stop_search()
            raise
        return running.result()


def _shift(*tables: Ints) -> int:
    """How many low bits to drop so that sums stay within `_BITS`."""
    total = sum(int(np.abs(table).max(axis=1).sum()) for table in tables)
    return max(0, total.bit_length() - _BITS)


def _limit_options(model: Any, takes: list[list[Any]], most: int) -> None:
    options = len(takes[0])
    if most >= options:
        return
    used = [model.new_bool_var(f"used:{o}") for o in range(options)]
    for row in takes:
        for taken, use in zip(row, used, strict=True):
            model.add_implication(taken, use)
    model.add(sum(used) <= most)


def _conversions(model: Any, takes: list[list[Any]], couplings: Couplings, shift: int) -> tuple[list[Any], list[int]]:
    """Add a flow between the options of each pair, whose margins are the options taken; return flows and prices."""
    prices = couplings.conversion >> shift
    flows: list[Any] = []
    weights: list[int] = []
    if not prices.any():
        return flows, weights
    options = range(len(prices))
    for (a, b), times in Counter(couplings.pairs).items():
        flow = [[model.new_bool_var(f"{a}:{o}>{b}:{p}") for p in options] for o in options]
        for o in options:
            model.add(sum(flow[o]) == takes[a][o])
            model.add(sum(row[o] for row in flow) == takes[b][o])
        flows += [variable for row in flow for variable in row]
        weights += [times * int(price) for price in prices.ravel()]
    return flows, weights
