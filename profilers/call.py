"""Call: one piece of work that can be measured, with the columns of its row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profilers.timing import Work

POWER_TABLE = "gemm"
"""The table whose board power is measured and modelled."""

FLUSHED = "flushed"
"""What a row's `cache` says where the L2 was overwritten before every run."""

ROWS_TO_FIT = 10
"""Rows below which constants would be the prior's."""


@dataclass(frozen=True)
class Call:
    """One row to measure: the table and kind that it belongs to, its columns, and what builds it.

    `build` takes how many copies of the weights to make and returns one piece of work for each; `weight_bytes` is the
    size of one copy, `least_s` a rough time (the roofline), to which measurements are compared.
    """

    table: str
    math: str
    columns: Mapping[str, Any]
    sizes: tuple[float, ...]
    weight_bytes: float
    least_s: float
    build: Callable[[int], list[Work]]

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other calls: rows of it need no second measurement."""
        return key(self.table, self.math, self.columns)


def key(table: str, math: str, columns: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of a row with those columns: numbers alike whether a file gave them back as integers or not."""
    values = (value if isinstance(value, str) else float(value) for value in columns.values())
    return (table, math, *values)
