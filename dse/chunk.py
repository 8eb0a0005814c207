"""A chunk of a sweep: a range of designs, evaluated block by block and reduced to the fronts of its groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.hardware import Device
from costmodel.precision import Precision, precision
from costmodel.record import map_fields, stack
from dse import passes
from dse.axes import FIELD, NUMERIC_FIELDS, WHOLE, label
from dse.evaluation import Columns, Grid, evaluate
from dse.expression import Expression
from dse.reduction import Rows, join, reduce
from dse.space import METRICS, Block, Space
from dse.training_loss import training_loss

MOST_DESIGNS = 2**16
"""Designs of a block: bounds the memory of a chunk, whatever its length."""


@dataclass(frozen=True)
class Counts:
    """What became of the designs: `excluded` break a constraint, `unknown` have no value for an objective or limit."""

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
    for block in space.blocks(start, stop, MOST_DESIGNS):
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


@dataclass(frozen=True)
class Inner:
    """The precisions and devices of a block: a grid for each class of device, with where its members are."""

    shape: tuple[int, int]
    precisions: tuple[Precision, ...]
    at: NDArray[np.int64]
    grids: tuple[tuple[NDArray[np.int64], Grid], ...]

    @staticmethod
    def of(space: Space, block: Block) -> "Inner":
        """Those of a block's rows and columns."""
        precisions = tuple(precision(name) for name in space.axis("precision").values[block.rows])
        at = np.arange(block.columns.start, block.columns.stop)
        grids = tuple((where, Grid(precisions, batch)) for where, batch in device_batches(space, at))
        return Inner((len(precisions), len(at)), precisions, at, grids)


def evaluate_block(space: Space, block: Block, inner: Inner) -> Evaluated:
    """Evaluate every design of a rectangle."""
    designs = _Designs(space, block, inner)
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
    kept = (allowed & _all(space.constraints, designs, shape, axes_only=False)).ravel()
    unknown = int((allowed.ravel() & ~known).sum())
    excluded = block.size - unknown - int((kept & known).sum())
    return Evaluated(block.start, columns, kept & known, Counts(block.size, excluded, unknown))


def _all(limits: tuple[Expression, ...], designs: "_Designs", shape: tuple[int, int], *, axes_only: bool) -> Any:
    """Whether each design keeps the limits that read no metric, or those that do."""
    allowed = np.ones(shape, dtype=bool)
    for limit in limits:
        if axes_only != any(name in METRICS for name in limit.names):
            allowed &= limit(designs)
    return allowed


class _Designs(Mapping[str, Any]):
    """Columns of a block by name, each found when first read: metrics, axes, bits, fields of the device."""

    def __init__(self, space: Space, block: Block, inner: Inner) -> None:
        self.space, self.inner, self.shape = space, inner, inner.shape
        first = space.design(block.outer * int(np.prod(space.inner())))
        self.outer = {n: v for n, v in first.items() if n != "precision" and not n.startswith("device")}

    @cached_property
    def metrics(self) -> Columns:
        """Every metric that the space reads."""
        space, names = self.space, self.space.metrics_read
        done = passes.build(self.outer)
        table = {name: np.full(self.shape, np.nan) for name in names}
        for at, grid in self.inner.grids:
            for name, column in evaluate(done, grid, names, space.latency).items():
                table[name][:, at] = column
        if "training_loss" in names:
            trained = training_loss(done.workload, self.inner.precisions, self.outer["tokens"])
            table["training_loss"] = np.broadcast_to(trained[:, None], self.shape)
        return table

    def __getitem__(self, name: str) -> Any:
        if name in METRICS:
            return self.metrics[name]
        if name == "precision":
            return np.array([p.name for p in self.inner.precisions], dtype=object)[:, None]
        if name == "device":
            names = np.array(self.space.axis("device").values, dtype=object)
            return names[device_positions(self.space, self.inner.at)["device"]][None]
        if name in self.outer:
            return label(self.outer[name])
        if name.endswith("_bits"):
            part = {"weight_bits": "weight", "activation_bits": "activation", "kv_bits": "kv_cache"}[name]
            return np.array([getattr(p, part).bits for p in self.inner.precisions])[:, None]
        return self._field(name.removeprefix(FIELD))

    def _field(self, path: str) -> NDArray[np.float64]:
        column = np.full(self.shape[1], np.nan)
        for at, grid in self.inner.grids:
            value: Any = grid.devices
            for part in path.split("."):
                value = getattr(value, part, np.nan)
            column[at] = value
        return column[None]

    def __iter__(self) -> Iterator[str]:
        return iter((*METRICS, *self.outer, "precision", "device", *NUMERIC_FIELDS))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def device_positions(space: Space, at: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Positions on the device's axis and its fields' axes of the flat positions `at` over all of them."""
    axes = [axis for axis in space.axes if axis.name.startswith("device")]
    parts = np.unravel_index(at, tuple(len(axis.values) for axis in axes))
    return {axis.name: part for axis, part in zip(axes, parts, strict=True)}


def device_batches(space: Space, at: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], Device]]:
    """The devices at flat positions as one batch a class, each with where its members are in `at`."""
    positions = device_positions(space, at)
    chosen = positions.pop("device")
    return chosen_devices(space, chosen, {n: np.array(space.axis(n).values)[at] for n, at in positions.items()})


def chosen_devices(
    space: Space, chosen: NDArray[np.int64], fields: Mapping[str, NDArray[np.float64]]
) -> list[tuple[NDArray[np.int64], Device]]:
    """Devices by their positions on their axis, with fields replaced, as `device_batches` gives them."""
    classes = [type(device) for device in space.devices]
    found = []
    for cls in dict.fromkeys(classes):
        members = [i for i, kind in enumerate(classes) if kind is cls]
        where = np.flatnonzero(np.isin(chosen, members))
        if where.size:
            batch: Any = stack([space.devices[i] for i in members])
            batch = map_fields(batch, itemgetter(np.searchsorted(members, chosen[where])))
            for name, values in fields.items():
                batch = _with_field(batch, name.removeprefix(FIELD).split("."), values[where])
            found.append((where, batch))
    return found


def _with_field(record: Any, path: list[str], values: NDArray[np.float64]) -> Any:
    """The batch with one numeric field replaced; ValueError where its class has no such field."""
    first, *rest = path
    if not hasattr(record, first):
        raise ValueError(f"a {type(record).__name__} has no {first}, which an axis varies")
    value = _with_field(getattr(record, first), rest, values) if rest else values
    return type(record)(**{**record.__dict__, first: value})


def corners(space: Space) -> list[dict[str, Any]]:
    """Each model and strategy with the least and the greatest batch, context and resolution: what may not fit."""
    outer = [axis for axis in space.axes if axis.name != "precision" and not axis.name.startswith("device")]
    ends = [sorted({min(a.values), max(a.values)}) if a.name in WHOLE else a.values for a in outer]
    return [dict(zip((axis.name for axis in outer), values, strict=True)) for values in product(*ends)]
