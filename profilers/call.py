"""Call: one piece of work that can be measured, with the columns of its row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profilers.timing import Work


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
        return (self.table, self.math, *(str(value) for value in self.columns.values()))
