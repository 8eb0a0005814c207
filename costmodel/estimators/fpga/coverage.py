"""What the FINN-R formulas cover, and what they leave out."""

from collections.abc import Sequence

import numpy as np

from costmodel.estimators.fpga.unit import ON_FABRIC
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload
from costmodel.workload.ops.norm import FLOPS as NORM_FLOPS

WIDEST = 16
"""Bits of the widest integer operand that the formulas are used for."""
MONOTONE_FLOPS = 4
"""Pointwise functions of up to so many vector FLOPs an element (workload.ops.activation.FLOPS) are all monotone."""


def covered(precision: Precision) -> Real:
    """Whether the formulas know both operands' formats: integers of up to 16 bits without group scales."""
    return _integer(precision.weight) & _integer(precision.activation)


def check(workload: Workload, precisions: Sequence[Precision]) -> None:
    """Raise ValueError that names the first layer whose format no formula covers."""
    for op, precision in zip(workload.ops, precisions, strict=True):
        odd = next((f for f in (precision.weight, precision.activation) if not _integer(f)), None)
        if op.kind in ON_FABRIC and odd is not None:
            raise ValueError(f"FINN-R covers integers of up to {WIDEST} bits; got {odd.name} for layer {op.name}")


def uncounted(workload: Workload) -> tuple[str, ...]:
    """Names of ops whose hardware no formula covers: attention, softmax, layer norm, scans, embeddings, pooling, sums.

    Batch norm, requantisation and monotone activations cost nothing of their own: FINN folds them into the thresholds
    after a matrix unit (Umuroglu and Jahre, Streamlined Deployment for Quantized Neural Networks, arXiv 1709.04060).
    """
    return tuple(op.name for op in workload.ops if op.kind not in ON_FABRIC and not _absorbed(op))


def _integer(operand: Format) -> Real:
    return np.asarray(operand.encoding == "integer") & (operand.bits <= WIDEST) & np.asarray(operand.scale == "")


def _absorbed(op: Op) -> bool:
    limit = {"norm": NORM_FLOPS["batch"], "activation": MONOTONE_FLOPS}.get(op.kind, -1)
    return bool(op.vector_flops <= limit * op.output_elements)
