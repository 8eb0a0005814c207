"""From an accumulator to the next layer's format: thresholds, or a scale and a rounding, whichever takes fewer LUTs.

Thresholds (Umuroglu and Jahre, arXiv 1709.04060) suit any format, as every monotone function has one a step; a binary
search over them takes a comparison an output bit. An integer output may be scaled by a fixed-point number and clipped
(Jacob et al., arXiv 1712.05877) instead; a minifloat's accumulator becomes bf16, is multiplied by a bf16 scale and
rounded. The circuits are those synthesised in profilers/fpga. Parameters lie in LUT memory, 64 words a LUT.
"""

from typing import Any

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.circuit_sites import circuit_parts, circuit_sites
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.estimators.fpga.unit import Folding, height, matrices
from costmodel.formats import Format, get
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUTRAM_WORDS = 64.0
"""Words that one LUT stores a bit of (AMD, UG474)."""
SCALE = get("uint16")
"""A fixed-point scale (a judgement: twice the widest common output)."""
BF16 = get("bf16")
SPECIAL_ERROR = 0.2
"""Relative error of rounded bf16 products, wider than those calibrated: three synthesised ones took 209-217 sites, 18 %
more than the model gives."""


def thresholds(acc_bits: Real, out: Format, rows: Real) -> Real:
    """LUTs of a binary search over 2^bits - 1 thresholds and their memory, `rows` words deep."""
    memory = (2.0**out.bits - 1) * acc_bits * np.ceil(rows / LUTRAM_WORDS)
    return _sites("thresholds", acc_bits=acc_bits, out=out) + memory


def requantise(acc_bits: Real, out: Format, rows: Real) -> Real:
    """LUTs of a bias, acc x scale, rounding and clipping, and of the parameters' memory."""
    scaled = _sites("requantise", b=SCALE, acc_bits=acc_bits, out=out)
    return acc_bits + scaled + (acc_bits + SCALE.bits) * np.ceil(rows / LUTRAM_WORDS)


def to_float(precision: Precision, acc_bits: Real, rows: Real) -> Real:
    """LUTs of a bias, the conversion to bf16, a bf16 scale rounded to the output, and of the parameters' memory."""
    converted = _sites("to_float", a=precision.weight, b=precision.activation, acc_bits=acc_bits, out=BF16)
    scaled = _sites("float_product", a=BF16, b=BF16, out=precision.written)
    return acc_bits + converted + scaled + (acc_bits + BF16.bits) * np.ceil(rows / LUTRAM_WORDS)


def output_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs of `pe` output stages, the cheapest kind that the format written allows."""
    return folding.pe * np.minimum(*_kinds(op, precision, folding))


def output_error(op: Op, precision: Precision, folding: Folding) -> Real:
    """The relative error that nine in ten held-out circuits of the kind chosen stay within."""
    search, scale = _kinds(op, precision, folding)
    p90 = {name: calibration(name).held_out_error["p90"] for name in ("thresholds", "requantise", "to_float")}
    scaled = np.where(_floating(precision), np.maximum(p90["to_float"], SPECIAL_ERROR), p90["requantise"])
    return np.where(search <= scale, p90["thresholds"], scaled)


def _kinds(op: Op, precision: Precision, folding: Folding) -> tuple[Real, Real]:
    """LUTs of one stage by thresholds, and by a scale."""
    acc_bits, rows = accumulator_bits(op, precision), matrices(op) * height(op) / folding.pe
    floats, integers = to_float(precision, acc_bits, rows), requantise(acc_bits, precision.written, rows)
    return thresholds(acc_bits, precision.written, rows), np.where(_floating(precision), floats, integers)


def _floating(precision: Precision) -> Real:
    return np.asarray(precision.written.encoding == "minifloat")


def _sites(circuit: str, **operands: Any) -> Real:
    return circuit_sites(circuit, circuit_parts(circuit, **operands))
