"""Round numbers onto a format's element grid: to nearest, ties to even."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.formats.format import Format
from costmodel.formats.grid import largest, smallest, smallest_normal
from costmodel.formats.lookup import resolve

OVERFLOWS = ("saturate", "ieee")

_EXPONENT = np.int64(0x7FF0_0000_0000_0000)  # a float64's exponent field


@np.errstate(invalid="ignore")  # a signalling nan among the inputs
def cast(x: Any, fmt: Format | str, *, overflow: str = "saturate") -> NDArray[np.float64]:
    """Round each element of `x` to the nearest element value of `fmt`, ties to even; shared scales aside.

    `overflow` names what lies beyond the largest value: "saturate", the default, gives the largest value, as
    quantisers do; "ieee" gives infinity, or nan in a format without infinities, as a dtype conversion does. Formats
    without either always saturate. nan stays nan in every format, so that a broken tensor shows.
    Without mantissa bits ties between powers of two go up. e8m0 does what ml_dtypes and torch do: zero and negative
    numbers become nan, and all between its two smallest values goes up. Integers and fnuz formats have no -0.
    x: array of real numbers of any shape; returns float64 of that shape. ValueError on an unknown `overflow`, on what
    is not numbers, and on formats whose range float64 does not hold.
    """
    fmt = resolve(fmt)
    if overflow not in OVERFLOWS:
        raise ValueError(f"overflow must be one of {', '.join(OVERFLOWS)}, got {overflow!r}")
    numbers = as_numbers(x)
    flat = np.atleast_1d(numbers)
    if fmt.encoding == "integer":
        rounded = _to_integer(flat, fmt)
    elif fmt.encoding == "codebook":
        rounded = _to_codebook(flat, fmt)
    else:
        rounded = _to_float(flat, fmt, overflow if fmt.special else "saturate")
    return rounded.reshape(numbers.shape)


def as_numbers(x: Any) -> NDArray[np.float64]:
    """Read an array of real numbers as float64; ValueError on anything else."""
    try:
        array = np.asarray(x)
        if array.dtype.kind not in "OSUMmc":
            with np.errstate(invalid="ignore"):  # signalling nan
                return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise ValueError(f"expected an array of real numbers, got {type(x).__name__} {str(x)[:40]!r}")


def _to_integer(x: NDArray[np.float64], fmt: Format) -> NDArray[np.float64]:
    step = 2.0**-fmt.mantissa_bits
    y = np.clip(x, smallest(fmt), largest(fmt))
    if step != 1.0:
        y /= step
    np.rint(y, out=y)
    y += 0.0
    return y * step if step != 1.0 else y


def _to_codebook(x: NDArray[np.float64], fmt: Format) -> NDArray[np.float64]:
    book = np.sort(np.array(fmt.codebook))
    nearest = book[np.searchsorted((book[1:] + book[:-1]) / 2, x)]
    return np.where(np.isnan(x), np.nan, nearest)


def _to_float(x: NDArray[np.float64], fmt: Format, overflow: str) -> NDArray[np.float64]:
    top = largest(fmt)
    bound = 2 * top if overflow == "ieee" else top  # what rounds past top still does at 2 * top
    y = np.clip(x, -bound, bound)
    step = _steps(y, fmt)
    y /= step
    np.rint(y, out=y)
    y *= step
    if fmt.special == "fnu":
        first = smallest_normal(fmt)
        y = np.where(x > first, np.maximum(y, 2 * first), np.where(x > 0, first, np.nan))
    if fmt.special == "fnuz":
        y += 0.0
    if overflow == "ieee":
        limit = np.inf if fmt.special == "ieee" else np.nan
        y = np.where(np.abs(y) > top, np.copysign(limit, y), y)
    return y


def _steps(x: NDArray[np.float64], fmt: Format) -> NDArray[np.float64]:
    """The distance between neighbours of the grid at each x: 2^(floor(log2 |x|) - M), and at least the subnormals'."""
    power = (x.view(np.int64) & _EXPONENT).view(np.float64)
    np.maximum(power, 2.0 ** (-fmt.bias if fmt.special == "fnu" else 1 - fmt.bias), out=power)
    power *= 2.0**-fmt.mantissa_bits
    return power
