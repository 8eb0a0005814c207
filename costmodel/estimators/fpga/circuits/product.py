"""One product, exact in fixed point: a multiplier, exponents, a sign, a shifter.

The mapper looks for the least depth before the least area, so that what it makes of a part depends on its neighbours:
constants differ by whether one operand moves the product or both do, by how many bits the amount has, and for
significands of one bit, whose products are the other operand's bits.
"""

import numpy as np

from costmodel.estimators.fpga.operand import Operand, operand
from costmodel.estimators.fpga.product_shape import ProductShape, product_shape
from costmodel.formats import Format
from costmodel.record import Real

TABLES = ((2, 2), (2, 3), (2, 4), (3, 3))
"""Significands, short and long, that multiply in one LUT an output bit."""
TABLE_BITS = 6
AMOUNTS = (3, 4, 5, 6)
"""Bits of a shift's amount with constants of their own; wider ones have those of the last."""
EXPONENTS = (2, 3, 4)
"""Exponent bits that each add their own decoding; each further one adds that of `e5`."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of operands `a` and `b`."""
    shape, operands = product_shape(a, b), (operand(a), operand(b))
    return _multiplier(shape) | _exponents(shape, operands, (a, b)) | _sign(shape) | _shifter(shape)


def _multiplier(s: ProductShape) -> dict[str, Real]:
    is_float = s.floats > 0
    rows = (s.short > 1) & (s.long + s.short > TABLE_BITS)
    found: dict[str, Real] = {"gate": np.where(s.short == 1, s.long, 0.0)}
    for short, long in TABLES:
        table = (s.short == short) & (s.long == long)
        found |= {f"table_{short}x{long}": table * 1.0, f"table_{short}x{long}_float": (table & is_float) * 1.0}
    sites = np.where(rows, (s.short - 1) * (s.long + 1) + 1, 0.0)
    return found | {
        "rows": sites,
        "rows_signed": np.where(rows, (s.short - 1) * s.long_signed, 0.0),
        "last_row_signed": np.where(rows, s.short_signed, 0.0),
        "rows_float": sites * is_float,
        "by_rows_float": (rows & is_float) * 1.0,
    }


def _exponents(s: ProductShape, operands: tuple[Operand, Operand], formats: tuple[Format, Format]) -> dict[str, Real]:
    bits = [part.exponent_bits for part in operands]
    found: dict[str, Real] = {
        "float": (s.floats > 0) * 1.0,
        "both_float": (s.floats > 1) * 1.0,
        "special": s.specials,
        "infinity": sum(np.asarray(fmt.special == "ieee") * 1.0 for fmt in formats),
        "exponent_sum": np.where(s.wide_exponents > 1, s.amount_bits, 0.0),
    }
    for name, chosen in (("one", s.wide_exponents == 1), ("both", s.wide_exponents > 1)):
        for least in EXPONENTS:
            found[f"{name}_e{least}"] = np.where(chosen, sum((e >= least) * 1.0 for e in bits), 0.0)
        further = sum(np.maximum(e - EXPONENTS[-1], 0.0) for e in bits)
        found[f"{name}_e{EXPONENTS[-1] + 1}"] = np.where(chosen, further, 0.0)
    return found


def _sign(s: ProductShape) -> dict[str, Real]:
    is_float, power = s.floats > 0, (s.short == 1) & (s.floats > 0)
    return {
        "sign": is_float * s.signed_product,
        "sign_integer": is_float * (s.long_signed + s.short_signed),
        "power": power * 1.0,
        "power_sign": power * s.signed_product,
        "both_powers": (s.long == 1) * 1.0,
    }


def _shifter(s: ProductShape) -> dict[str, Real]:
    amount = np.minimum(s.amount_bits, AMOUNTS[-1])
    found: dict[str, Real] = {f"amount_{bits}": (amount == bits) * 1.0 for bits in (1, 2, *AMOUNTS)}
    for name, kind in (("", s.short > 1), ("power_", s.short == 1)):
        few = kind & (amount > 0) & (amount < AMOUNTS[0])
        found[f"{name}shifted_few"] = np.where(few, s.signed_product, 0.0)
        for bits in AMOUNTS:
            found[f"{name}shifted_{bits}"] = np.where(kind & (amount == bits), s.signed_product, 0.0)
            found[f"{name}reach_{bits}"] = np.where(kind & (amount == bits), s.shift, 0.0)
    power_sum = (s.short == 1) & (s.wide_exponents > 1) & (amount > 0)
    return found | {"power_sum": np.where(power_sum, s.fixed, 0.0)}
