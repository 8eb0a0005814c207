"""LUT6 sites of products and dot products per number format: structure times constants fitted on synthesis."""

import numpy as np

from costmodel.estimators.fpga.circuit_sites import circuit_parts, circuit_sites
from costmodel.estimators.fpga.circuits.dot import sum_parts, term_parts
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.formats import Format
from costmodel.record import Real


def sites(a: Format, b: Format, *, n: Real = 1, acc_bits: Real = 0) -> Real:
    """Sites of a dot product of n terms, mapped to LUTs, exact in fixed point, and added to an acc_bits accumulator.

    Formats are integers or signed minifloats, scalars or batches that broadcast with n and acc_bits (0: no register);
    n = 1 without an accumulator is a product. nan where a format is neither, or n is below 1. The constants are those
    of the calibrations, whose held-out errors are in their file.
    """
    n, acc_bits = np.asarray(n), np.asarray(acc_bits)
    alone = (n == 1) & (acc_bits == 0)
    if np.all(alone):
        total = circuit_sites("product", circuit_parts("product", a=a, b=b))
    else:
        total = _dot_sites(a, b, n, acc_bits)
        if np.any(alone):
            total = np.where(alone, circuit_sites("product", circuit_parts("product", a=a, b=b)), total)
    return np.where(_fabric(a) & _fabric(b) & (n >= 1), total, np.nan)[()]


def _dot_sites(a: Format, b: Format, n: Real, acc_bits: Real) -> Real:
    """Terms are weighed once a pair of formats, however many terms there are."""
    factors, shape = calibration("dot").constants, product_shape(a, b)
    term = sum(factors[name] * part for name, part in term_parts(shape).items())
    once = sum(factors[name] * part for name, part in sum_parts(shape, n=n, acc_bits=acc_bits).items())
    return np.maximum(n * term + once, 1.0)


def _fabric(fmt: Format) -> Real:
    integer = np.asarray(fmt.encoding == "integer")
    minifloat = np.asarray(fmt.encoding == "minifloat") & np.asarray(fmt.signed, dtype=bool)
    return (integer | minifloat) & (np.asarray(fmt.bits) <= 32) & (np.asarray(fmt.bits) >= 1)
