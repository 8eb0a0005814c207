"""Sums of floats without rounding: what every returned plan is checked with."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dse.tables import Tables


def exact_sum(values: Iterable[float]) -> Fraction:
    """The sum of finite floats as the rational number that they stand for."""
    return sum((Fraction(float(value)) for value in values), Fraction(0))


def objective(tables: Tables, choice: NDArray[np.int64]) -> Fraction:
    """The exact loss of a choice int[layers], conversions between consecutive layers included."""
    layers = np.arange(len(choice))
    found = exact_sum(tables.loss[layers, choice])
    if tables.conversion is not None:
        found += exact_sum(tables.conversion[choice[:-1], choice[1:]])
    return found


def totals(tables: Tables, choice: NDArray[np.int64]) -> dict[str, Fraction]:
    """The exact sum of each cost."""
    layers = np.arange(len(choice))
    return {name: exact_sum(table[layers, choice]) for name, table in tables.costs.items()}


def meets_budgets(tables: Tables, choice: NDArray[np.int64]) -> bool:
    """Whether the choice keeps every budget exactly."""
    spent = totals(tables, choice)
    return all(limit == float("inf") or spent[name] <= Fraction(limit) for name, limit in tables.limits.items())
