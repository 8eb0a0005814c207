"""The face of a unit: what goes in and out, and how bits are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format
from profilers.fpga.codes import decode, objects

Codes: TypeAlias = Mapping[str, NDArray[Any]]
"""Input codes by port, each [..., count]: Python integers or int64."""


@dataclass(frozen=True)
class Input:
    """A port of `count` codes of `bits` each; the first lies lowest."""

    name: str
    bits: int
    count: int = 1

    @property
    def width(self) -> int:
        """Bits of the whole port."""
        return self.bits * self.count


@dataclass(frozen=True)
class Ports:
    """Inputs, and the output `y`: an integer, or a code of `fmt`.

    accumulates    whether a register adds every cycle's sum, starting anew where `clear` is set.
    flags_invalid  whether an output `invalid` tells that an operand was no finite number.
    """

    inputs: tuple[Input, ...]
    bits: int
    signed: bool = True
    fmt: Format | None = None
    accumulates: bool = False
    flags_invalid: bool = False

    @property
    def input_bits(self) -> int:
        """Bits of all inputs, clock and clear aside."""
        return sum(port.width for port in self.inputs)

    def read(self, codes: NDArray[Any]) -> NDArray[Any]:
        """The meaning of output codes: Python integers, or float64 values of the output's format."""
        if self.fmt is not None:
            return decode(codes.astype(np.int64), self.fmt)
        return wrap(codes, self.bits, signed=self.signed)


def wrap(numbers: NDArray[Any], bits: int, *, signed: bool) -> NDArray[Any]:
    """Python integers modulo 2^bits, in two's complement where `signed`; None stays None."""
    size = 1 << bits

    def one(number: int | None) -> int | None:
        if number is None:
            return None
        low = number % size
        return low - size if signed and low >= size >> 1 else low

    return objects((one(None if x is None else int(x)) for x in numbers.flat), numbers.shape)
