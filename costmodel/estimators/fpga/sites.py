"""LUT6 sites of products and dot products per number format: structure times constants fitted on synthesis."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from costmodel.estimators.fpga.circuit_sites import circuit_parts, circuit_sites
from costmodel.estimators.fpga.circuits.dot import sum_parts, term_parts
from costmodel.estimators.fpga.distinct import blocks, distinct
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.formats import Format
from costmodel.record import Real, map_fields


def sites(a: Format, b: Format, *, n: Real = 1, acc_bits: Real = 0) -> Real:
    """Sites of a dot product of n terms, mapped to LUTs, exact in fixed point, and added to an acc_bits accumulator.

    Formats are integers or signed minifloats, scalars or batches that broadcast with n and acc_bits (0: no register);
    n = 1 without an accumulator is a product. nan where a format is neither, or n is below 1. The constants are those
    of the calibrations, whose held-out errors are in their file.
    """
    n, acc_bits = np.asarray(n), np.asarray(acc_bits)
    alone = bool(np.any((n == 1) & (acc_bits == 0)))
    left, right = distinct(a), distinct(b)
    if left and right and max(n.ndim, acc_bits.ndim) < 2:
        return _rows(left, right, n, acc_bits, alone=alone)
    return _sites(_pair(a, b, alone=alone), n, acc_bits)[()]


@dataclass(frozen=True)
class _Pair:
    """What the two formats of a dot product decide.

    is_float   whether one is a minifloat.
    fixed      bits of a product in fixed point.
    term       sites of one product among others, nan where the fabric multiplies no such formats.
    product    sites of one alone; None where none is.
    """

    is_float: Real
    fixed: Real
    term: Real
    product: Real | None


def _pair(a: Format, b: Format, *, alone: bool) -> _Pair:
    factors, shape = calibration("dot").constants, product_shape(a, b)
    term = sum(factors[name] * part for name, part in term_parts(a, b).items())
    fabric = np.where(_fabric(a) & _fabric(b), 1.0, np.nan)
    product = fabric * circuit_sites("product", circuit_parts("product", a=a, b=b)) if alone else None
    return _Pair(shape.floats > 0, shape.fixed, fabric * term, product)


def _sites(pair: _Pair, n: Real, acc_bits: Real) -> Real:
    factors = calibration("dot").constants
    parts = sum_parts(pair.fixed, pair.is_float, n=n, acc_bits=acc_bits)
    total = np.maximum(n * pair.term + sum(factors[name] * part for name, part in parts.items()), 1.0)
    if pair.product is not None:
        total = np.where((n == 1) & (acc_bits == 0), pair.product, total)
    return np.where(n >= 1, total, np.nan)


def _rows(a: tuple[Format, Real], b: tuple[Format, Real], n: Real, acc_bits: Real, *, alone: bool) -> Real:
    """Sites of a long flat batch: each pair of its distinct formats is weighed once, and looked up by the rows."""
    across = map_fields(a[0], lambda column: column[:, None])
    pairs = np.size(a[0].bits), np.size(b[0].bits)
    table = _each(_pair(across, b[0], alone=alone), lambda column: np.broadcast_to(column, pairs).ravel())
    whole = [np.broadcast_to(part, a[1].shape) for part in (n, acc_bits)]
    total = np.empty(len(a[1]))
    for rows in blocks(len(total)):
        place = a[1][rows] * np.int64(pairs[1]) + b[1][rows]
        own = _each(table, partial(np.take, indices=place))
        total[rows] = _sites(own, *(np.asarray(part[rows], np.float64) for part in whole))
    return total


def _each(pair: _Pair, edit: Callable[[Real], Real]) -> _Pair:
    return map_fields(pair, lambda column: None if column is None else edit(column))


def _fabric(fmt: Format) -> Real:
    integer = np.asarray(fmt.encoding == "integer")
    minifloat = np.asarray(fmt.encoding == "minifloat") & np.asarray(fmt.signed, dtype=bool)
    return (integer | minifloat) & (np.asarray(fmt.bits) <= 32) & (np.asarray(fmt.bits) >= 1)
