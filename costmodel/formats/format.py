"""Format: a number format as one frozen record."""

from dataclasses import dataclass, field, fields

import numpy as np

from costmodel import display


@dataclass(frozen=True)
class Format:
    """How one tensor's elements are stored.

    `bits` are the stored bits of an element; a group of `group_size` elements along the reduction axis shares
    `scale_bits` more, the bits of `scale`, a format's name ("" = none stored).
    encoding       integer, minifloat or codebook.
    mantissa_bits  a minifloat's stored significand bits; an integer's fraction bits (6 in mxint8, else 0).
    special        which codes a minifloat gives up: "ieee" for infinities and nan, "fn" for nan alone, "fnuz" for nan
                   at negative zero, "" for none (every code is a finite value); "fnu" is e8m0: powers of two, no zero.
    """

    name: str
    bits: int
    encoding: str = "integer"
    signed: bool = True
    exponent_bits: int = 0
    mantissa_bits: int = 0
    bias: int = 0
    special: str = ""
    scale: str = ""
    scale_bits: int = 0
    group_size: int = 1
    codebook: tuple[float, ...] = field(default=(), repr=False)

    @property
    def bits_per_element(self) -> float:
        """Stored bits an element, shared scales included."""
        return self.bits + self.scale_bits / self.group_size

    @property
    def is_float(self) -> bool:
        """Whether elements have an exponent of their own."""
        return self.encoding == "minifloat"

    def _repr_html_(self) -> str:
        defaults = {f.name: f.default for f in fields(self)}
        of = {n: getattr(self, n) for n in defaults if n not in ("name", "codebook")}
        values = {n: v for n, v in of.items() if np.any(v != defaults[n])}
        values = {"encoding": self.encoding, **values, "bits_per_element": self.bits_per_element}
        return display.card(f"Format {display.called(self.name)}", values)
