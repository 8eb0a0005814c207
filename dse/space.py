"""Space: the product of named axes, with limits, objectives and groups; every design has an index and an id."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel import hardware
from costmodel.catalog import read_toml, require
from costmodel.hardware import Device, Fpga
from dse import axes as axis_file
from dse import digests
from dse.asked import ANSWERS, FITS, METRICS, NEEDED, known_names
from dse.axes import CORRECT, Axis
from dse.calibrations import calibrations
from dse.expression import TEXT, Expression, Objective, check_names, limit, objective
from dse.named_values import named

KEYS = ("axes", "objectives", "constraints", "groups", "metrics", "latency", "rows", "misfits")
LATENCIES = ("estimate", "roofline")
ID_DIGITS = 16
MOST_DESIGNS = 2**53
"""Designs whose indices a double still tells apart."""


@dataclass(frozen=True)
class Space:
    """A product of axes; `Space.read` makes one from plain data, `Space.load` from a TOML file.

    axes         in the order of `axes.NAMES`, fields of the device last; the last counts fastest
    objectives   what a front minimises or maximises
    constraints  limits that a design must keep
    groups       names of axes: a front for each combination of their values
    metrics      further columns of the result
    latency      "estimate", whatever `costmodel.estimate` uses, or "roofline", faster and a lower bound
    rows         whether every design is kept, not the fronts alone
    misfits      whether designs that take more than their device has may be on a front; `fits` then marks them
    """

    axes: tuple[Axis, ...]
    objectives: tuple[Objective, ...]
    constraints: tuple[Expression, ...] = ()
    groups: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    latency: str = "estimate"
    rows: bool = False
    misfits: bool = False
    spec: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def load(path: Path) -> "Space":
        """Read a TOML file; ValueError names the file and what is wrong."""
        data = read_toml(path)
        try:
            return Space.read(data)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @staticmethod
    def read(data: Mapping[str, Any]) -> "Space":
        """Read {axes, objectives, constraints, groups, metrics, latency, rows, misfits}; ValueError in one line."""
        for key in data:
            require("key of a space", key, KEYS)
        axes = axis_file.read(data.get("axes", {}))
        space = Space(
            axes,
            tuple(objective(text) for text in _texts(data, "objectives")),
            tuple(limit(text) for text in _texts(data, "constraints")),
            tuple(_texts(data, "groups")),
            tuple(_texts(data, "metrics")),
            data.get("latency", "estimate"),
            data.get("rows", False),
            data.get("misfits", False),
        )
        _check(space)
        space = replace(space, constraints=tuple(named(limit, axes) for limit in space.constraints))
        return replace(space, spec=_plain(space))

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def size(self) -> int:
        """How many designs there are, those that break a constraint included."""
        return math.prod(self.shape)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers in a result: objectives, metrics that constraints read, and those asked for."""
        read = [n for limit in self.constraints for n in sorted(limit.names) if n in METRICS]
        marks = [FITS] * self.misfits
        return tuple(dict.fromkeys([o.name for o in self.objectives] + read + list(self.metrics) + marks))

    @property
    def metrics_read(self) -> tuple[str, ...]:
        """The metrics that objectives and constraints read, or that are asked for, and what says which designs fit."""
        expressions = [*(o.value for o in self.objectives), *self.constraints]
        asked = {FITS, *self.metrics}
        return tuple(n for n in METRICS if n in asked or any(n in e.names for e in expressions))

    def axis(self, name: str) -> Axis:
        """The axis of that name; UnknownNameError lists near names."""
        by_name = {axis.name: axis for axis in self.axes}
        return by_name[require("axis of this space", name, by_name)]

    def positions(self, index: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """Each axis's position of designs by index: an int, or int[...]."""
        parts = np.unravel_index(np.asarray(index, dtype=np.int64), self.shape)
        return {axis.name: part for axis, part in zip(self.axes, parts, strict=True)}

    def design(self, index: int) -> dict[str, Any]:
        """The value that a design has on each axis."""
        return {name: self.axis(name).values[int(at)] for name, at in self.positions(index).items()}

    def id(self, index: int) -> str:
        """A stable name of a design: the first digits of the SHA-256 of its values on the axes, as sorted JSON."""
        return digests.digest(self.design(index))[:ID_DIGITS]

    def group(self, index: ArrayLike) -> NDArray[np.int64]:
        """The number of the group of each design; designs in equal groups compete for the front."""
        positions = self.positions(index)
        if not self.groups:
            return np.zeros(np.shape(index), dtype=np.int64)
        sizes = tuple(len(self.axis(name).values) for name in self.groups)
        return np.asarray(np.ravel_multi_index(tuple(positions[name] for name in self.groups), sizes))

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """The devices by name, without the fields that axes vary."""
        return tuple(hardware.device(name) for name in self.axis("device").values)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what decides the results: the specification, devices, calibrations, files of models and traces."""
        figures = [{k: v for k, v in asdict(d).items() if k != "sources"} for d in self.devices]
        strategies = next((axis.values for axis in self.axes if axis.name == "strategy"), ())
        files = digests.files(self.axis("model").values) | digests.traces(strategies)
        fitted = {name: code for device in self.devices for name, code in calibrations(device).items()}
        return digests.digest({"space": self.spec, "devices": figures, "calibrations": fitted, "files": files})

    def inner(self) -> tuple[int, int]:
        """Lengths of the two dense parts of an index: precisions, and devices with their fields."""
        devices: list[int] = [len(axis.values) for axis in self.axes if axis.name.startswith("device")]
        return len(self.axis("precision").values), math.prod(devices)

    def blocks(self, start: int, stop: int, most: int, *, deep: bool = False) -> Iterator["Block"]:
        """Cut designs start..stop into rectangles of precisions x devices of one workload, each of `most` at most.

        `deep` takes several workloads together where all of their designs are in.
        """
        precisions, devices = self.inner()
        tall = max(1, most // devices)
        while start < stop:
            outer, within = divmod(start, precisions * devices)
            row, column = divmod(within, devices)
            depth = min(stop - start, most) // (precisions * devices) if deep and not within else 0
            if depth > 1:
                block = Block(start, outer, slice(0, precisions), slice(0, devices), depth)
            elif column or stop - start < devices or devices > most:
                width = min(devices - column, stop - start, most)
                block = Block(start, outer, slice(row, row + 1), slice(column, column + width))
            else:
                rows = min(precisions - row, (stop - start) // devices, tall)
                block = Block(start, outer, slice(row, row + rows), slice(0, devices))
            yield block
            start += block.size


@dataclass(frozen=True)
class Block:
    """Designs of `depth` workloads from the `outer`-th on: rows and columns are slices of precisions and devices.

    `start` is the first design's index.
    """

    start: int
    outer: int
    rows: slice
    columns: slice
    depth: int = 1

    @property
    def size(self) -> int:
        """How many designs it holds."""
        return int(self.depth * (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start))


def _check(space: Space) -> None:
    if not space.objectives:
        raise ValueError("a space needs at least one objective, got none")
    names = [o.name for o in space.objectives]
    if len(set(names)) < len(names):
        raise ValueError(f"objectives must differ, got {', '.join(names)}")
    known = known_names(space.axes)
    for expression in (*(o.value for o in space.objectives), *space.constraints):
        check_names(expression, known)
    text = [name for o in space.objectives for name in o.value.names if name in TEXT]
    if text:
        raise ValueError(f"{text[0]} is text, no quantity to optimise")
    for name in space.groups:
        space.axis(name)
    for name in space.metrics:
        require("metric", name, METRICS)
    _check_settings(space)
    others = [device.name for device in space.devices if not isinstance(device, Fpga)]
    if others and any(axis.name == "mapping" for axis in space.axes):
        raise ValueError(f"the axis 'mapping' is for FPGAs, and {others[0]} is none")


def _check_settings(space: Space) -> None:
    told = [name for name in ANSWERS if name in space.metrics_read]
    spelled = [value for axis in space.axes if axis.name in ("model", "strategy") for value in axis.labels]
    if told and not any(f"{CORRECT}=" in str(label) for label in spelled):
        raise ValueError(f"{told[0]} needs {CORRECT} of the models, how often one of their samples is right")
    for metric, (axis, why) in NEEDED.items():
        if metric in space.metrics_read and axis not in (a.name for a in space.axes):
            raise ValueError(f"{metric} needs the axis {axis}, {why}")
    if space.latency not in LATENCIES:
        raise ValueError(f"latency must be one of {', '.join(LATENCIES)}, got {space.latency!r}")
    for name in ("rows", "misfits"):
        if not isinstance(value := getattr(space, name), bool):
            raise ValueError(f"{name} must be true or false, got {value!r}")
    if space.size > MOST_DESIGNS:
        raise ValueError(f"a space may have {MOST_DESIGNS} designs, this one has {space.size}")


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    given = data.get(key, [])
    if not isinstance(given, list | tuple) or not all(isinstance(text, str) for text in given):
        raise ValueError(f"{key} must be a list of strings, got {given!r}")
    return list(given)


def _plain(space: Space) -> dict[str, Any]:
    """The specification that `read` takes, every range and shorthand written out: equal for equal spaces."""
    told = {-1.0: "maximise", 1.0: "minimise"}
    return {
        "axes": {axis.name: list(axis.values) for axis in space.axes},
        "objectives": [f"{told[o.sign]} {o.value.text}" for o in space.objectives],
        "constraints": [c.text for c in space.constraints],
        "groups": list(space.groups),
        "metrics": list(space.metrics),
        "latency": space.latency,
        "rows": space.rows,
        "misfits": space.misfits,
    }
