"""Arrays in, plan out: one option a layer of least loss, within budgets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from dse import exact
from dse.infeasible import infeasible
from dse.interrupts import came, heard
from dse.plan import Plan, deadline_in, left_s, require_formats
from dse.solvers.choose import dispatch
from dse.solvers.classes import Classes
from dse.solvers.instance import Outcome
from dse.tables import Tables, read


def solve(
    loss: ArrayLike,
    costs: Mapping[str, ArrayLike],
    budgets: Mapping[str, float],
    ties: Sequence[Sequence[int]] = (),
    conversion: ArrayLike | None = None,
    max_formats: int | None = None,
    time_limit_s: float | None = None,
    *,
    edges: Sequence[tuple[int, int]] | None = None,
) -> Plan:
    """Choose one option a layer: least summed loss, every budgeted cost's sum at most its limit.

    loss         float[layers, options]; an inf there or in a cost makes the option unavailable to the layer
    costs        {name: float[layers, options]}, at least 0
    budgets      {name: limit} for some of the costs
    ties         groups of layer indices that must take the same option
    conversion   float[options, options], at least 0, 0 on the diagonal: conversion[a, b] is added to the objective for
                 each edge from a layer that takes a to one that takes b
    max_formats  how many distinct options may be used in all
    time_limit_s stop then with the best plan so far and a proven bound (None = search until proven)
    edges        (from, to) layers whose options are converted; None = each layer and the next

    Sums are exact: tables are put on integer grids (`solvers.grid`), and the plan is checked in rational arithmetic, so
    that a budget is never exceeded by any amount. An interrupt (Ctrl-C) returns the best plan so far and its bound,
    once there is one. Raises InfeasibleError, ValueError or TypeError on bad input, TimeoutError when the time is up
    before any plan is found.
    """
    tables = read(loss, costs, budgets, ties, conversion, edges)
    require_formats(max_formats)
    deadline = deadline_in(time_limit_s)
    with heard() as interrupt:
        plan = best(tables, max_formats, deadline)
        if plan is None:
            raise infeasible(tables, max_formats, left_s(deadline))
    return replace(plan, interrupted=interrupt.came)


def best(tables: Tables, max_formats: int | None = None, deadline: float = math.inf) -> Plan | None:
    """Return the plan of checked tables as `solve` does, None where none meets the budgets.

    TimeoutError when the deadline, by `time.monotonic`, passes before that is known.
    """
    payable = [table <= tables.limits[name] for name, table in tables.costs.items() if name in tables.limits]
    narrowed = tables.keep(np.logical_and.reduce([tables.available, *payable]))
    plan = None
    if came():
        raise TimeoutError("interrupted")
    while narrowed is not None:
        found, outcome, solver = dispatch(narrowed, max_formats, deadline)
        if plan is None and outcome.counts is None and not outcome.exhausted:
            raise TimeoutError("no plan found in the time given; give more time or larger budgets")
        if outcome.counts is None:
            break
        plan = _plan(found, outcome, solver)
        narrowed = None if plan.proven or not outcome.exhausted else _better_than(narrowed, plan.objective)
    return plan


def _better_than(tables: Tables, objective: float) -> Tables | None:
    """The tables without options and conversions that alone cost more loss than a known plan; None if there are none.

    Huge losses coarsen the integer grid on which the others were compared. Such conversions are lowered to what still
    costs too much.
    """
    least = np.where(tables.available, tables.loss, np.inf).min(axis=1, keepdims=True)
    room = (objective - least.sum()) * (1 + 1e-9) + 1e-9 * np.abs(least).sum()
    good = tables.available & (tables.loss - least <= room)
    conversion = None if tables.conversion is None else np.minimum(tables.conversion, 2 * room)
    if (good == tables.available).all() and (conversion is None or (conversion == tables.conversion).all()):
        return None
    return replace(tables, conversion=conversion).keep(good)


def _plan(found: Classes, outcome: Outcome, solver: str) -> Plan:
    """Check the counts in exact arithmetic and sum them up."""
    assert outcome.counts is not None
    choice = found.choice(outcome.counts)
    tables = found.tables
    if not exact.meets_budgets(tables, choice):
        raise AssertionError("the solver returned a plan that exceeds a budget")
    loss = exact.objective(tables, choice)
    objective, bound = exact.at_least(loss), _least(tables)
    if math.isfinite(outcome.bound):
        bound = max(bound, found.loss_grid.real(math.floor(outcome.bound)))
    totals = {name: exact.at_least(total) for name, total in exact.totals(tables, choice).items()}
    return Plan(choice, objective, exact.at_most(min(bound, loss)), solver, totals)


def _least(tables: Tables) -> Fraction:
    """What no choice of the tables loses less than, whatever the budgets; the grid that a search compares on may be
    coarser."""
    passed = [] if tables.passing is None else tables.passing.loss.min(axis=(1, 2)).tolist()
    return exact.exact_sum([*np.where(tables.available, tables.loss, np.inf).min(axis=1).tolist(), *passed])
