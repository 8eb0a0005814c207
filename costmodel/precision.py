"""Precision: the formats of an op's operands, and the math pipe that multiplies them."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from costmodel import display
from costmodel.catalog import UnknownNameError
from costmodel.formats import Format, get
from costmodel.record import Real, chosen, map_fields, stack

PIPES = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp6", "fp4", "int8", "int4")

WIDE_BITS = 16
"""Bits of a number that biases and norms' scales are stored in as it is."""

_SHORTHAND = {2: "int2", 3: "int3", 4: "int4", 5: "int5", 6: "int6", 7: "int7", 8: "int8", 16: "bf16", 32: "fp32"}


@dataclass(frozen=True)
class Precision:
    """The formats of weights, activations, KV cache and accumulator, and the pipes that multiply them.

    `kv_cache` is also the format in which queries, keys and values meet: `attention_pipe` follows from it, while
    `math_pipe` multiplies weights by activations. Both are among PIPES. `output` is the format that results are written
    in where it is known, None as that of the inputs.
    """

    weight: Format
    activation: Format
    kv_cache: Format
    accumulator: Format
    math_pipe: str
    attention_pipe: str
    output: Format | None = None

    @property
    def name(self) -> str:
        """The spelling that `precision` reads back: weight/activation, the KV format where it differs from what it is
        without, and >output where that is stated.

        Of a batch, an array of them.
        """
        output: Any = self.output.name if isinstance(self.output, Format) else self.output
        told = _stated(output) if isinstance(output, np.ndarray) else output
        found: str = _spelt(self.weight.name, self.activation.name, self.activation.bits, self.kv_cache.name, told)
        return found

    @property
    def written(self) -> Format:
        """The format that results are written in, that of the inputs where it is not stated."""
        if not isinstance(self.output, np.ndarray):
            return self.activation if self.output is None else self.output
        known = self.output != np.array(None)
        of_ones = stack([output or _UNSTATED for output in self.output.ravel().tolist()])
        return chosen(known, map_fields(of_ones, lambda column: column.reshape(known.shape)), self.activation)

    @property
    def vector_bits(self) -> Real:
        """Bits of a bias or norm scale: the activation's where that has 16 or more, else the result's where that is a
        float of as many, else the accumulator's."""
        read, written = self.activation.bits, self.written
        as_written = (written.bits >= WIDE_BITS) & np.equal(written.encoding, "minifloat")
        return np.where(read >= WIDE_BITS, read, np.where(as_written, written.bits, self.accumulator.bits))[()]

    @property
    def passed_on(self) -> "Precision":
        """What reads the results without weights of its own, and writes as it reads: the `output` where it is known."""
        if self.output is None:
            return self
        wide = get("int32" if self.output.encoding == "integer" else "fp32")
        pipe = narrowest_pipe(self.output, self.output)
        return replace(self, activation=self.output, accumulator=wide, math_pipe=pipe, output=None)

    def _repr_html_(self) -> str:
        operands = ["weight", "activation", "kv_cache", "accumulator"] + ["output"] * isinstance(self.output, Format)
        rows = {
            o: f"{display.called((f := getattr(self, o)).name)}, {display.told('bits', f.bits_per_element)} bits"
            for o in operands
        }
        return display.card(
            f"Precision {display.called(self.name)}",
            rows | {"math_pipe": self.math_pipe, "attention_pipe": self.attention_pipe},
        )


def precision(spelling: str, *, math_pipe: str | None = None) -> Precision:
    """Read `w4a16`, `w8a8kv8` or `weight/activation[/kv]` in format names; `w16` and `a16` mean bf16, `w32` fp32.

    A `>format` behind any of these is the `output`.
    Without a KV format, the cache and attention stay in bf16 where activations are narrower than 16 bits, as servers
    do, and follow the activations otherwise.
    """
    operands, writes, written = str(spelling).strip().lower().partition(">")
    names = _names(operands.strip())
    weight, activation, kv_cache = (get(name) for name in names)
    integers = weight.encoding == activation.encoding == "integer"
    accumulator = get("int32" if integers else "fp32")
    if math_pipe is not None and math_pipe not in PIPES:
        raise ValueError(f"math_pipe must be one of {', '.join(PIPES)}, got {math_pipe!r}")
    pipe = math_pipe or narrowest_pipe(weight, activation)
    output = get(written.strip()) if writes else None
    return Precision(weight, activation, kv_cache, accumulator, pipe, narrowest_pipe(kv_cache, kv_cache), output)


