"""The element values of a format: its extremes and its whole grid, decoded from the codes."""

import numpy as np
from numpy.typing import NDArray

from costmodel.formats.format import Format
from costmodel.formats.lookup import resolve
from costmodel.formats.minifloat import require_within_float64, top_code


def largest(fmt: Format | str) -> float:
    """The largest finite element value, shared scales aside."""
    fmt = resolve(fmt)
    if fmt.encoding == "codebook":
        return max(fmt.codebook)
    if fmt.encoding == "integer":
        return (2.0 ** (fmt.bits - fmt.signed) - 1) * 2.0**-fmt.mantissa_bits
    return float(_decode(np.array([top_code(fmt)]), fmt)[0])


def smallest(fmt: Format | str) -> float:
    """The most negative finite element value; of e8m0, which has none, the smallest positive one."""
    fmt = resolve(fmt)
    if fmt.encoding == "codebook":
        return min(fmt.codebook)
    if fmt.encoding == "integer":
        return -(largest(fmt) + 2.0**-fmt.mantissa_bits) if fmt.signed else 0.0
    return -largest(fmt) if fmt.signed else smallest_normal(fmt)


def smallest_normal(fmt: Format | str) -> float:
    """The smallest positive value with a full significand; ValueError where a format has none."""
    fmt = _float(fmt)
    code = 0 if fmt.special == "fnu" else 2**fmt.mantissa_bits
    if code > top_code(fmt):
        raise ValueError(f"{fmt.name} has no normal numbers")
    return float(_decode(np.array([code]), fmt)[0])


def smallest_subnormal(fmt: Format | str) -> float:
    """The smallest positive value; equal to `smallest_normal` where there are no mantissa bits."""
    fmt = _float(fmt)
    return float(_decode(np.array([0 if fmt.special == "fnu" else 1]), fmt)[0])


def values(fmt: Format | str) -> NDArray[np.float64]:
    """All distinct finite element values of a format of at most 16 bits, ascending; -0 and 0 are one value."""
    fmt = resolve(fmt)
    if fmt.bits > 16:
        raise ValueError(f"values lists formats of at most 16 bits, got {fmt.name} with {fmt.bits}")
    if fmt.encoding == "codebook":
        return np.sort(np.array(fmt.codebook))
    if fmt.encoding == "integer":
        first = -(2 ** (fmt.bits - 1)) if fmt.signed else 0
        return np.arange(first, first + 2**fmt.bits) * 2.0**-fmt.mantissa_bits
    positive = _decode(np.arange(top_code(fmt) + 1), fmt)
    return np.unique(np.concatenate([-positive, positive]) + 0.0) if fmt.signed else positive


def _decode(codes: NDArray[np.int64], fmt: Format) -> NDArray[np.float64]:
    """Values of non-negative minifloat codes; ValueError where float64 cannot hold the format's range."""
    require_within_float64(fmt)
    first = -fmt.bias if fmt.special == "fnu" else 1 - fmt.bias
    field = codes >> fmt.mantissa_bits
    normal = (field > 0) | (fmt.special == "fnu")
    exponent = np.where(normal, field - fmt.bias, first)
    significand = codes % 2**fmt.mantissa_bits + normal * 2**fmt.mantissa_bits
    decoded: NDArray[np.float64] = np.ldexp(significand.astype(np.float64), exponent - fmt.mantissa_bits)
    return decoded


def _float(fmt: Format | str) -> Format:
    fmt = resolve(fmt)
    if not fmt.is_float:
        raise ValueError(f"{fmt.name} is {fmt.encoding}, expected a float format")
    return fmt
