"""Why no plan exists: which budgets are impossible, and the least that each could be."""

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from dse.exact import at_least, exact_sum
from dse.exact import objective as exact_objective
from dse.interrupts import late
from dse.metric import ROUNDING
from dse.plan import InfeasibleError
from dse.solvers.choose import dispatch
from dse.tables import Tables

LAST_S = 2.0
"""Time of its own for the least of budgets in conflict where all others gave none beyond its limit: in it ResNet-50 at
five widths is told how many LUTs it takes within the block RAM of a ZCU104."""

SEARCH_S = 10.0
"""Longest search for what conflicts and for least values, where the caller sets no time limit."""


def infeasible(tables: Tables, max_formats: int | None, time_limit_s: float | None) -> InfeasibleError:
    """Return the error that says which budgets no plan can meet, alone or else together.

    Where each is possible alone, a smallest set of budgets that conflict is named: without any of it, the rest can be
    met. `least` holds, for each of these, the least value given all others, where these can be met together, else given
    the rest of the set (a lower bound of it if the search takes too long), and for other budgets the least value alone.
    """
    deadline = time.monotonic() + (SEARCH_S if time_limit_s is None else time_limit_s)
    if not tables.limits or (max_formats and _none_at_all(tables, max_formats, deadline)):
        few = "no format is" if max_formats == 1 else f"no {max_formats} formats are"
        return InfeasibleError(f"{few} available to every layer", {})
    each_s = (deadline - time.monotonic()) / 2 / len(tables.limits)
    alone = {
        name: _least_alone(tables, name, max_formats, min(time.monotonic() + each_s, deadline))
        for name in tables.limits
    }
    few = f" with {_formats(max_formats)}" if max_formats else ""
    impossible = [name for name, value in alone.items() if value > tables.limits[name]]
    if impossible:
        told = f"no plan meets the budget{few}: {needs(alone, tables.limits, impossible)}"
        return InfeasibleError(told, _floats(alone), alone=True)
    conflict = _conflict(tables, max_formats, deadline)
    beside = _given_others(tables, conflict, max_formats, deadline)
    least = alone | {name: max(alone[name], value) for name, value in beside}
    together = f"no plan meets the budgets together{few}"
    over = [name for name in conflict if least[name] > tables.limits[name]]
    found: dict[str, float] = {}
    if unsure := not over:
        over, found = _last(tables, conflict, max_formats, least)
    named = f"{_listed(conflict)} conflict" if unsure or len(conflict) < len(tables.limits) else ""
    given = f"given the others, {needs(least, tables.limits, over)}" if over else _told(least, found, tables.limits)
    return InfeasibleError(f"{together}: {': '.join(filter(None, (named, given)))}", _floats(least))


def _last(
    tables: Tables, conflict: Iterable[str], max_formats: int | None, least: dict[str, Fraction]
) -> tuple[list[str], dict[str, float]]:
    """The first budget of a conflict, in LAST_S, whose least given the others is seen to be beyond its limit; else the
    least of each that was found. `least` is raised to what is proven."""
    found: dict[str, float] = {}
    until = time.monotonic() + LAST_S
    for name in conflict:
        if late(until):
            break
        value, reached = _bounded(tables, name, max_formats, until)
        least[name] = max(least[name], value)
        if least[name] > tables.limits[name]:
            return [name], {}
        if reached is not None:
            found[name] = at_least(reached)
    return [], found


def _told(least: Mapping[str, Fraction], found: Mapping[str, float], limits: Mapping[str, float]) -> str:
    """What is known of budgets of which none is proven to be beyond its limit."""
    if not found:
        return f"in any plan {_listed(f'{name} is at least {rounded(least[name])}' for name in limits)}"
    each = (
        f"{name} is {rounded(value)} in the plans found in time, and at least {rounded(least[name], up=False)} in any "
        f"(budget {short(limits[name])})"
        for name, value in found.items()
    )
    return f"given the others, {' and '.join(each)}"


