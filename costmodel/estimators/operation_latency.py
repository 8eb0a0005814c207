"""Latency of a network's ops as library calls, on a device that `bitfront profile` measured.

Every op takes the calibration of its family and format; what was not measured borrows the nearest family's constants.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import calibrated, roofline, transfer
from costmodel.estimators.operation_kind import math, named
from costmodel.estimators.operation_model import OPERATION, sizes
from costmodel.estimators.prediction import Prediction, scattered
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.precision import Precision
from costmodel.record import Real, map_fields, stack
from costmodel.workload import Op

R = TypeVar("R", Op, Precision)


def fits_of(device: Cpu | Gpu) -> tuple[Calibration, ...]:
    """The calibrations of library calls on a device, and of other GPUs for kinds that it lacks under a named backend.

    None where nobody profiled it or that backend.
    """
    backend = device.backend if isinstance(device, Gpu) else ""
    every = calibrations(OPERATION.name, backend)
    own = tuple(fit for fit in every if fit.device == device.name)
    if not backend:
        return own
    has = {fit.math for fit in own}
    lent = transfer.lent_to(device, every)
    return own + tuple(fit for fit in lent if fit.backend == backend and fit.math not in has)


def predict(op: Op, precision: Precision, device: Cpu | Gpu, fits: Sequence[Calibration]) -> Prediction:
    """Predict all executions of each op at each precision; records or batches, which broadcast to the result's shape.

    A family without a calibration of its own takes the roofline as calibrated.unmeasured has it. Each call takes a
    processor's `amid_s` more than it did alone.
    """
    shape = np.broadcast_shapes(np.shape(op.m), np.shape(precision.weight.bits))
    op, precision = _flat(op, op.m, shape), _flat(precision, precision.weight.bits, shape)
    has = {fit.math for fit in fits}
    names = math(op, precision, has)
    known = np.isin(names, list(has))
    parts: list[tuple[NDArray[np.intp], Prediction]] = []
    for at, made in ((np.flatnonzero(known), True), (np.flatnonzero(~known), False)):
        if len(at):
            own = _row(op, at)
            parts.append(
                (at, of_kinds(own, names[at], device, fits) if made else _roofline(own, _row(precision, at), device))
            )
    found = scattered(parts, len(names))
    amid_s = np.nan_to_num(device.amid_s) if isinstance(device, Cpu) else 0.0
    seconds = {name: (getattr(found, name) + amid_s) * op.occupied for name in ("latency_s", "low_s", "high_s")}
    how = np.where(np.isnan(found.latency_s), "", found.how)
    return replace(found, how=how, **seconds).reshape(shape)


def of_kinds(op: Op, names: NDArray[np.str_], device: Cpu | Gpu, fits: Sequence[Calibration]) -> Prediction:
    """Predict one execution of each row of a batch by the fit of its kind, which is among `fits`."""
    parts = []
    for name in np.unique(names).tolist():
        at = np.flatnonzero(names == name)
        part = calibrated.predict(OPERATION, sizes(_row(op, at)), named(name), device, fits=fits)
        parts.append((at, replace(part, how=_first_word(part.how, name))))
    return scattered(parts, len(names))


def _row(record: R, i: int | NDArray[np.intp]) -> R:
    return map_fields(record, lambda column: column[i])


def _roofline(op: Op, precision: Precision, device: Cpu | Gpu) -> Prediction:
    latency_s = np.asarray(roofline.latency_s(op, precision, device) / (op.executions * (1.0 + op.waits)))
    return calibrated.unmeasured(latency_s, roofline.bound(op, precision, device))


def _first_word(how: Real, name: str) -> str:
    return f"{how} ({name})" if "(" not in str(how) else str(how)


def _flat(record: R, one: Real, shape: tuple[int, ...]) -> R:
    batch = record if np.ndim(one) else stack([record])
    return map_fields(batch, lambda column: np.broadcast_to(column, shape or 1).reshape(-1))
