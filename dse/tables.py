"""The arrays of an allocation problem, read and checked."""

import itertools
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.catalog import require

Floats = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

MOST = 1e300
"""The largest sum of a table: conversions, and differences from the least, stay finite beside it."""


@dataclass(frozen=True)
class Passing:
    """What layers add by what reads them.

    pairs    (writer, reader) layers; where options are of kinds, a layer writes in one pair
    loss     float[pairs, options, kinds], by the writer's option and the reader's kind
    costs    {name: float[pairs, options, kinds]}
    together {(a, b): bool[kinds, kinds]}, the kinds that two layers may take together where not all
    beyond   how many of the last layers are none, and follow from others: a number of formats is not theirs
    """

    pairs: tuple[tuple[int, int], ...]
    loss: Floats
    costs: Mapping[str, Floats]
    together: Mapping[tuple[int, int], NDArray[np.bool_]]
    beyond: int = 0


@dataclass(frozen=True)
class Tables:
    """Checked input of `dse.allocate.solve`.

    loss        float[layers, options], 0 where unavailable
    costs       {name: float[layers, options]}, 0 where unavailable
    available   bool[layers, options], shared by tied layers
    limits      {name: limit} of the budgeted costs
    groups      the layers that share one option, in order of their first layer; every layer is in one
    conversion  float[options, options] or None
    edges       (from, to) layers between which a difference of options is converted
    kinds       int[layers, options], the format of each option where several are of one: conversions float[kinds,
                kinds], numbers of formats and `tied` are by these; None = each option is its own
    tied        pairs of layers whose options must be of one kind
    passing     what layers add by what reads them, or None
    enough      a loss at which a search of coupled layers may stop
    """

    loss: Floats
    costs: Mapping[str, Floats]
    available: NDArray[np.bool_]
    limits: Mapping[str, float]
    groups: tuple[tuple[int, ...], ...]
    conversion: Floats | None
    edges: tuple[tuple[int, int], ...] = ()
    kinds: NDArray[np.int64] | None = None
    tied: tuple[tuple[int, int], ...] = ()
    passing: Passing | None = None
    enough: float = -math.inf

    def minimising(self, name: str | None) -> "Tables":
        """The tables with a cost in the place of the loss, None: with no loss; and without conversions."""
        loss = np.zeros_like(self.loss) if name is None else self.costs[name]
        passing = self.passing
        if passing is not None:
            added = passing.costs.get(name, np.zeros_like(passing.loss)) if name else np.zeros_like(passing.loss)
            passing = replace(passing, loss=added)
        return replace(self, loss=loss, passing=passing, conversion=None)

    def keep(self, options: NDArray[np.bool_]) -> "Tables | None":
        """The tables without the options outside a bool[layers, options] mask; None if a layer has none left."""
        available = self.available & options
        _share(available, self.groups)
        if not available.any(axis=1).all():
            return None
        costs = {name: np.where(available, table, 0.0) for name, table in self.costs.items()}
        return replace(self, loss=np.where(available, self.loss, 0.0), costs=costs, available=available)


def read(
    loss: ArrayLike,
    costs: Mapping[str, ArrayLike],
    budgets: Mapping[str, float],
    ties: Sequence[Sequence[int]],
    conversion: ArrayLike | None,
    edges: Sequence[tuple[int, int]] | None = None,
) -> Tables:
    """Return the checked tables; an infinite loss or cost makes that option unavailable to that layer.

    ValueError on nan, negative costs, shapes that differ, an empty table, a layer without options; UnknownNameError on
    a budget for a cost that is not given, TypeError on costs or budgets that are no mapping.
    """
    _require_kinds(costs, budgets, ties)
    losses = _table("loss", loss)
    if losses.ndim != 2 or not losses.size:
        raise ValueError(f"loss must be a [layers, options] table with at least one of each, got shape {losses.shape}")
    cost_tables = {name: _cost(name, table, losses.shape) for name, table in costs.items()}
    for name, limit in budgets.items():
        require("cost", name, cost_tables)
        if isinstance(limit, bool) or not isinstance(limit, numbers.Real):
            raise ValueError(f"the budget of {name} must be a number, got {limit!r}")
        if math.isnan(limit) or limit < 0:
            raise ValueError(f"the budget of {name} must be at least 0, got {limit}")
    available = np.isfinite(losses)
    for table in cost_tables.values():
        available &= np.isfinite(table)
    groups = _groups(ties, len(losses))
    _share(available, groups)
    if not available.any(axis=1).all():
        for group in (group for group in groups if not available[group[0]].any()):
            lacking = f"layer {group[0]} has no" if len(group) == 1 else f"tied layers {list(group)} share no"
            raise ValueError(f"{lacking} available option")
    pairs = tuple(itertools.pairwise(range(len(losses)))) if edges is None else _edges(edges, len(losses))
    converted = None if conversion is None else _conversion(conversion, losses.shape[1])
    return Tables(
        np.where(available, losses, 0.0),
        {name: np.where(available, table, 0.0) for name, table in cost_tables.items()},
        available,
        {name: float(limit) for name, limit in budgets.items()},
        groups,
        converted if pairs else None,
        pairs,
    )


