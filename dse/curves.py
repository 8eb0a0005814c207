"""A metric of one design along an axis, as crossovers read it: batch, context, resolution, a field of the device, or
a number in the spelling of a precision or a strategy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import hardware, models
from costmodel.catalog import require
from costmodel.estimators.assignment import per_op
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import WORK, as_run, latency_interval
from costmodel.estimators.evaluate import evaluate as evaluate_ops
from costmodel.estimators.fit import beyond, in_l2
from costmodel.estimators.footprint import footprint_bytes
from costmodel.hardware import Device, Gpu
from costmodel.precision import Precision, precision
from costmodel.record import stack
from costmodel.strategies import strategy
from costmodel.workload import Op, Workload
from dse.axes import FIELD, NUMERIC_FIELDS, SHAPE
from dse.cells import Cells, evaluate
from dse.crossover import Along, Band
from dse.devices import with_field
from dse.evaluation import COUNTED, WITH_FOOTPRINT, WITH_LATENCY, Grid
from dse.sketches import sketch

QUICK = {*COUNTED, *WITH_LATENCY, *WITH_FOOTPRINT, "energy_j"}
"""Metrics that workloads on a GPU get together."""
INTERVAL = ("latency_s", *(f"latency_{end}_s" for end in ("low", "high")), "source", "correlation")
"""Columns of ops that the interval of their sum is of."""


@dataclass(frozen=True)
class Varied:
    """A design of which an axis varies a size of the pass, a field of the device, or what {axis} stands for in the
    spelling of its precision, strategy or device: whole numbers are written as such."""

    axis: str
    model: str
    precision: str
    device: str
    strategy: str
    shape: Mapping[str, Any]

    @property
    def sizes_the_pass(self) -> bool:
        """Whether the axis is a size of the pass and nothing else, so that many values are evaluated together."""
        spelled = self.precision, self.device, self.strategy
        return not self.axis.startswith(FIELD) and not any(f"{{{self.axis}}}" in text for text in spelled)

    def totals(self, value: float) -> Mapping[str, float]:
        """The totals of `estimate` at a value of the axis, each evaluated once; ValueError where there is no design."""
        if value not in self._known:
            shape = {name: size for name, size in self.shape.items() if size not in (None, "")}
            shape |= {self.axis: int(value)} if self.axis in SHAPE else {}
            edit = strategy(self._at(self.strategy, value))
            found = estimate(edit(models.load(self.model, **shape)), self._at(self.precision, value), self.board(value))
            self._known[value] = found.totals
        return self._known[value]

    def board(self, value: float) -> Any:
        """The device at a value of the axis."""
        board: Any = hardware.device(self._at(self.device, value))
        if not self.axis.startswith(FIELD):
            return board
        return with_field(board, self.axis.removeprefix(FIELD).split("."), value)

    def curve(self, metric: str, first: float) -> tuple[Along, Band | None]:
        """The metric, and the ends of its interval where it has one at the `first` value."""

        def of(name: str) -> Along:
            def known(value: float) -> float:
                total = self.totals(value)
                return float(total[require(f"total on {self.device}", name, total)])

            return lambda values: np.array([known(float(value)) for value in values])

        low, high = ends(metric)
        return of(metric), (of(low), of(high)) if {low, high} <= self.totals(first).keys() else None

    def occupied(self) -> Along:
        """Return the most that a design takes of anything that its device has, over what there is: 1 fits, more not.

        0 where an FPGA has enough of everything; infinite where it has none of what is needed.
        """
        board = self.board(1.0) if self.sizes_the_pass else None
        if isinstance(board, Gpu):
            footprint = along(
                self.axis, self.model, self.precision, board, strategy_text=self.strategy, metric="footprint_bytes",
                shape=self.shape,
            )  # fmt: skip
            return lambda values: footprint(values) / board.memory_bytes

        def most(value: float) -> float:
            over = beyond(self.totals(value), self.board(value))
            return max((math.inf if share is None else share for share in over.values()), default=0.0)

        return lambda values: np.array([most(float(value)) for value in values])

    @cached_property
    def _known(self) -> dict[float, Mapping[str, float]]:
        return {}

    def _at(self, text: str, value: float) -> str:
        return text.replace(f"{{{self.axis}}}", str(int(value)) if value == int(value) else repr(value))


def require_axis(name: str, spelled: str) -> None:
    """UnknownNameError where an axis is no size, no field of a device and nowhere in the spelling of the designs."""
    if f"{{{name}}}" not in spelled:
        require("axis", name, [*SHAPE, *(FIELD + field for field in NUMERIC_FIELDS)])


def ends(metric: str) -> tuple[str, str]:
    """The totals that are the ends of a metric's interval, where it has one."""
    unit = next((e for e in ("_per_s", "_s", "_j", "_w") if metric.endswith(e)), "")
    base = metric.removesuffix(unit)
    return f"{base}_low{unit}", f"{base}_high{unit}"


