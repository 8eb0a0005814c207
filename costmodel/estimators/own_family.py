"""Families of products that a user's own device measured, though no shipped calibration has them."""

from dataclasses import replace

import numpy as np

from costmodel.estimators.gemm_kind import GemmKind
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import calibrations
from costmodel.precision import Precision
from costmodel.workload import Op

WEIGHT_ONLY = ("int8_wo", "int4_wo")

SPARSE = "bfloat16_24"
"""Weights of which two in four are kept, in bf16."""


def taken(kind: GemmKind, op: Op, precision: Precision, gpu: Gpu) -> GemmKind:
    """The kind of each row with the device's own family for `math` where that is nearer than those of the tables.

    Convolutions are left alone: a family's rows are plain products.
    """
    has = {fit.math for fit in calibrations("gemm", gpu.backend) if fit.device == gpu.name and fit.how == "calibrated"}
    minifloat = np.asarray(precision.weight.encoding) == "minifloat"
    plain = (kind.math == "bfloat16") & ~np.char.startswith(np.asarray(op.kind).astype(str), "conv")
    packed = np.isin(kind.math, WEIGHT_ONLY) & minifloat
    nearer = {
        "float16": plain & (kind.pipe == "fp16") & (kind.speedup == 1.0),
        "float32": plain & (kind.pipe == "fp32"),
        "tf32": plain & (kind.pipe == "tf32"),
        SPARSE: plain & (kind.pipe == "bf16") & (kind.speedup > 1.0),
        "fp6_wo": packed & (np.asarray(precision.weight.bits) == 6),
        "fp4_wo": packed & (np.asarray(precision.weight.bits) == 4),
    }
    math = np.asarray(kind.math).astype(object)
    for family, rows in nearer.items():
        if family in has:
            math = np.where(rows, family, math)
    found = math.astype(str)
    return replace(kind, math=found, tensor_units=kind.tensor_units | (found == "float32"))
