"""Cells: ranges of one size of a shape in which errors are larger than latency tells, such as one row, or odd heads.

The half-widths of a calibrated interval take a factor of at least 1 for the cell of each size that a model lists.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.latency_model import LatencyModel
from costmodel.hardware.calibration import Calibration
from costmodel.record import Real

FEW = 5
"""Layers or head configurations below which a cell's errors are no sample of what others would show."""


def at(values: Real, edges: Sequence[float]) -> NDArray[np.intp]:
    """The cell of each value: how many edges lie below it."""
    return np.asarray(np.searchsorted(np.asarray(edges), values))


def scale(model: LatencyModel, fit: Calibration, sizes: Sequence[NDArray[np.float64]]) -> Real:
    """The factor on the half-widths of each shape, 1 where a fit has no cells."""
    found: Real = 1.0
    for name, where in _cells(model, fit, sizes):
        found = found * np.asarray(fit.intervals[f"scale_{name}"], dtype=np.float64)[where]
    return found


def few(model: LatencyModel, fit: Calibration, sizes: Sequence[NDArray[np.float64]]) -> Real:
    """Whether a shape lies in a cell of which FEW layers or configurations were measured, or none."""
    found: Real = False
    for name, where in _cells(model, fit, sizes):
        found = found | (np.asarray(fit.intervals[f"count_{name}"])[where] < FEW)
    return found


def _cells(
    model: LatencyModel, fit: Calibration, sizes: Sequence[NDArray[np.float64]]
) -> list[tuple[str, NDArray[np.intp]]]:
    named = dict(zip(model.sizes, sizes, strict=True))
    return [(name, at(named[name], edges)) for name, edges in model.cells.items() if f"scale_{name}" in fit.intervals]
