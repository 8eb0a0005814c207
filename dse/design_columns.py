"""The columns of a block of designs by name, each found when first read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.hardware import joined
from costmodel.precision import Precision, precision
from dse import cells, evaluation, passes
from dse.asked import METRICS
from dse.axes import FIELD, NUMERIC_FIELDS, label
from dse.cells import Cells
from dse.devices import device_batches, device_positions
from dse.evaluation import Columns, Grid
from dse.passes import unless_refused
from dse.predicted import PREDICTED, predicted
from dse.sketches import sketch
from dse.space import Block, Space


@dataclass(frozen=True)
class Inner:
    """The precisions and devices of a block: a grid for each class of device, with where its members are."""

    precisions: tuple[Precision, ...]
    at: NDArray[np.int64]
    grids: tuple[tuple[NDArray[np.int64], Grid], ...]

    @staticmethod
    def of(space: Space, block: Block) -> "Inner":
        """Those of a block's rows and columns."""
        precisions = tuple(precision(name) for name in space.axis("precision").values[block.rows])
        at = np.arange(block.columns.start, block.columns.stop)
        grids = tuple((where, Grid(precisions, batch)) for where, batch in device_batches(space, at))
        return Inner(precisions, at, grids)


class Designs(Mapping[str, Any]):
    """Metrics, axes, bits and fields of the device as arrays that broadcast to [workloads, precisions, devices]."""

    def __init__(self, space: Space, block: Block, inner: Inner) -> None:
        self.space, self.inner = space, inner
        self.shape = (block.depth, len(inner.precisions), len(inner.at))
        first = np.arange(block.outer, block.outer + block.depth) * int(np.prod(space.inner()))
        where = space.positions(first)
        axes = [axis for axis in space.axes if axis.name != "precision" and not axis.name.startswith("device")]
        columns = [[axis.values[i] for i in where[axis.name].tolist()] for axis in axes]
        self.outer = {axis.name: column for axis, column in zip(axes, columns, strict=True)}

    @property
    def workloads(self) -> list[dict[str, Any]]:
        """The values of each workload's axes."""
        return [dict(zip(self.outer, values, strict=True)) for values in zip(*self.outer.values(), strict=True)]

    @cached_property
    def metrics(self) -> Columns:
        """Every metric that the space reads."""
        names = self.space.metrics_read
        if self.shape[0] > 1:
            return self._together(names)
        table = {name: np.full(self.shape, np.nan) for name in names}
        done = unless_refused(passes.build, self.workloads[0])
        if done is None:
            return table
        for at, grid in self.inner.grids:
            for name, column in evaluation.evaluate(done, grid, names, self.space.latency).items():
                table[name][0][:, at] = column
        for name, column in predicted(done, self.inner.precisions, self.workloads[0], names).items():
            table[name] = np.broadcast_to(column[:, None], self.shape)
        return table

    def _together(self, names: Sequence[str]) -> Columns:
        """The metrics of several workloads, nan of those that a strategy refuses."""
        made = [unless_refused(sketch, values) for values in self.workloads]
        at = [i for i, one in enumerate(made) if one is not None]
        found = cells.evaluate([one for one in made if one is not None], cells_of(self.space), names) if at else {}
        if len(at) == len(made):
            return found
        table = {name: np.full(self.shape, np.nan) for name in names}
        for name, column in found.items():
            table[name][at] = column
        return table

    def __getitem__(self, name: str) -> Any:
        if name in METRICS:
            return self.metrics[name]
        if name == "precision":
            return np.array([p.name for p in self.inner.precisions], dtype=object)[:, None]
        if name == "device":
            names = np.array(self.space.axis("device").values, dtype=object)
            return names[device_positions(self.space, self.inner.at)["device"]]
        if name in self.outer:
            return np.array([label(value) for value in self.outer[name]])[:, None, None]
        if name.endswith("_bits"):
            part = {"weight_bits": "weight", "activation_bits": "activation", "kv_bits": "kv_cache"}[name]
            return np.array([getattr(p, part).bits for p in self.inner.precisions])[:, None]
        return self._field(name.removeprefix(FIELD))

    def _field(self, path: str) -> NDArray[np.float64]:
        column = np.full(self.shape[-1], np.nan)
        for at, grid in self.inner.grids:
            value: Any = grid.devices
            for part in path.split("."):
                value = getattr(value, part, np.nan)
            column[at] = value
        return column

    def __iter__(self) -> Iterator[str]:
        return iter((*METRICS, *self.outer, "precision", "device", *NUMERIC_FIELDS))

    def __len__(self) -> int:
        return sum(1 for _ in self)


FEW = 2**9
"""Precisions x devices of a workload above which the roofline is as quick on one workload at a time."""


def takes_cells(space: Space) -> bool:
    """Whether workloads are evaluated together: on GPUs as they are, with links to others, where no precision states
    what layers write."""
    if any(precision(name).output is not None for name in space.axis("precision").values):
        return False
    fixed = not any(axis.name.startswith(FIELD) for axis in space.axes) and not set(PREDICTED) & set(space.metrics_read)
    narrow = space.latency == "estimate" or int(np.prod(space.inner())) <= FEW
    return fixed and narrow and all(joined(device) for device in space.devices)


def cells_of(space: Space) -> Cells:
    """The cells of a space's precisions and devices, kept for the next block of the same figures."""
    key = (space.axis("precision").values, space.axis("device").values, space.metrics_read, space.hash)
    if key not in _KEPT:
        _KEPT.clear()
        precisions = tuple(precision(name) for name in space.axis("precision").values)
        ((_, batch),) = device_batches(space, np.arange(space.inner()[1]))
        _KEPT[key] = Cells.of(Grid(precisions, batch), space.metrics_read, space.latency)
    return _KEPT[key]


_KEPT: dict[Any, Cells] = {}
