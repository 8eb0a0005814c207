"""Designs as columns: those of a run of the explorer, and mixed-precision ones after them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse import store
from dse.digests import digest
from dse.metric import METRICS
from dse.space import ID_DIGITS, Space
from dse.store import Run

Floats = NDArray[np.float64]

HIGHER = {"examples_per_s"} | {name for name, metric in METRICS.items() if metric.better == "higher"}
MOST_SOUGHT = 20_000
"""Designs whose ids are looked through for one that a link names by an index it no longer has."""


@dataclass(frozen=True)
class Mixed:
    """A design with a precision a layer: the sweep's design it departs from, and the layers' precisions.

    laid_for  the precision that an FPGA's folding was made for, "" elsewhere
    """

    index: int
    assignment: Mapping[str, str]
    laid_for: str = ""

    def id(self, space: Space) -> str:
        """The design's content hash."""
        values = space.design(self.index) | {"precision": dict(self.assignment)}
        return digest(values | ({"laid_for": self.laid_for} if self.laid_for else {}))[:ID_DIGITS]


@dataclass(frozen=True, eq=False)
class Designs:
    """Rows of designs.

    index     int64[rows], each design's index in the space; of a mixed one, that of the design it departs from
    columns   {metric: float64[rows]}, nan where a design does not have it
    mixed     the last rows, one each
    equals    int64[rows], how many designs a row stands for where a run kept its front alone; none: itself
    complete  whether every feasible design is here, not the front of a run alone
    left_out  designs that break a constraint or cannot run
    """

    space: Space
    index: NDArray[np.int64]
    columns: Mapping[str, Floats]
    mixed: tuple[Mixed, ...] = ()
    complete: bool = True
    left_out: int = 0
    equals: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def swept(self) -> int:
        """How many rows are the sweep's."""
        return len(self.index) - len(self.mixed)

    @property
    def metrics(self) -> list[str]:
        """Columns that at least one design has."""
        return [name for name, column in self.columns.items() if np.isfinite(column).any()]

    def id(self, row: int) -> str:
        """A row's content hash; IndexError where there is no such row."""
        if not 0 <= row < len(self):
            raise IndexError(f"row must be within 0 and {len(self) - 1}, got {row}")
        return self.mixed[row - self.swept].id(self.space) if row >= self.swept else self.space.id(int(self.index[row]))

    def find(self, spelled: str) -> int:
        """The row of "ID.ROW" or "ID"; ValueError where no design has that id."""
        wanted, _, hint = spelled.partition(".")
        if hint.isascii() and hint.isdigit() and int(hint[:12]) < len(self) and self.id(int(hint[:12])) == wanted:
            return int(hint)
        rows = range(len(self)) if len(self) <= MOST_SOUGHT else range(self.swept, len(self))
        found = next((row for row in rows if self.id(row) == wanted), None)
        if found is None:
            raise ValueError(f"no design here has the id {wanted[:40]!r}")
        return found

    def values(self, row: int) -> dict[str, Any]:
        """What a row's design has on each axis."""
        return self.space.design(int(self.index[row]))

    def with_mixed(self, mixed: list[Mixed], columns: Mapping[str, Floats]) -> "Designs":
        """The same designs and mixed ones after them, whose other columns are nan."""
        count = len(mixed)
        joined = {n: np.append(c, columns.get(n, np.full(count, np.nan))) for n, c in self.columns.items()}
        index = np.append(self.index, np.array([m.index for m in mixed], dtype=np.int64))
        equals = None if self.equals is None else np.append(self.equals, np.ones(count, dtype=np.int64))
        return replace(self, index=index, columns=joined, mixed=tuple(mixed), equals=equals)


@lru_cache(maxsize=8)
def load(folder: Path) -> Designs:
    """The designs of a run directory: every feasible one where the run keeps rows, its front otherwise."""
    run = store.read(folder)
    files = sorted((folder / store.ROWS).glob("*.parquet"))
    if files:
        return _rows(run, files)
    front = store.front_of(run)
    columns = {name: _numbers(front[name]) for name in run.plan.space.columns}
    index = front["design"].to_numpy().astype(np.int64)
    equals = front["equals"].to_numpy().astype(np.int64)
    return Designs(run.plan.space, index, columns, complete=False, left_out=_left_out(run), equals=equals)


def _rows(run: Run, files: list[Path]) -> Designs:
    import pyarrow.parquet as pq

    space = run.plan.space
    tables = [pq.read_table(path, columns=["design", "feasible", *space.columns]) for path in files]
    kept = np.concatenate([t["feasible"].to_numpy() for t in tables]).astype(bool)
    columns = {n: np.concatenate([_numbers(t[n]) for t in tables])[kept] for n in space.columns}
    index = np.concatenate([t["design"].to_numpy() for t in tables]).astype(np.int64)[kept]
    return Designs(space, index, columns, left_out=_left_out(run))


def _left_out(run: Run) -> int:
    return run.counts.excluded + run.counts.unknown


def _numbers(column: Any) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)
