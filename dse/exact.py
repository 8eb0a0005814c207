"""Sums of floats without rounding: what every returned plan is checked with."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.tables import Passing, Tables

_HALF = 26
"""Mantissas are summed in halves of that many bits, each within int64 for up to 2**36 values."""


def exact_sum(values: ArrayLike) -> Fraction:
    """The sum of finite floats as the rational number that they stand for."""
    mantissa, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    levels, level = np.unique(exponent, return_inverse=True)
    sums = np.zeros((2, len(levels)), np.int64)
    np.add.at(sums[0], level, whole >> _HALF)
    np.add.at(sums[1], level, whole & ((1 << _HALF) - 1))
    lowest = int(levels.min(initial=0))
    parts = zip(levels.tolist(), *sums.tolist(), strict=True)
    total = sum(((high << _HALF) + low) << (exponent - lowest) for exponent, high, low in parts)
    return Fraction(total) * Fraction(2) ** (lowest - 53)


def at_least(value: Fraction) -> float:
    """The least float that is no less than the value: as a budget it admits what it is the sum of."""
    near = float(value)
    return near if near >= value else math.nextafter(near, math.inf)


def at_most(value: Fraction) -> float:
    """The greatest float that is no more than the value."""
    return -at_least(-value)


def objective(tables: Tables, choice: NDArray[np.int64]) -> Fraction:
    """The exact loss of a choice int[layers], conversions included."""
    layers = np.arange(len(choice))
    found = exact_sum(tables.loss[layers, choice])
    if tables.conversion is not None:
        first, second = np.array(tables.edges).T
        kind = choice if tables.kinds is None else tables.kinds[layers, choice]
        found += exact_sum(tables.conversion[kind[first], kind[second]])
    if tables.passing is not None:
        found += exact_sum(tables.passing.loss[_passed(tables, tables.passing, choice)])
    return found


def totals(tables: Tables, choice: NDArray[np.int64]) -> dict[str, Fraction]:
    """The exact sum of each cost."""
    layers = np.arange(len(choice))
    found = {name: exact_sum(table[layers, choice]) for name, table in tables.costs.items()}
    if tables.passing is not None:
        at = _passed(tables, tables.passing, choice)
        found |= {name: found[name] + exact_sum(table[at]) for name, table in tables.passing.costs.items()}
    return found


def _passed(tables: Tables, passing: Passing, choice: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Where the tables of passing have a choice."""
    writer, reader = np.array(passing.pairs, np.int64).reshape(-1, 2).T
    kind = choice if tables.kinds is None else tables.kinds[np.arange(len(choice)), choice]
    return np.arange(len(writer)), choice[writer], kind[reader]


def meets_budgets(tables: Tables, choice: NDArray[np.int64]) -> bool:
    """Whether the choice keeps every budget exactly."""
    spent = totals(tables, choice)
    return all(limit == float("inf") or spent[name] <= Fraction(limit) for name, limit in tables.limits.items())
