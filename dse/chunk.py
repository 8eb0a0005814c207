"""A chunk of a sweep: a range of designs, evaluated block by block and reduced to the fronts of its groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.asked import FITS, METRICS
from dse.axes import WHOLE
from dse.design_columns import Designs, Inner, takes_cells
from dse.expression import Expression
from dse.reduction import Rows, join, reduce
from dse.space import Block, Space

MOST_DESIGNS = 2**16
"""Designs of a block: bounds the memory of a chunk, whatever its length."""


@dataclass(frozen=True)
class Counts:
    """What became of the designs: `excluded` do not fit or break a constraint, `unknown` have no value for a limit."""

    designs: int = 0
    excluded: int = 0
    unknown: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The sum."""
        return Counts(self.designs + other.designs, self.excluded + other.excluded, self.unknown + other.unknown)


@dataclass(frozen=True)
class Evaluated:
    """The designs of a block: `columns` float64[designs, space.columns]; `feasible` ones have values within limits."""

    start: int
    columns: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    counts: Counts


def blocks(space: Space, start: int, stop: int) -> Iterator[Evaluated]:
    """Evaluate designs start..stop a block at a time."""
    inner: dict[tuple[int, ...], Inner] = {}
    for block in space.blocks(start, stop, MOST_DESIGNS, deep=takes_cells(space)):
        key = block.rows.start, block.rows.stop, block.columns.start, block.columns.stop
        if key not in inner:
            inner = {key: Inner.of(space, block)}
        yield evaluate_block(space, block, inner[key])


def feasible(space: Space, evaluated: Evaluated) -> Rows:
    """The feasible designs of a block: `values` holds the objectives signed for minimisation, then other columns."""
    at = np.flatnonzero(evaluated.feasible)
    index = evaluated.start + at
    signs = np.array([o.sign for o in space.objectives])
    columns = evaluated.columns[at]
    values = np.concatenate([columns[:, : len(signs)] * signs, columns[:, len(signs) :]], axis=1)
    return Rows(index, space.group(index), np.ones(len(at), dtype=np.int64), values)


def merge(space: Space, parts: list[Rows]) -> Rows:
    """The fronts of rows, or of several fronts."""
    return reduce(join(parts), len(space.objectives))


def evaluate_block(space: Space, block: Block, inner: Inner) -> Evaluated:
    """Evaluate every design of a rectangle."""
    designs = Designs(space, block, inner)
    shape = designs.shape
    allowed = _all(space.constraints, designs, shape, axes_only=True)
    if not allowed.any():
        nothing = np.full((block.size, len(space.columns)), np.nan)
        return Evaluated(block.start, nothing, allowed.ravel(), Counts(block.size, block.size))
    values = [np.broadcast_to(o.value(designs), shape) for o in space.objectives]
    named = [np.broadcast_to(designs[n], shape) for n in space.columns[len(values) :]]
    columns = np.stack([*values, *named], axis=-1).reshape(block.size, -1).astype(np.float64)
    read = {n for limit in space.constraints for n in limit.names if n in METRICS}
    decisive = [i for i, name in enumerate(space.columns) if i < len(values) or name in read]
    known = np.isfinite(columns[:, decisive]).all(axis=1)
    held = np.ones(shape, dtype=bool) if space.misfits else np.broadcast_to(designs[FITS] != 0, shape)
    kept = (allowed & held & _all(space.constraints, designs, shape, axes_only=False)).ravel()
    unknown = int((allowed.ravel() & ~known).sum())
    excluded = block.size - unknown - int((kept & known).sum())
    return Evaluated(block.start, columns, kept & known, Counts(block.size, excluded, unknown))


def _all(limits: tuple[Expression, ...], designs: Designs, shape: tuple[int, ...], *, axes_only: bool) -> Any:
    """Whether each design keeps the limits that read no metric, or those that do."""
    allowed = np.ones(shape, dtype=bool)
    for limit in limits:
        if axes_only != any(name in METRICS for name in limit.names):
            allowed &= limit(designs)
    return allowed


def corners(space: Space) -> list[dict[str, Any]]:
    """Each model and strategy with the least and the greatest batch, context and resolution: what may not fit."""
    outer = [axis for axis in space.axes if axis.name != "precision" and not axis.name.startswith("device")]
    ends = [sorted({min(a.values), max(a.values)}) if a.name in WHOLE else a.values for a in outer]
    return [dict(zip((axis.name for axis in outer), values, strict=True)) for values in product(*ends)]
