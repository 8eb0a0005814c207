"""From an accumulator to the next layer's format: thresholds, or a scale and a rounding, whichever takes fewer LUTs.

Thresholds (Umuroglu and Jahre, arXiv 1709.04060) suit any format, as every monotone function has one a step; a binary
search over them takes a comparison an output bit. An integer output may be scaled by a fixed-point number and clipped
(Jacob et al., arXiv 1712.05877) instead; a minifloat's accumulator becomes bf16, is multiplied by a bf16 scale and
rounded. Parameters lie in LUT memory, 64 words a LUT.
"""

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.sites import sites
from costmodel.estimators.fpga.unit import Folding, height
from costmodel.formats import Format, get
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUTRAM_WORDS = 64.0
"""Words that one LUT stores a bit of (AMD, UG474)."""
SCALE_BITS = 16
"""Bits of a fixed-point scale (a judgement: twice the widest common output)."""
SEARCH_BASE = 0.35
"""Sites an accumulator bit of a search beyond its 2^(bits - 1), read off synthesised thresholds: 4 % off on 68 rows."""
ROUND_AND_CLIP = 20.0
"""Sites after a scale's product, read off synthesised requantisers: 6 % off on 117 rows."""
TO_FLOAT = 3.4
"""Sites an accumulator bit of a conversion, read off synthesised ones: nine in ten of 86 rows within 37 %."""
FLOAT_SCALE = 130.0
"""Sites of a bf16 product rounded to an output format (a judgement)."""


def thresholds(acc_bits: Real, out_bits: Real, rows: Real) -> Real:
    """LUTs of a binary search over 2^out_bits - 1 thresholds and their memory, `rows` words deep."""
    memory = (2.0**out_bits - 1) * acc_bits * np.ceil(rows / LUTRAM_WORDS)
    return acc_bits * (2.0 ** (out_bits - 1) + SEARCH_BASE) + memory


def requantise(acc_bits: Real, rows: Real) -> Real:
    """LUTs of acc x scale, a bias, rounding and clipping, and of the parameters' memory."""
    product = sites(_integer(acc_bits), get(f"uint{SCALE_BITS}"))
    return product + acc_bits + ROUND_AND_CLIP + (acc_bits + SCALE_BITS) * np.ceil(rows / LUTRAM_WORDS)


def to_float(acc_bits: Real, rows: Real) -> Real:
    """LUTs of a bias, the conversion to bf16, a bf16 scale and a rounding, and of the parameters' memory."""
    return acc_bits * (1 + TO_FLOAT) + FLOAT_SCALE + (acc_bits + SCALE_BITS) * np.ceil(rows / LUTRAM_WORDS)


def output_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs of `pe` output stages, the cheapest kind that the activation's format allows."""
    acc_bits, rows = accumulator_bits(op, precision), height(op) / folding.pe
    floats = np.asarray(precision.activation.encoding == "minifloat")
    scale = np.where(floats, to_float(acc_bits, rows), requantise(acc_bits, rows))
    return folding.pe * np.minimum(thresholds(acc_bits, precision.activation.bits, rows), scale)


def _integer(bits: Real) -> Format:
    bits = np.minimum(np.asarray(bits, dtype=np.float64), 32.0)
    kind = np.full(bits.shape, "integer", dtype=object)[()]
    return Format("accumulator", bits, encoding=kind, signed=np.ones(bits.shape, dtype=bool))  # type: ignore[arg-type]