def larger(table: NDArray[Scalar], shape: tuple[int, int]) -> NDArray[Scalar]:
    """The table with as many more rows and columns of zeros."""
    found = np.zeros(shape, table.dtype)
    found[: table.shape[0], : table.shape[1]] = table
    return found


def _share(available: NDArray[np.bool_], groups: tuple[tuple[int, ...], ...]) -> None:
    """Leave tied layers, in place, the options that all of them have."""
    for group in groups:
        if len(group) > 1:
            available[list(group)] = available[list(group)].all(axis=0)


def _require_kinds(costs: object, budgets: object, ties: object) -> None:
    for what, given, each in (("costs", costs, "a table [layers, options]"), ("budgets", budgets, "a limit")):
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            raise TypeError(f"{what} must be a mapping of names to {each} each, as {{'bytes': ...}}, got a {kind}")
    if not isinstance(ties, Iterable):
        raise TypeError(f"ties must be groups of layer indices, such as [[0, 1]], got {ties!r}")


def _table(name: str, values: Any) -> Floats:
    try:
        imaginary = np.iscomplexobj(values)
        table = np.array([] if imaginary else values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a rectangular table of numbers") from None
    if imaginary:
        raise ValueError(f"{name} must be a table of real numbers, got complex ones")
    wrong = np.isnan(table) | (table == -np.inf)
    if wrong.any():
        where = np.argwhere(wrong)
        at = ", ".join(str(i) for i in where[0])
        raise ValueError(
            f"{name}[{at}] is {table[tuple(where[0])]}: a number, or inf for an unavailable option, is needed"
        )
    largest = np.abs(np.where(np.isinf(table), 0.0, table)).max(axis=-1, initial=0.0)
    if largest.max(initial=0.0) > MOST / max(largest.size, 1):
        raise ValueError(f"{name} is too large to be summed, up to {largest.max():g}: give it in a larger unit")
    return table


def _cost(name: str, values: Any, shape: tuple[int, ...]) -> Floats:
    table = _table(name, values)
    if table.shape != shape:
        raise ValueError(f"cost {name} must have the shape of loss, {shape}, got {table.shape}")
    if (table < 0).any():
        layer, option = np.argwhere(table < 0)[0]
        raise ValueError(f"{name}[{layer}, {option}] must be at least 0, got {table[layer, option]}")
    return table


def _conversion(values: Any, options: int) -> Floats:
    table = _table("conversion", values)
    if table.shape != (options, options):
        raise ValueError(f"conversion must have shape {(options, options)}, got {table.shape}")
    if not np.isfinite(table).all() or (table < 0).any() or np.diag(table).any():
        raise ValueError("conversion must be finite and at least 0, with a diagonal of 0: like formats need none")
    return table


def _edges(edges: Sequence[tuple[int, int]], layers: int) -> tuple[tuple[int, int], ...]:
    for edge in edges:
        if not _several(edge) or len(edge) != 2 or not all(0 <= layer < layers for layer in edge):
            raise ValueError(f"edges must be pairs of layer indices from 0 to {layers - 1}, got {edge!r}")
    return tuple((int(a), int(b)) for a, b in edges)


def _several(given: object) -> bool:
    return (
        given.ndim > 0 if isinstance(given, np.ndarray) else isinstance(given, Sequence) and not isinstance(given, str)
    )


def _groups(ties: Sequence[Sequence[int]], layers: int) -> tuple[tuple[int, ...], ...]:
    """Merge overlapping ties; a layer in none is a group of its own."""
    head = list(range(layers))

    def find(layer: int) -> int:
        while head[layer] != layer:
            layer = head[layer]
        return layer

    for tie in ties:
        if not _several(tie):
            raise ValueError(f"ties must be groups of layer indices, such as [[0, 1]], got {tie!r} for a group")
        for layer in tie:
            if isinstance(layer, bool) or not isinstance(layer, int | np.integer) or not 0 <= layer < layers:
                raise ValueError(f"ties must hold layer indices from 0 to {layers - 1}, got {layer!r}")
            first, second = sorted((find(int(tie[0])), find(int(layer))))
            head[second] = first
    merged: dict[int, list[int]] = {}
    for layer in range(layers):
        merged.setdefault(find(layer), []).append(layer)
    return tuple(tuple(group) for group in merged.values())
