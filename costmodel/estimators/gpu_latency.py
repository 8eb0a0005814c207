"""The latency of any op on a GPU, by the best model that there is for its kind, labelled with what that is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.estimators import attention_ops, collectives, fitted_roofline, product_latency, profiled_calls
from costmodel.estimators.prediction import Prediction, scattered
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import every
from costmodel.precision import Precision
from costmodel.record import Real, map_fields, stack
from costmodel.workload import Op
from costmodel.workload.ops import COLLECTIVES

Predictor: TypeAlias = Callable[[Op, Precision, Gpu], Prediction]
"""Predicts one execution of each row of an op and a precision batch of one length."""

MODELS = ("gemm", "attention", "operation")
"""Calibrated models, whose backends a GPU may name."""

AMID_S = 6.6e-7
"""What a call takes longer amid others than repeated, as profilers time it: caches are colder.

Least mean log error of the 36 passes of ResNet-50, ViT-B and a decoder block in `h100_sxm_torch_networks.parquet` as
CUDA graphs: 7.7 to 5.2 %. The H200s' passes, which had no part in it, ask for as much (10.0 to 6.1 %), the H100's other
networks for 0.4 to 0.5 us.
"""

SHARED = 1.5
"""Correlation of the errors of one pass's calls under software whose every call was measured: kernels are chosen, and
what no op counts is left out, alike for a network's layers. Of 0.5, 1, 1.5 the least at which nine in ten of an H100's
48 passes of twelve networks that no fit and no other constant saw are within their intervals (31, 39, 44)."""

R = TypeVar("R", Op, Precision)

PREDICTORS: Mapping[str, Predictor] = {
    "linear": product_latency.predict,
    "matmul": product_latency.predict,
    "experts": product_latency.predict,
    "recurrence": product_latency.predict,
    "attention": attention_ops.predict,
    "conv": product_latency.predict,
    "conv3d": product_latency.predict,
    "conv_transpose": product_latency.predict,
    "conv3d_transpose": product_latency.predict,
} | dict.fromkeys(COLLECTIVES, collectives.predict)
"""The model of each kind of op; those not named here take fitted_roofline. A device that was profiled here takes its
own calls before either, where it measured them (profiled_calls)."""


def predict(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """Predict all executions of each op at each precision; records or batches, which broadcast to the result's shape.

    Software whose every call was measured by itself fuses nothing: what `fusion` joined is launched again, and each
    launch takes AMID_S more than it did alone.
    `how`, `bound` and `correlation` are arrays too. nan, and no `how`, where the GPU lacks the pipe that an op needs.
    UnknownNameError where nobody measured the GPU's backend.
    """
    if gpu.backend:
        require("backend", gpu.backend, backends())
    shape = np.broadcast_shapes(np.shape(op.m), np.shape(precision.weight.bits))
    op, precision = (_flat(record, one, shape) for record, one in ((op, op.m), (precision, precision.weight.bits)))
    amid_s: Real = 0.0
    named = profiled_calls.apart(gpu)
    if named:
        op = replace(op, launches=np.where(profiled_calls.joined(op, gpu), 0.0, np.maximum(op.launches, 1.0)))
        amid_s = AMID_S * op.launches
    models = np.array([PREDICTORS.get(kind, fitted_roofline.predict) for kind in op.kind], dtype=object)
    models[profiled_calls.known(op, precision, gpu)] = profiled_calls.predict
    parts = []
    for model in dict.fromkeys(models):
        rows = np.flatnonzero(models == model)
        parts.append((rows, model(_taken(op, rows), _taken(precision, rows), gpu)))
    found = collectives.as_it_fetches(scattered(parts, len(models)), op, precision, gpu)
    seconds = {name: (getattr(found, name) + amid_s) * op.occupied for name in ("latency_s", "low_s", "high_s")}
    how = np.where(np.isnan(found.latency_s), "", found.how)
    bound = np.where(op.count > 0, found.bound, "none")
    correlation = np.maximum(found.correlation, SHARED) if named else found.correlation
    return replace(found, bound=bound, how=how, correlation=correlation, **seconds).reshape(shape)


def backends() -> set[str]:
    """The backends that somebody measured, on any device."""
    return {fit.backend for name in MODELS for fit in every(name)}


def _taken(record: R, rows: NDArray[np.intp]) -> R:
    return map_fields(record, lambda column: column[rows])


def _flat(record: Any, one: Any, shape: tuple[int, ...]) -> Any:
    batch = record if np.ndim(one) else stack([record])
    return map_fields(batch, lambda column: np.broadcast_to(column, shape or 1).reshape(-1))
