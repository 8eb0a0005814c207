"""LUT6 sites of products and dot products per number format: structure times constants fitted on synthesis."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.site_parts import sum_parts, term_parts
from costmodel.formats import Format
from costmodel.hardware.calibration import FOLDER, Calibration, read
from costmodel.record import Real

MODEL = "lut_sites"


def sites(
    a: Format, b: Format, *, n: Real = 1, acc_bits: Real = 0, constants: Mapping[str, float] | None = None
) -> Real:
    """Sites of a dot product of n terms, mapped to LUTs, exact in fixed point, and added to an acc_bits accumulator.

    Formats are integers or signed minifloats, scalars or batches that broadcast with n and acc_bits (0: no register);
    n = 1 without an accumulator is a product. nan where a format is neither, or n is below 1.
    `constants` are those of the calibration by default, whose held-out error is in its file.
    """
    factors = constants if constants is not None else calibration().constants
    shape = product_shape(a, b)
    term = sum(factors[name] * part for name, part in term_parts(shape).items())
    total = n * term + sum(factors[name] * part for name, part in sum_parts(shape, n=n, acc_bits=acc_bits).items())
    known = _fabric(a) & _fabric(b) & (np.asarray(n) >= 1)
    return np.where(known, np.maximum(total, 1.0), np.nan)[()]


@cache
def calibration(family: str = "xc7") -> Calibration:
    """The shipped calibration; Yosys maps xcup to the same LUTs and carries as xc7."""
    return read(FOLDER / f"{family}_{MODEL}.toml")[0]


def _fabric(fmt: Format) -> Real:
    integer = np.asarray(fmt.encoding == "integer")
    minifloat = np.asarray(fmt.encoding == "minifloat") & np.asarray(fmt.signed, dtype=bool)
    return (integer | minifloat) & (np.asarray(fmt.bits) <= 32) & (np.asarray(fmt.bits) >= 1)
