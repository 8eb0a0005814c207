"""Compare a synthesised netlist with what the formats say the unit computes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.design import Design
from profilers.fpga.netlist import Netlist
from profilers.fpga.ports import Ports, wrap
from profilers.fpga.simulate import simulate
from profilers.fpga.stimuli import packed, stimuli
from profilers.fpga.verilog import ports, unit


class MismatchError(ValueError):
    """A netlist that computes something else than its formats say."""


def verify(design: Design, circuit: Netlist, seed: int = 0) -> int:
    """Return how many outputs were compared; MismatchError names the first that differs."""
    inputs = stimuli(design, seed)
    return compared(design, inputs, simulate(circuit, packed(ports(design), inputs)))


def compared(design: Design, inputs: dict[str, NDArray[Any]], simulated: dict[str, NDArray[Any]]) -> int:
    """Return how many outputs of a simulation were compared; MismatchError names the first that differs."""
    face, expected = ports(design), expect(design, inputs)
    wrong = different(face, simulated, expected)
    if face.fmt is None:
        flagged = simulated["invalid"].astype(bool)
        wrong |= flagged != (unit(design).reference(design, inputs) == None)  # noqa: E711  elementwise
    if wrong.any():
        step, vector = np.argwhere(wrong)[0]
        operands = {name: codes[step, vector].tolist() for name, codes in inputs.items()}
        got = face.read(simulated["y"])[step, vector]
        raise MismatchError(f"{design.name}: {operands} gave {got}, expected {expected[step, vector]}")
    return int(wrong.size)


def expect(design: Design, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """What y means by cycle and vector: the unit's reference, summed since the first cycle where it accumulates."""
    face = ports(design)
    found: NDArray[Any] = unit(design).reference(design, inputs)
    if not face.accumulates:
        return found
    sums = np.empty(found.shape, dtype=object)
    sums[0] = found[0]
    for step in range(1, len(found)):
        pairs = zip(sums[step - 1], found[step], strict=True)
        sums[step] = [None if x is None or y is None else x + y for x, y in pairs]
    return wrap(sums, face.bits, signed=face.signed)


def different(face: Ports, simulated: dict[str, NDArray[Any]], expected: NDArray[Any]) -> NDArray[np.bool_]:
    """Where y is wrong; it counts for nothing where the reference leaves it open."""
    got = face.read(simulated["y"])
    if face.fmt is not None:
        return np.asarray(~((got == expected) | (np.isnan(got) & np.isnan(expected))))
    return np.asarray((got != expected) & (expected != None))  # noqa: E711  elementwise
