"""How two operands multiply, for the Verilog: the widths of costmodel's shapes as integers, and places of values."""

from dataclasses import dataclass

from costmodel.estimators.fpga import operand as model
from costmodel.estimators.fpga.product_shape import ProductShape, product_shape
from costmodel.formats import Format

SPECIAL = {"": 0, "ieee": 1, "fn": 2, "fnuz": 3}
"""How the Verilog names a minifloat's special codes."""


@dataclass(frozen=True)
class Operand:
    """The parts of an operand: an integer has no exponent, a minifloat's significand has its hidden bit.

    shift            the largest exponent above the subnormals' (0: fixed point).
    lowest_exponent  the power of two of the significand's lowest bit where the exponent is least.
    """

    bits: int
    signed: bool
    exponent_bits: int
    special: int
    significand_bits: int
    shift: int
    lowest_exponent: int


def operand(fmt: Format) -> Operand:
    """The parts of an integer or minifloat format; ValueError for others."""
    whole = fmt.is_float and fmt.signed and fmt.bits == 1 + fmt.exponent_bits + fmt.mantissa_bits
    if fmt.encoding != "integer" and not whole:
        raise ValueError(f"an operand is an integer or a signed minifloat, got {fmt.name}")
    part = model.operand(fmt)
    lowest = (1 - fmt.bias if fmt.is_float else 0) - fmt.mantissa_bits
    sizes = (int(part.exponent_bits), SPECIAL[fmt.special], int(part.significand), int(part.reach))
    return Operand(fmt.bits, fmt.signed, *sizes, lowest)


@dataclass(frozen=True)
class Product:
    """The exact product of operands `a` and `b`, ordered so that the rows of the multiplier are b's bits."""

    a: Operand
    b: Operand
    swapped: bool
    shape: ProductShape

    @property
    def shift(self) -> int:
        """The farthest that the significands' product moves left."""
        return int(self.shape.shift)

    @property
    def signed(self) -> bool:
        """Whether the product may be negative."""
        return self.a.signed or self.b.signed

    @property
    def significand_bits(self) -> int:
        """Bits of the significands' product with its sign."""
        return int(self.shape.signed_product)

    @property
    def bits(self) -> int:
        """Bits of the product as a fixed-point number."""
        return int(self.shape.fixed)

    @property
    def lowest_exponent(self) -> int:
        """The power of two of the fixed-point product's lowest bit."""
        return self.a.lowest_exponent + self.b.lowest_exponent


def product(a: Format, b: Format) -> Product:
    """The product of two formats: the shorter significand gives the rows."""
    left, right = operand(a), operand(b)
    swapped = left.significand_bits < right.significand_bits
    first, second = (right, left) if swapped else (left, right)
    return Product(first, second, swapped, product_shape(a, b))
