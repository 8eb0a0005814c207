"""Design: one arithmetic unit with its formats and sizes, under a stable name."""

import hashlib
from dataclasses import dataclass

from costmodel.formats import Format
from profilers.fpga.codes import WIDEST_BITS, get

MOST_TERMS = 256
WIDEST_ACCUMULATOR_BITS = 128


@dataclass(frozen=True)
class Design:
    """What is synthesised: `unit` is a file of `profilers/fpga/units`, formats are names.

    n            terms of a dot product, else 1.
    acc_bits     bits of the accumulator: a register in dot products (0: none), the input of requantising units.
    out_format   of units that round to a format, else "".
    ValueError on sizes out of range; the unit checks what it takes.
    """

    unit: str
    a_format: str = ""
    b_format: str = ""
    n: int = 1
    acc_bits: int = 0
    out_format: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.n <= MOST_TERMS:
            raise ValueError(f"n must be within 1 to {MOST_TERMS}, got {self.n}")
        if not 0 <= self.acc_bits <= WIDEST_ACCUMULATOR_BITS:
            raise ValueError(f"acc_bits must be within 0 to {WIDEST_ACCUMULATOR_BITS}, got {self.acc_bits}")
        for name in filter(None, (self.a_format, self.b_format, self.out_format)):
            _checked(get(name))

    @property
    def name(self) -> str:
        """The spelling that identifies the design: rows, caches and the test split go by it."""
        sizes = [f"n{self.n}", f"acc{self.acc_bits}"]
        formats = [name for name in (self.a_format, self.b_format) if name]
        return "-".join([self.unit, *formats, *sizes, *([f"to_{self.out_format}"] if self.out_format else [])])

    @property
    def held_out(self) -> bool:
        """Whether the design belongs to the test split: 30 % of all names, by their hash."""
        return int(hashlib.sha256(self.name.encode()).hexdigest()[:8], 16) % 100 < 30


def _checked(fmt: Format) -> Format:
    if not 1 <= fmt.bits <= WIDEST_BITS:
        raise ValueError(f"a format on the fabric has 1 to {WIDEST_BITS} bits, got {fmt.name} with {fmt.bits}")
    return fmt
