"""Why no plan exists: which budgets are impossible, and the least that each could be."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from dse.exact import at_least, exact_sum
from dse.plan import InfeasibleError
from dse.solvers.choose import dispatch
from dse.tables import Tables

SEARCH_S = 10.0
"""Longest search for the least value of one cost given the other budgets, where the caller sets no time limit."""


def infeasible(tables: Tables, max_formats: int | None, time_limit_s: float | None) -> InfeasibleError:
    """Return the error that says which budgets no plan can meet, alone or else together.

    `least` holds, for each budget, the least value alone where one is impossible by itself, and given the others where
    the budgets conflict (a lower bound of it if the search takes too long).
    """
    if not tables.limits:
        return InfeasibleError(f"no {max_formats} formats are available to every layer", {})
    alone = {name: _least_alone(tables, name) for name in tables.limits}
    impossible = [name for name, value in alone.items() if value > tables.limits[name]]
    if impossible:
        return InfeasibleError(f"no plan meets the budget: {needs(alone, tables.limits, impossible)}", _floats(alone))
    seconds = SEARCH_S if time_limit_s is None else time_limit_s
    given = {name: _least_given_others(tables, name, max_formats, time.monotonic() + seconds) for name in tables.limits}
    least = {name: max(alone[name], value) for name, value in given.items()}
    together = "no plan meets the budgets together" + (f" with {max_formats} formats" if max_formats else "")
    over = [name for name, value in least.items() if value > tables.limits[name]]
    said = (
        f"given the others, {needs(least, tables.limits, over)}" if over else f"several of {', '.join(least)} conflict"
    )
    return InfeasibleError(f"{together}: {said}", _floats(least))


def needs(least: Mapping[str, Fraction | float], limits: Mapping[str, float], names: Sequence[str]) -> str:
    """Say what each budget would have to be: a number that, given as the budget, is enough."""
    return " and ".join(f"{name} is at least {_up(least[name])} (budget {_short(limits[name])})" for name in names)


def _up(value: Fraction | float) -> str:
    """The value to nine digits, rounded up."""
    exact = Fraction(value)
    digits = Context(prec=9, rounding=ROUND_CEILING).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return f"{float(digits):.9g}"


def _short(value: float) -> str:
    text = f"{value:.9g}"
    return text if float(text) == value else repr(value)


def _floats(values: dict[str, Fraction]) -> dict[str, float]:
    return {name: at_least(value) for name, value in values.items()}


def _least_alone(tables: Tables, name: str) -> Fraction:
    """The least sum of one cost, whatever the others are."""
    table, total = tables.costs[name], Fraction(0)
    for group in tables.groups:
        options = tables.available[group[0]].nonzero()[0]
        total += min(exact_sum(table[list(group), option]) for option in options)
    return total


def _least_given_others(tables: Tables, name: str, max_formats: int | None, deadline: float) -> Fraction:
    """A lower bound, exact unless the time is up, on one cost's sum within the other budgets; 0 if those conflict."""
    others = {other: limit for other, limit in tables.limits.items() if other != name}
    found, outcome, _ = dispatch(
        replace(tables, loss=tables.costs[name], limits=others, conversion=None), max_formats, deadline
    )
    if outcome.counts is None or not math.isfinite(outcome.bound):
        return Fraction(0)
    return found.loss_grid.real(math.floor(outcome.bound))