def _conflict(tables: Tables, max_formats: int | None, deadline: float) -> Mapping[str, float]:
    """Budgets that no plan meets together; without any of them one does, as far as that is found out in half the time.

    The deletion filter of Chinneck, Dravnieks, Locating Minimal Infeasible Constraint Sets in Linear Programs, ORSA
    Journal on Computing 3(2), 1991, doi 10.1287/ijoc.3.2.157: each budget in turn is left out for good if the others
    conflict without it.
    """
    kept = dict(tables.limits)
    free = tables.minimising(None)
    for i, name in enumerate(tables.limits):
        others = {other: limit for other, limit in kept.items() if other != name}
        now = time.monotonic()
        if len(kept) > 2 and not late(deadline):
            _, outcome, _ = dispatch(
                replace(free, limits=others), max_formats, now + (deadline - now) / 2 / (len(tables.limits) - i)
            )
            kept = others if outcome.exhausted and outcome.counts is None else kept
    return kept


def _given_others(
    tables: Tables, conflict: Mapping[str, float], max_formats: int | None, deadline: float
) -> Iterator[tuple[str, Fraction]]:
    """The least value of each cost of a conflict within all other budgets, those of the conflict where these conflict
    too, all in one time."""
    for i, name in enumerate(conflict):
        for limits in (tables.limits, conflict) if len(conflict) < len(tables.limits) else (conflict,):
            if late(deadline):
                return
            now = time.monotonic()
            until = now + (deadline - now) / (len(conflict) - i)
            value = _least_given_others(replace(tables, limits=limits), name, max_formats, until)
            if value > limits[name]:
                break
        yield name, value


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def needs(least: Mapping[str, Fraction | float], limits: Mapping[str, float], names: Sequence[str]) -> str:
    """Say what each budget would have to be: a number that, given as the budget, is enough."""
    return " and ".join(f"{name} is at least {rounded(least[name])} (budget {short(limits[name])})" for name in names)


def rounded(value: Fraction | float, *, up: bool = True) -> str:
    """The value to nine digits, rounded up, or down."""
    exact = Fraction(value)
    context = Context(prec=9, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return f"{float(context.divide(Decimal(exact.numerator), Decimal(exact.denominator))):.9g}"


def short(value: float) -> str:
    """A limit in the fewest digits, nine or more, that tell it but for roundings."""
    texts = (f"{value:.{digits}g}" for digits in range(9, 17))
    return next((text for text in texts if math.isclose(float(text), value, rel_tol=2 * ROUNDING)), repr(value))


def _floats(values: dict[str, Fraction]) -> dict[str, float]:
    return {name: at_least(value) for name, value in values.items()}


def _formats(number: int) -> str:
    return "one format" if number == 1 else f"{number} formats"


def _none_at_all(tables: Tables, max_formats: int, deadline: float) -> bool:
    """Whether no so few formats are available to every layer, whatever the budgets."""
    try:
        _, outcome, _ = dispatch(replace(tables.minimising(None), limits={}), max_formats, deadline)
    except TimeoutError:
        return False
    return outcome.exhausted and outcome.counts is None


def _least_alone(tables: Tables, name: str, max_formats: int | None, deadline: float) -> Fraction:
    """The least sum of one cost, whatever the others are; without time, of the cheapest option of each layer alone."""
    table, total = tables.costs[name], Fraction(0)
    for group in tables.groups:
        options = tables.available[group[0]].nonzero()[0]
        if len(group) == 1:
            total += Fraction(float(table[group[0], options].min()))
        else:
            total += min(exact_sum(table[list(group), option]) for option in options)
    apart = tables.passing is None and max_formats is None and not tables.tied
    if apart or late(deadline):
        return total
    with contextlib.suppress(TimeoutError):
        return max(total, _least_given_others(replace(tables, limits={}), name, max_formats, deadline))
    return total


def _least_given_others(tables: Tables, name: str, max_formats: int | None, deadline: float) -> Fraction:
    """A lower bound, exact unless the time is up, on one cost's sum within the other budgets; 0 if those conflict."""
    return _bounded(tables, name, max_formats, deadline)[0]


def _bounded(tables: Tables, name: str, max_formats: int | None, deadline: float) -> tuple[Fraction, Fraction | None]:
    """The same, and the least that was found, None where no plan was."""
    others = {other: limit for other, limit in tables.limits.items() if other != name}
    found, outcome, _ = dispatch(replace(tables.minimising(name), limits=others), max_formats, deadline)
    bound = found.loss_grid.real(math.floor(outcome.bound)) if math.isfinite(outcome.bound) else Fraction(0)
    if outcome.counts is None:
        return (Fraction(0) if outcome.exhausted else max(bound, Fraction(0))), None
    return bound, exact_objective(found.tables, found.choice(outcome.counts))