def narrowest_pipe(weight: Format, activation: Format) -> str:
    """The narrowest math pipe whose inputs hold every element value of both formats, shared scales aside."""
    for pipe in ("int4", "int8", "fp4", "fp6", "fp8", "bf16", "fp16", "tf32", "fp32"):
        if all(_fits(operand, pipe) for operand in (weight, activation)):
            return pipe
    return "fp64"


_FLOAT_PIPES = {
    "fp4": (2, 1), "fp6": (3, 3), "fp8": (5, 3), "fp16": (5, 10), "bf16": (8, 7), "tf32": (8, 10), "fp32": (8, 23),
}  # exponent and mantissa bits; fp6 and fp8 pipes take either of their two layouts  # fmt: skip

_INTEGER_BITS = {"int4": 4, "int8": 8, "fp4": 3, "fp6": 4, "fp8": 5, "bf16": 9, "fp16": 12, "tf32": 12, "fp32": 25}
"""The widest signed integer whose every value a pipe's inputs hold; e2m3 stops at 7.5, so e3m2 decides for fp6."""


def _fits(operand: Format, pipe: str) -> bool:
    if operand.encoding == "integer":
        unsigned = 0 if operand.signed or pipe.startswith("int") else 1  # integer pipes take either sign
        return operand.bits + unsigned <= _INTEGER_BITS[pipe]
    if pipe.startswith("int"):
        return False
    if operand.encoding == "codebook":
        return pipe in ("bf16", "fp16", "tf32", "fp32")
    exponent, mantissa = _FLOAT_PIPES[pipe]
    too_wide = pipe in ("fp4", "fp6", "fp8") and operand.bits > int(pipe[2:])
    return not too_wide and operand.exponent_bits <= exponent and operand.mantissa_bits <= mantissa


def _default_kv(activation: str, bits: float) -> str:
    return activation if bits >= 16 else "bf16"


def _kv_beside(activation: str) -> str:
    found = get(activation)
    return _default_kv(found.name, found.bits)


def _spelling(weight: str, activation: str, bits: float, kv_cache: str, output: str | None) -> str:
    read = f"{weight}/{activation}" + ("" if kv_cache == _default_kv(activation, bits) else f"/{kv_cache}")
    return read if output is None else f"{read}>{output}"


_spelt = np.frompyfunc(_spelling, 5, 1)
_stated = np.frompyfunc(lambda output: output.name if isinstance(output, Format) else output, 1, 1)
_UNSTATED = get("fp32")
"""In the place of an output that is not stated, where a batch has others."""


def _names(spelling: str) -> tuple[str, str, str]:
    short = re.fullmatch(r"w([0-9]+)a([0-9]+)(?:kv([0-9]+))?", spelling)
    if short:
        known = {str(width): width for width in _SHORTHAND}
        unknown = [g for g in short.groups() if g and g.lstrip("0") not in known]
        if unknown:
            raise ValueError(f"precision {spelling!r}: widths must be among {sorted(_SHORTHAND)}, got {unknown[0]}")
        widths = [known[g.lstrip("0")] if g else None for g in short.groups()]
        weight, activation, kv = (_SHORTHAND[w] if w is not None else None for w in widths)
        return str(weight), str(activation), kv or _kv_beside(str(activation))
    alone = re.fullmatch(r"w([0-9]{1,2})", spelling)
    if alone and int(alone[1]) in _SHORTHAND:
        width, both = int(alone[1]), f"{spelling}a{alone[1]}"
        raise ValueError(
            f"precision {spelling!r} says nothing of activations; did you mean {both}, {spelling}a16 or"
            f" {_SHORTHAND[width]} (which is both)?"
        )
    parts = spelling.split("/")
    if len(parts) == 1 and _like_a_format(spelling):
        parts = [spelling, spelling]
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"precision must be like w4a16, int8 or int4_g128/bf16[/fp8_e4m3], got {spelling!r}")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else _kv_beside(parts[1])


def _like_a_format(name: str) -> bool:
    """Whether it is a format's name; UnknownNameError where one is near."""
    try:
        get(name)
    except UnknownNameError as error:
        if error.near:
            raise
        return False
    return True


W32A32 = precision("w32a32")
W16A16 = precision("w16a16")
W8A16 = precision("w8a16")
W4A16 = precision("w4a16")
W8A8 = precision("w8a8")
W4A8 = precision("w4a8")
W4A4 = precision("w4a4")
