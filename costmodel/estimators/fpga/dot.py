"""LUTs of a layer's dot products, and how far they may be off."""

from dataclasses import replace

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits, scaled
from costmodel.estimators.fpga.circuit_sites import circuit_parts, circuit_sites
from costmodel.estimators.fpga.coded_dot import coded, coded_error, coded_sites
from costmodel.estimators.fpga.dsp import packed_rows
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.estimators.fpga.sites import sites
from costmodel.estimators.fpga.skipping import lanes
from costmodel.estimators.fpga.unit import Folding
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op


def dot_lut(op: Op, precision: Precision, folding: Folding, *, in_dsp: Real, kind: str) -> Real:
    """LUTs of `pe` dot products of `lanes` terms and accumulators; products `in_dsp` leave those of their sums."""
    weight, activation, terms = precision.weight, precision.activation, lanes(op, folding)
    acc_bits = accumulator_bits(op, precision)
    plain = sites(weight, activation, n=terms, acc_bits=acc_bits)
    saved = terms * np.where(in_dsp, _multiplier(precision) - _unpacking(op, precision, folding, kind=kind), 0.0)
    row = np.where(np.isnan(plain), coded_sites(precision, terms, acc_bits), np.maximum(plain - saved, acc_bits))
    blocks = np.where(scaled(weight) | scaled(activation), _block_sites(precision, terms, acc_bits) - saved, row)
    return folding.pe * np.maximum(blocks, acc_bits)


def dot_error(precision: Precision, *, in_dsp: Real) -> Real:
    """The relative error that nine in ten held-out dot products of such formats stay within.

    Where DSP blocks multiply, or for formats of more than SYNTHESISED_BITS, a judgement: OTHER_ERROR.
    """
    held_out = calibration("dot").held_out_error
    floats = sum(np.asarray(f.encoding == "minifloat") * 1 for f in (precision.weight, precision.activation))
    kinds = [held_out[f"{kind}_p90"] for kind in ("integer", "mixed", "minifloat")]
    measured = np.select([floats == i for i in range(3)], kinds)
    blocks = scaled(precision.weight) | scaled(precision.activation)
    measured = np.where(blocks, calibration("mx_dot").held_out_error["p90"], measured)
    beyond = np.maximum(precision.weight.bits, precision.activation.bits) > SYNTHESISED_BITS
    return np.where(in_dsp | beyond, OTHER_ERROR, np.where(coded(precision), coded_error(precision), measured))


SYNTHESISED_BITS = 8
"""Bits of the widest operands among the designs that were synthesised."""

OTHER_ERROR = 0.3
"""Assumed relative error of what no held-out design covers (a judgement)."""


def _multiplier(precision: Precision) -> Real:
    """Sites of the significands' product alone, one of unsigned integers."""
    shape = product_shape(precision.weight, precision.activation)
    return np.nan_to_num(sites(_unsigned(precision.weight, shape.long), _unsigned(precision.weight, shape.short)))


def _unsigned(like: Format, bits: Real) -> Format:
    bits = np.minimum(bits, 32.0)
    integer: Real = np.full(np.shape(bits), "integer", dtype=object)[()]
    unsigned: Real = np.zeros(np.shape(bits), dtype=bool)
    return replace(like, bits=bits, encoding=integer, signed=unsigned)


def _unpacking(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Adder bits a product that give back what the lane below borrowed: every lane of a block but the lowest."""
    rows = packed_rows(op, precision, folding, kind=kind)
    return product_shape(precision.weight, precision.activation).signed_product * (1 - 1 / rows)


def _block_sites(precision: Precision, terms: Real, acc_bits: Real) -> Real:
    """A row of whole blocks, or of a part of one: each has its dot product, alignment and addition."""
    weight, activation = precision.weight, precision.activation
    sizes = [np.where(scaled(f), f.group_size, np.inf) for f in (weight, activation)]
    block = np.minimum(np.minimum(*sizes), terms)
    parts = circuit_parts("mx_dot", a=weight, b=activation, n=block, acc_bits=acc_bits)
    return np.ceil(terms / block) * circuit_sites("mx_dot", parts)
