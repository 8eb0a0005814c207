"""Floating-point formats with E exponent and M mantissa bits, from 3-bit minifloats to fp32."""

import re
from dataclasses import replace

from costmodel.formats.format import Format

_SUFFIX = {"": "", "_ieee": "ieee", "_fn": "fn", "_fnuz": "fnuz"}


def minifloat(
    name: str,
    exponent_bits: int,
    mantissa_bits: int,
    special: str = "",
    bias: int | None = None,
    bits: int | None = None,
) -> Format:
    """Return a signed float format; the bias defaults to 2^(E-1) - 1, as in IEEE 754, one more for fnuz."""
    if bias is None:
        bias = 2 ** (exponent_bits - 1) - (0 if special == "fnuz" else 1)
    return Format(
        name,
        bits if bits is not None else 1 + exponent_bits + mantissa_bits,
        encoding="minifloat",
        exponent_bits=exponent_bits,
        mantissa_bits=mantissa_bits,
        bias=bias,
        special=special,
    )


FORMATS = (
    minifloat("fp32", 8, 23, "ieee"),
    minifloat("tf32", 8, 10, "ieee", bits=32),  # 19 significant bits in a 32-bit word
    minifloat("bf16", 8, 7, "ieee"),
    minifloat("fp16", 5, 10, "ieee"),
    minifloat("fp8_e5m2", 5, 2, "ieee"),
    minifloat("fp8_e4m3", 4, 3, "fn"),
    minifloat("fp6_e3m2", 3, 2),
    minifloat("fp6_e2m3", 2, 3),
    minifloat("fp4_e2m1", 2, 1),
    replace(minifloat("e8m0", 8, 0, "fnu", bits=8), signed=False),  # the shared scale of MX formats
)

_BY_NAME = {f.name: f for f in FORMATS}


def parse(name: str) -> Format | None:
    """Read a listed name or e{E}m{M}[_b{bias}][_ieee|_fn|_fnuz] of 3 to 16 bits; None if it is neither.

    fp8_e4m3 and fp8_e5m2 are the OCP formats, with nan, and with infinities and nan; e8m0 is the unsigned MX scale.
    ValueError for other widths, and where float64, in which values are computed, cannot hold the format's range.
    Without a suffix every code is a finite value; _ieee has infinities and nan, _fn nan alone, _fnuz one nan and no -0.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    match = re.fullmatch(r"e([1-9][0-9]?)m(0|[1-9][0-9]?)(?:_b(-?[0-9]{1,4}))?(|_ieee|_fn|_fnuz)", name)
    if not match:
        return None
    exponent_bits, mantissa_bits = int(match[1]), int(match[2])
    special = _SUFFIX[match[4]]
    if not 3 <= 1 + exponent_bits + mantissa_bits <= 16:
        raise ValueError(f"{name!r}: a minifloat has 3 to 16 bits, got {1 + exponent_bits + mantissa_bits}")
    if special == "ieee" and mantissa_bits < 1:
        raise ValueError(f"{name!r}: infinity and nan need at least 1 mantissa bit")
    found = minifloat(name, exponent_bits, mantissa_bits, special, int(match[3]) if match[3] else None)
    require_within_float64(found)
    return found


def require_within_float64(fmt: Format) -> None:
    """ValueError where a value of the format, or twice its largest, is no normal number of float64."""
    low = (-fmt.bias if fmt.special == "fnu" else 1 - fmt.bias) - fmt.mantissa_bits
    high = (top_code(fmt) >> fmt.mantissa_bits) - fmt.bias
    if low < -1022 or high > 1022:
        raise ValueError(
            f"{fmt.name} reaches beyond float64, in which values are computed: its powers of two must be within -1022 "
            f"and 1022, got {low} to {high} ({fmt.exponent_bits} exponent bits, bias {fmt.bias})"
        )


def top_code(fmt: Format) -> int:
    """The code, sign aside, of a minifloat's largest finite value."""
    lost = {"ieee": 1 << fmt.mantissa_bits, "fn": 1, "fnu": 1}
    return (1 << fmt.exponent_bits + fmt.mantissa_bits) - 1 - lost.get(fmt.special, 0)
