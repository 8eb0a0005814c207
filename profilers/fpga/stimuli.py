"""Input vectors of a design: every one up to 16 input bits, else corner codes and random ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.codes import get
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.verilog import ports, unit

EXHAUSTIVE_BITS = 16
RANDOM_VECTORS = 1024
STEPS = 3
"""Cycles of a unit that accumulates: the first clears."""


def stimuli(design: Design, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Codes [steps, vectors, count] of every port; steps is 1 for a unit without an accumulator."""
    face = ports(design)
    rng = np.random.default_rng(seed)
    steps = STEPS if face.accumulates else 1
    rows = [_exhaustive(face, rng) if face.input_bits <= EXHAUSTIVE_BITS else _random(face, rng) for _ in range(steps)]
    inputs = {port.name: np.stack([row[port.name] for row in rows]) for port in face.inputs}
    arrange = getattr(unit(design), "arrange", None)
    inputs = arrange(design, inputs) if arrange else inputs
    return {name: _spelled(design, name, codes) for name, codes in inputs.items()}


def packed(face: Ports, inputs: Codes) -> dict[str, NDArray[Any]]:
    """Whole-port integers [steps, vectors], and `clear` where the unit accumulates."""
    words = {port.name: _joined(port, inputs[port.name]) for port in face.inputs}
    clear = np.zeros_like(next(iter(words.values())))
    clear[0] = 1
    return words | {"clear": clear}


def _joined(port: Input, codes: NDArray[Any]) -> NDArray[Any]:
    wide = codes.astype(object) if port.width > 62 else codes
    return sum((wide[..., i] << (port.bits * i) for i in range(1, port.count)), wide[..., 0])


def _exhaustive(face: Ports, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Every input once, in random order."""
    whole = rng.permutation(1 << face.input_bits)
    found, low = {}, 0
    for port in face.inputs:
        shifts = low + port.bits * np.arange(port.count)
        found[port.name] = (whole[:, None] >> shifts) & ((1 << port.bits) - 1)
        low += port.width
    return found


def _random(face: Ports, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    return {port.name: _codes(port, rng) for port in face.inputs}


def _codes(port: Input, rng: np.random.Generator) -> NDArray[Any]:
    """Uniform codes; in half of the vectors each one in two is a corner instead; numbers of few bits in a quarter."""
    shape = (RANDOM_VECTORS, port.count)
    top = (1 << port.bits) - 1
    middle = top >> 1
    candidates = {0, 1, 2, middle - 1, middle, middle + 1, top - 1, top}
    corners = np.array(sorted(code for code in candidates if 0 <= code <= top), dtype=object)
    uniform = rng.integers(0, 1 << 62, shape).astype(object)
    for _ in range(port.bits // 62):
        uniform = (uniform << 62) | rng.integers(0, 1 << 62, shape).astype(object)
    uniform &= top
    sizes = rng.integers(0, port.bits + 1, shape).astype(object)
    quarter = np.arange(RANDOM_VECTORS)[:, None] % 4
    codes = np.where(quarter == 3, uniform >> sizes, uniform)
    return np.where((quarter < 2) & (rng.random(shape) < 0.5), rng.choice(corners, shape), codes)


def _spelled(design: Design, port: str, codes: NDArray[Any]) -> NDArray[Any]:
    """The codes, those replaced by 0 that a codebook format does not have."""
    name = {"a": design.a_format, "b": design.b_format}.get(port, "")
    book = get(name).codebook if name else ()
    if not any(np.isnan(value) for value in book):
        return codes
    return np.where(np.isnan(np.array(book))[codes.astype(np.int64)], 0, codes)
