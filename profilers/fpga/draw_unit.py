"""How each unit is drawn at random.

Integers have 2 to 8 bits, signed or not; minifloats 3 to 8 bits with any split of exponent and mantissa, and special
codes in one of three; dot products have `terms` terms, from and to which bounds, three in four an accumulator.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from profilers.fpga.design import Design
from profilers.fpga.draw_format import integer, minifloat, operands
from profilers.fpga.units.binary_dot import count_bits
from profilers.fpga.units.dot import tree_bits
from profilers.fpga.units.sign_dot import sum_bits

Terms: TypeAlias = tuple[int, int]
TERMS: Terms = (1, 32)
"""Fewest and most terms of a dot product."""
GUARD_BITS = (0, 2, 4, 8)
"""Bits that an accumulator has beyond one tree's sum."""
OUTPUTS = ("bf16", "fp16", "fp8_e4m3", "fp8_e5m2", "e3m4", "e2m3", "e2m1")
"""Formats that floats are rounded to; where an operand has nan, the first four."""
ELEMENTS = ("fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1", "int8")
"""Element formats of the OCP Microscaling specification."""


def _product(rng: np.random.Generator, _: Terms) -> Design:
    return Design("product", *operands(rng))


def _dot(rng: np.random.Generator, terms: Terms) -> Design:
    a, b = operands(rng)
    n = _between(rng, terms, 1)
    guard = int(rng.choice(GUARD_BITS))
    bits = tree_bits(Design("dot", a, b, n)) + guard
    return Design("dot", a, b, n, bits if rng.random() < 0.75 else 0)


def _between(rng: np.random.Generator, terms: Terms, least: int) -> int:
    return int(rng.integers(max(terms[0], least), max(terms[1], least) + 1))


def _binary(rng: np.random.Generator, _: Terms) -> Design:
    n = int(rng.integers(4, 257))
    guard = int(rng.choice(GUARD_BITS))
    return Design("binary_dot", "binary", "binary", n, count_bits(n) + guard if rng.random() < 0.75 else 0)


def _signs(rng: np.random.Generator, terms: Terms) -> Design:
    a = "ternary" if rng.random() < 0.2 else integer(rng)
    bare = Design("sign_dot", a, ("binary", "ternary")[rng.integers(2)], _between(rng, terms, 2))
    acc_bits = sum_bits(bare) + int(rng.choice(GUARD_BITS)) if rng.random() < 0.75 else 0
    return Design("sign_dot", bare.a_format, bare.b_format, bare.n, acc_bits)


def _block(rng: np.random.Generator, _: Terms) -> Design:
    a, b = (ELEMENTS[rng.integers(len(ELEMENTS))] for _ in range(2))
    n = int(rng.choice([2, 4, 8, 16, 32]))
    least = tree_bits(Design("dot", a, b, n))
    return Design("mx_dot", a, b, n, min(least + int(rng.integers(4, 25)), 96))


def _float(rng: np.random.Generator, _: Terms) -> Design:
    a, b = minifloat(rng), minifloat(rng) if rng.random() < 0.67 else integer(rng)
    plain = not any(name.endswith(("_ieee", "_fn")) for name in (a, b))
    out = OUTPUTS[rng.integers(len(OUTPUTS) if plain else 4)]
    return Design("float_product", a, b, out_format=out)


def _to_float(rng: np.random.Generator, _: Terms) -> Design:
    out = OUTPUTS[rng.integers(len(OUTPUTS))]
    if rng.random() < 0.4:
        return Design("to_float", f"{('int', 'uint')[rng.integers(2)]}{rng.integers(2, 17)}", out_format=out)
    return Design("to_float", minifloat(rng), minifloat(rng), acc_bits=int(rng.integers(8, 49)), out_format=out)


def _to_fixed(rng: np.random.Generator, _: Terms) -> Design:
    return Design("to_fixed", minifloat(rng))


def _requantise(rng: np.random.Generator, _: Terms) -> Design:
    scale = f"uint{rng.integers(4, 17)}"
    return Design("requantise", b_format=scale, acc_bits=int(rng.integers(12, 33)), out_format=integer(rng))


def _shift_requantise(rng: np.random.Generator, _: Terms) -> Design:
    return Design("shift_requantise", acc_bits=int(rng.integers(10, 33)), out_format=integer(rng))


def _thresholds(rng: np.random.Generator, _: Terms) -> Design:
    return Design("thresholds", acc_bits=int(rng.integers(6, 33)), out_format=f"uint{rng.integers(2, 5)}")


UNITS: dict[str, Callable[[np.random.Generator, Terms], Design]] = {
    "product": _product,
    "dot": _dot,
    "binary_dot": _binary,
    "sign_dot": _signs,
    "mx_dot": _block,
    "float_product": _float,
    "to_float": _to_float,
    "to_fixed": _to_fixed,
    "requantise": _requantise,
    "shift_requantise": _shift_requantise,
    "thresholds": _thresholds,
}
"""How each unit is drawn; the smallest MX accumulator leaves 4 bits for alignment."""
