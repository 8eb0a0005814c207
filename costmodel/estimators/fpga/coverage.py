"""What the models cover, and what they leave out."""

from collections.abc import Sequence

import numpy as np

from costmodel.estimators.fpga.unit import ON_FABRIC, padded, streaming, windowed
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload
from costmodel.workload.ops.norm import FLOPS as NORM_FLOPS
from costmodel.workload.rerun import RERUN

WIDEST, MOST_EXPONENT_BITS = 16, 5
"""Bits of the widest operand, and of an exponent, that the models are used for: wider ones need no exact sums."""
SCALES = ("", "e8m0")
"""Shared scales that the fabric multiplies by: none, or a power of two."""
MONOTONE_FLOPS = 4
"""Pointwise functions of up to so many vector FLOPs an element (workload.ops.activation.FLOPS) are all monotone."""
DATA_MOVERS = "data movers between memory and the first and last layer (AXI DMA)"
"""Left out of a dataflow: their LUTs, flip-flops and buffers are those of a vendor's core and a board's bus."""
PADDING = "padding of images before windows (FMPadding)"
"""Left out of a dataflow: FINN estimates no resources of it (v0.10.1: FMPadding has no lut_estimation of its own, that
of HWCustomOp is 0), and no count of it is published."""
KNOWN = "integers of up to 16 bits, minifloats of up to 16 with at most 5 of exponent, binary, ternary, and MX formats"


def covered(precision: Precision) -> Real:
    """Whether the models know both operands' formats: KNOWN."""
    return _known(precision.weight) & _known(precision.activation)


def finn_covered(precision: Precision) -> Real:
    """Whether the FINN-R formulas know both: integers of up to 16 bits without group scales."""
    return _finn(precision.weight) & _finn(precision.activation)


def check(workload: Workload, precisions: Sequence[Precision]) -> None:
    """Raise ValueError that names the first layer whose format no model covers."""
    found: dict[int, Format | None] = {}
    for op, precision in zip(workload.ops, precisions, strict=True):
        if id(precision) not in found:
            found[id(precision)] = next((f for f in (precision.weight, precision.activation) if not _known(f)), None)
        odd = found[id(precision)]
        if op.kind in ON_FABRIC and odd is not None:
            raise ValueError(f"an FPGA layer takes {KNOWN}; got {odd.name} for layer {op.name}")


def written(fmt: Format) -> bool:
    """Whether units write a format that a file states: integers of any width, and floats that the models know."""
    return fmt.encoding == "integer" or bool(_known(fmt))


def uncounted(workload: Workload, *, dataflow: bool = True) -> tuple[str, ...]:
    """Names of ops whose hardware no model covers, with what they are: attention, softmax, layer norm, scans, others.

    Batch norm, requantisation and monotone activations cost nothing of their own: they are folded into the
    thresholds or scales after a matrix unit (Umuroglu and Jahre, Streamlined Deployment for Quantized Neural
    Networks, arXiv 1709.04060). What a matrix unit's op counts beyond them, as dequantised weights, is named too.
    The data movers of a `dataflow` and what pads its images are not counted; an overlay counts its own, and pads none.
    """
    others = tuple(_told(op) for op in workload.ops if not _modelled(op))
    beside = tuple(f"{op.name} (arithmetic beside its products)" for op in workload.ops if _beside(op))
    pads = any(bool(padded(op)) and (op.kind == "pooling" or bool(windowed(op))) for op in workload.ops)
    return others + beside + (PADDING,) * (dataflow and pads) + (DATA_MOVERS,) * dataflow


def _told(op: Op) -> str:
    """The name of an op, and its kind where that does not say it."""
    return op.name if op.kind in op.name else f"{op.name} ({op.kind})"


def _known(operand: Format) -> Real:
    number = np.asarray(operand.encoding == "integer") | (operand.encoding == "minifloat")
    one = np.asarray(operand.name == "binary") | (operand.name == "ternary")
    scale = np.logical_or.reduce([np.asarray(operand.scale == s) for s in SCALES])
    narrow = (operand.bits <= WIDEST) & (operand.exponent_bits <= MOST_EXPONENT_BITS)
    return (number & scale & narrow) | one


def _finn(operand: Format) -> Real:
    return np.asarray(operand.encoding == "integer") & (operand.bits <= WIDEST) & np.asarray(operand.scale == "")


def _modelled(op: Op) -> bool:
    return op.kind in (*ON_FABRIC, RERUN) or bool(streaming(op)) or _absorbed(op)


def _beside(op: Op) -> bool:
    """Whether a matrix unit's op has vector arithmetic beyond a bias and scales, of one FLOP a result each."""
    return op.kind in ON_FABRIC and bool(op.vector_flops > op.vector_elements * op.m * (1 + 1e-9))


def _absorbed(op: Op) -> bool:
    limit = {"norm": NORM_FLOPS["batch"], "activation": MONOTONE_FLOPS}.get(op.kind)
    return limit is not None and bool(op.vector_flops <= limit * op.output_elements)
