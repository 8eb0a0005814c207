"""Latency of the library calls that `bitfront profile gpu` measured on a GPU: convolutions, norms, sums, lookups.

Products have models of their own, and so has causal attention; what runs within another's kernel is no call.
"""

from dataclasses import replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import operation_kind, sibling, zeros_multiplied
from costmodel.estimators.operation_latency import fits_of, of_kinds
from costmodel.estimators.prediction import Prediction, scattered
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import map_fields
from costmodel.workload import Op
from costmodel.workload.op import BY_WEIGHT

WIDE = "bf16"
WIDENED = 1.5
"""Factor of the high end of a convolution's interval in a format in which the software has no kernel: a judgement."""

BASES = {own: base for own, base in operation_kind.BASES.items() if not own.startswith("conv")}
"""As what those kinds are taken that a GPU did not measure: not convolutions, which others measured."""


def known(op: Op, precision: Precision, gpu: Gpu) -> NDArray[np.bool_]:
    """Which rows of batches of one length are calls whose kind the device's own fits have."""
    fits = fits_of(gpu)
    if not fits:
        return np.zeros(len(op.m), dtype=bool)
    has = {fit.math for fit in fits}
    names, _ = _names(op, precision, has, named=apart(gpu))
    causal = (op.kind == "attention") & (np.asarray(op.heads.causal, dtype=bool) | (op.m == 1))
    own = ~np.char.startswith(names, "linear") & ~causal & ((np.asarray(op.launches) > 0) | joined(op, gpu))
    return np.asarray(own & (np.isin(names, list(has)) | joined(op, gpu)))


def joined(op: Op, gpu: Gpu) -> NDArray[np.bool_]:
    """Which rows are no call: sums over a norm's gradients, which the call of its gradient by input makes too."""
    measured = any(fit.math.startswith("norm_grad") for fit in fits_of(gpu))
    return np.asarray((op.kind == "norm") & (op.role == BY_WEIGHT) & measured, dtype=bool)


def apart(gpu: Gpu) -> bool:
    """Whether the GPU names software whose every call was measured by itself."""
    return any(fit.by_name and fit.backend == gpu.backend for fit in fits_of(gpu))


def predict(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """Predict one execution of each of the rows that are `known`, pruned weights as dense ones.

    No call with pruned weights was measured: a library multiplies their zeros, in kernels that may differ.
    """
    within = joined(op, gpu)
    if within.any():
        calls = np.flatnonzero(~within)
        parts = [(np.flatnonzero(within), _nothing(int(within.sum())))]
        if len(calls):
            parts.append(
                (calls, predict(map_fields(op, itemgetter(calls)), map_fields(precision, itemgetter(calls)), gpu))
            )
        return scattered(parts, len(within))
    fits = fits_of(gpu)
    names, lent = _names(op, precision, {fit.math for fit in fits}, named=apart(gpu))
    parts = []
    for how in np.unique(lent).tolist():
        at = np.flatnonzero(lent == how)
        found = of_kinds(map_fields(op, itemgetter(at)), names[at], sibling.lent(gpu), fits)
        parts.append((at, TAKEN[how](found)))
    found = scattered(parts, len(names))
    pruned = np.flatnonzero(op.read_density < 1.0)
    if not len(pruned):
        return found
    other = zeros_multiplied.unmeasured(map_fields(found, itemgetter(pruned)), "calls", gpu)
    return scattered([(np.arange(len(names)), found), (pruned, other)], len(names))


def _nothing(count: int) -> Prediction:
    none = np.zeros(count)
    how = np.full(count, "fused (in the gradient by input)")
    return Prediction(none, none, none, np.full(count, "none"), np.zeros(count, dtype=bool), how, np.ones(count))


def _names(op: Op, precision: Precision, has: set[str], *, named: bool) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """The kind of each row, and by a key of TAKEN whether it is that of the format's sibling or of the wide format."""
    names = operation_kind.math(op, precision, has, BASES)
    near = operation_kind.math(op, sibling.precision_of(precision), has, BASES)
    convolution = np.char.add(operation_kind.family(op), f"_{WIDE}")
    wide = np.char.startswith(convolution, "conv") & np.isin(convolution, list(has)) & named
    lent = np.select([names != "", near != "", wide], [OWN, SIBLING, NARROW], OWN)
    return np.select([lent == SIBLING, lent == NARROW], [near, convolution], names), lent


def _as_wide(found: Prediction) -> Prediction:
    """Convolutions in formats in which the software has none: at least as long as in the wide one."""
    how = [str(text).partition(" (")[2].rstrip(")") for text in np.broadcast_to(found.how, np.shape(found.latency_s))]
    label = np.array([f"transferred (no narrow convolution; {WIDE}{' of ' + told if told else ''})" for told in how])
    return replace(found, high_s=found.high_s * WIDENED, how=label)


OWN, SIBLING, NARROW = "", "sibling", "narrow"
TAKEN = {OWN: lambda found: found, SIBLING: lambda found: sibling.taken(found, "fp16"), NARROW: _as_wide}
"""How a prediction of a row's kind is taken, by what the kind was measured in."""
