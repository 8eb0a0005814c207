"""How two operands multiply: widths, signs and shifts of their exact product, for the Verilog and for the models."""

from dataclasses import dataclass

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

    @property
    def signed_significand(self) -> bool:
        """Whether the significand is in two's complement."""
        return self.signed and not self.exponent_bits


def operand(fmt: Format) -> Operand:
    """The parts of an integer or minifloat format; ValueError for others."""
    if fmt.encoding == "integer":
        return Operand(fmt.bits, fmt.signed, 0, 0, fmt.bits, 0, -fmt.mantissa_bits)
    if not fmt.is_float or not fmt.signed or fmt.bits != 1 + fmt.exponent_bits + fmt.mantissa_bits:
        raise ValueError(f"an operand is an integer or a signed minifloat, got {fmt.name}")
    top = 2**fmt.exponent_bits - 1 - (fmt.special == "ieee")
    lowest = 1 - fmt.bias - fmt.mantissa_bits
    special = SPECIAL[fmt.special]
    return Operand(fmt.bits, True, fmt.exponent_bits, special, fmt.mantissa_bits + 1, max(top - 1, 0), lowest)


@dataclass(frozen=True)
class Product:
    """The exact product of operands `a` and `b`, ordered so that the rows of the multiplier are b's bits."""

    a: Operand
    b: Operand
    swapped: bool

    @property
    def is_float(self) -> bool:
        """Whether an operand has an exponent, and with it a sign of its own."""
        return bool(self.a.exponent_bits or self.b.exponent_bits)

    @property
    def shift(self) -> int:
        """The farthest that the significands' product moves left."""
        return self.a.shift + self.b.shift

    @property
    def signed(self) -> bool:
        """Whether the product may be negative."""
        return self.a.signed or self.b.signed

    @property
    def significand_bits(self) -> int:
        """Bits of the significands' product with its sign."""
        has_sign = self.a.signed_significand or self.b.signed_significand
        return self.a.significand_bits + self.b.significand_bits + (self.is_float and not has_sign)

    @property
    def bits(self) -> int:
        """Bits of the product as a fixed-point number."""
        return self.significand_bits + self.shift

    @property
    def lowest_exponent(self) -> int:
        """The power of two of the fixed-point product's lowest bit."""
        return self.a.lowest_exponent + self.b.lowest_exponent


def product(a: Format, b: Format) -> Product:
    """The product of two formats: the shorter significand gives the rows."""
    left, right = operand(a), operand(b)
    swapped = left.significand_bits < right.significand_bits
    return Product(right, left, True) if swapped else Product(left, right, False)