def along(
    axis: str, model: str, spelled: str, device: Device, *, strategy_text: str = "none", metric: str = "latency_s",
    shape: Mapping[str, Any],
) -> Along:  # fmt: skip
    """Return a total of `estimate` as a function of whole values of an axis: float64[N] to float64[N].

    Each value is evaluated once. ValueError where the device cannot run the design, or has no such total.
    """
    fixed = {name: value for name, value in shape.items() if value not in (None, "")}
    edit = strategy(strategy_text)

    @cache
    def one(value: int) -> float:
        totals = estimate(edit(models.load(model, **(fixed | {axis: value}))), spelled, device).totals
        return float(totals[require(f"total on {device.name}", metric, totals)])

    if not isinstance(device, Gpu) or metric not in QUICK or precision(spelled).output is not None:
        return lambda values: np.array([one(int(v)) for v in values])
    known = Cells.of(Grid((precision(spelled),), stack([device])), (metric,), "estimate")

    def together(values: NDArray[np.float64]) -> NDArray[np.float64]:
        designs = [{"model": {"model": model, **fixed, axis: int(v)}, "strategy": strategy_text} for v in values]
        found = evaluate([sketch(design) for design in designs], known, (metric,))[metric][:, 0, 0]
        lacking = np.flatnonzero(np.isnan(found))
        return found if not lacking.size else np.array([one(int(v)) for v in values])

    return together


def latency_band(
    axis: str, model: str, spelled: str, gpu: Gpu, *, strategy_text: str = "none", shape: Mapping[str, Any],
) -> Band:  # fmt: skip
    """Return the ends of the latency's interval as functions of whole values of an axis, as `along` its total.

    Values are evaluated together, each once: passes of a network differ in few ops.
    """
    fixed = {name: value for name, value in shape.items() if value not in (None, "")}
    edit, used, known = strategy(strategy_text), precision(spelled), dict[int, tuple[float, float]]()

    def found(values: NDArray[np.float64]) -> NDArray[np.float64]:
        new = [v for v in dict.fromkeys(int(v) for v in values) if v not in known]
        if new:
            passes = [edit(models.load(model, **(fixed | {axis: v}))) for v in new]
            known.update(zip(new, _intervals(passes, used, gpu), strict=True))
        return np.array([known[int(v)] for v in values])

    return lambda values: found(values)[:, 0], lambda values: found(values)[:, 1]


def _intervals(passes: Sequence[Workload], used: Precision, gpu: Gpu) -> list[tuple[float, float]]:
    """The interval of each pass's latency, of one evaluation of the ops in which they differ."""
    rows: dict[tuple[object, ...], int] = {}
    ops: list[Op] = []
    taken: list[Precision] = []
    places, resident = [], []
    for each in passes:
        layers = per_op(each, used)
        stays = bool(in_l2(footprint_bytes(each, stack(layers)), gpu))
        at = []
        for op, read in zip(as_run(each.ops, gpu), layers, strict=True):
            row = rows.setdefault((stays, op.count, read, *WORK(op)), len(ops))
            if row == len(ops):
                ops.append(op)
                taken.append(read)
                resident.append(stays)
            at.append(row)
        places.append(np.array(at))
    columns = evaluate_ops(gpu, stack(ops), stack(taken), None, resident=np.array(resident))
    flat = {name: np.array(np.broadcast_to(columns[name], len(ops))) for name in INTERVAL}
    return [
        latency_interval(
            each.ops, [taken[i] for i in at], {name: flat[name][at] for name in INTERVAL}, flat["correlation"][at]
        )
        for each, at in zip(passes, places, strict=True)
    ]
