"""A metric of one design along batch, context or resolution, as crossovers read it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import models
from costmodel.catalog import require
from costmodel.estimators.estimate import estimate
from costmodel.hardware import Device, Gpu
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.strategies import strategy
from dse.cells import Cells, evaluate
from dse.crossover import Along
from dse.evaluation import COUNTED, WITH_FOOTPRINT, WITH_LATENCY, Grid
from dse.sketches import sketch

QUICK = {*COUNTED, *WITH_LATENCY, *WITH_FOOTPRINT, "energy_j"}
"""Metrics that workloads on a GPU get together."""


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

    if not isinstance(device, Gpu) or metric not in QUICK:
        return lambda values: np.array([one(int(v)) for v in values])
    known = Cells.of(Grid((precision(spelled),), stack([device])), (metric,), "estimate")

    def together(values: NDArray[np.float64]) -> NDArray[np.float64]:
        designs = [{"model": {"model": model, **fixed, axis: int(v)}, "strategy": strategy_text} for v in values]
        found = evaluate([sketch(design) for design in designs], known, (metric,))[metric][:, 0, 0]
        lacking = np.flatnonzero(np.isnan(found))
        return found if not lacking.size else np.array([one(int(v)) for v in values])

    return together
