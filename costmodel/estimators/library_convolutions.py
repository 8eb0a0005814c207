"""Convolutions of engines that nobody measured: what cuDNN's calls take, without changes of layout.

An engine (TensorRT, a compiler) calls cuDNN's kernels or some like them and keeps the channels of a pixel side by
side, where PyTorch's calls change layouts before and after. As implicit products alone convolutions came out at half of
what compiled networks took on an H100: ResNet-50, MobileNetV2 and EfficientNet-B0 were 35 to 56 % too low, and are 26 %
too low to 4 % too high by this. Formats in which no call was measured take the formula of those in bf16, with the rate
of their pipe and their bytes, and what its trees say of the shape.
"""

from dataclasses import replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import gpu_conv, operation_kind, sibling, zeros_multiplied
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_kind import OperationKind
from costmodel.estimators.operation_latency import fits_of, of_kinds
from costmodel.estimators.operation_model import OPERATION, sizes
from costmodel.estimators.prediction import Prediction, rows_by, scattered
from costmodel.estimators.transfer import carried, mean_constants, of_device
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import every
from costmodel.precision import Precision
from costmodel.record import Real, map_fields
from costmodel.workload import Op

WIDE = "bf16"
"""The format of the calls that others are compared with."""

NARROW = 1.5
"""Factor by which the interval is wider, either way, in formats in which nobody measured a call: a judgement."""


def known(op: Op, gpu: Gpu) -> NDArray[np.bool_]:
    """Which rows of a batch are convolutions that some GPU's library was measured to run, where none is named."""
    library = _library(gpu)
    if gpu.backend or library is None or not library.peak_flops.of(WIDE) > 0:
        return np.zeros(len(op.m), dtype=bool)
    names = _names(op)
    return np.asarray(np.char.startswith(names, "conv") & np.isin(names, [fit.math for fit in fits_of(library)]))


def predict(op: Op, precision: Precision, gpu: Gpu, kind: GemmKind, zeros: NDArray[np.bool_]) -> Prediction:
    """Predict one execution of each of the rows that are `known`; `kind` is that of their implicit products.

    The interval reaches from the low end without changes of layout to the high end with them. Of rows whose `zeros` are
    multiplied the op is the dense one.
    """
    library = _library(gpu)
    assert library is not None
    names, size = _names(op), sizes(op)[:-1]
    called = of_kinds(op, names, library, fits_of(library))
    kept, whole = np.ones(len(names)), np.ones(len(names))
    pipes, speedups, activation_bytes, weight_bytes = (
        np.broadcast_to(column, len(names))
        for column in (kind.pipe, kind.speedup, kind.activation_bytes, kind.weight_bytes)
    )
    for at in rows_by(names, pipes, speedups):
        name, pipe, speedup = str(names[at[0]]), str(pipes[at[0]]), float(speedups[at[0]])
        own = OperationKind(name, activation_bytes[at], weight_bytes[at], pipe)
        rows = tuple(np.asarray(x)[at] for x in size)
        faster = _faster(library, gpu_conv.pipe_of(pipe, library), speedup)
        kept[at], whole[at] = gpu_conv.shares(
            rows, own, faster, operation_kind.named(name), library, _constants(name, library)
        )
    wide = sibling.precision_of(precision)
    narrow = (np.asarray(wide.weight.name) != WIDE) | (np.asarray(wide.activation.name) != WIDE)
    factor = np.where(narrow, NARROW, 1.0)
    found = replace(
        called,
        latency_s=called.latency_s * kept,
        low_s=called.low_s * kept / factor,
        high_s=called.high_s * whole * factor,
        how=_labels(called.how, speedups > 1.0),
        correlation=np.ones(len(names)),
    )
    at = np.flatnonzero(zeros)
    if not at.size:
        return found
    other = zeros_multiplied.unmeasured(map_fields(found, itemgetter(at)), "calls", gpu)
    return scattered([(np.arange(len(names)), found), (at, other)], len(names))


def _library(gpu: Gpu) -> Gpu | None:
    """The GPU under the software whose convolutions somebody measured, best on it itself."""
    fits = [fit for fit in every("operation") if fit.backend and fit.math.startswith("conv")]
    fits.sort(key=lambda fit: (fit.device != gpu.name, fit.backend))
    return replace(sibling.lent(gpu), backend=fits[0].backend) if fits else None


def _names(op: Op) -> NDArray[np.str_]:
    return np.char.add(operation_kind.family(op), f"_{WIDE}")


def _constants(name: str, library: Gpu) -> OperationConstants:
    fits = fits_of(library)
    own = of_device(fits, library, name)
    found = mean_constants(OPERATION, own) if own else carried(OPERATION, name, library, fits, library.backend)
    assert isinstance(found, OperationConstants)
    return found


def _faster(gpu: Gpu, pipe: str, speedup: float) -> Gpu:
    peaks = gpu.peak_flops
    return gpu if speedup == 1.0 else replace(gpu, peak_flops=replace(peaks, **{pipe: speedup * peaks.of(pipe)}))


def _labels(how: Real, sparse: NDArray[np.bool_]) -> NDArray[np.str_]:
    texts = np.broadcast_to(np.asarray(how).astype(str), sparse.shape)
    return np.array([_label(text, bool(flag)) for text, flag in zip(texts, sparse, strict=True)])


def _label(how: str, sparse: bool) -> str:
    level, _, told = how.partition(" (")
    level = "transferred" if level == "calibrated" else level
    return f"{level} (convolution as cuDNN's{', sparse pipe' * sparse}{'; ' + told if told else ')'}"
