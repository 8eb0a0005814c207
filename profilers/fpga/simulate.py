"""Run a mapped netlist on many input vectors at once: 64 vectors to a machine word, a few numpy operations a LUT.

Checking the netlist that is counted needs no simulator, and checks the mapping too.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.netlist import Flop, Net, Netlist, Table

Words: TypeAlias = NDArray[np.uint64]

_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def simulate(circuit: Netlist, stimuli: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the codes [steps, vectors] of every output port after each clock edge, as Python integers.

    stimuli: codes [steps, vectors] of every input port, integers of the port's whole width; ports without any are 0.
    Registers start at 0. ValueError where the netlist has a combinational loop.
    """
    order = ordered(circuit)
    steps, vectors = next(iter(stimuli.values())).shape
    state: dict[Net, Words] = {flop.output: np.zeros(_words(vectors), np.uint64) for flop in circuit.flops}
    collected: dict[str, list[NDArray[Any]]] = {name: [] for name in circuit.outputs}
    for step in range(steps):
        driven = _drive(circuit, stimuli, step, vectors)
        settled = _settle(order, driven | state, vectors)
        state = {flop.output: _next(flop, settled) for flop in circuit.flops}
        if state:
            settled = _settle(order, driven | state, vectors)
        for name, bits in circuit.outputs.items():
            collected[name].append(_codes([settled[bit] for bit in bits], vectors))
    return {name: np.stack(rows) for name, rows in collected.items()}


def ordered(circuit: Netlist) -> list[Table]:
    """The combinational nodes, each after those that drive it."""
    drivers = {table.output: table for table in circuit.tables}
    graph = {output: [net for net in table.inputs if net in drivers] for output, table in drivers.items()}
    try:
        return [drivers[net] for net in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ValueError(f"the netlist has a combinational loop of {len(error.args[1])} nodes") from None


def _words(vectors: int) -> int:
    return -(-vectors // 64)


def _drive(circuit: Netlist, stimuli: Mapping[str, NDArray[Any]], step: int, vectors: int) -> dict[Net, Words]:
    size = _words(vectors)
    nets: dict[Net, Words] = {
        "0": np.zeros(size, np.uint64), "x": np.zeros(size, np.uint64), "1": np.full(size, _ONES),
    }  # fmt: skip
    for name, bits in circuit.inputs.items():
        codes = stimuli.get(name)
        for i, net in enumerate(bits):
            nets[net] = nets["0"] if codes is None else _pack((codes[step] >> i) & 1, size)
    return nets


def _pack(bits: NDArray[Any], size: int) -> Words:
    padded = np.zeros(size * 64, np.uint8)
    padded[: len(bits)] = bits.astype(np.uint8)
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def _codes(bits: list[Words], vectors: int) -> NDArray[Any]:
    """Python integers of the vectors, the first of `bits` lowest."""
    total = np.zeros(vectors, dtype=object)
    for start in range(0, len(bits), 32):
        part = np.zeros(vectors, np.int64)
        for i, words in enumerate(bits[start : start + 32]):
            unpacked = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")[:vectors]
            part |= unpacked.astype(np.int64) << i
        total += part.astype(object) << start
    return total


def _settle(order: list[Table], known: dict[Net, Words], vectors: int) -> dict[Net, Words]:
    nets = dict(known)
    for table in order:
        inputs = [nets[net] for net in table.inputs]
        nets[table.output] = _look_up(table.table, inputs, _words(vectors))
    return nets


def _look_up(table: int, inputs: list[Words], size: int) -> Words:
    """Shannon's expansion over the last input, cut short where a half is constant, equal or opposite to the other."""
    rows = 1 << len(inputs)
    every = (1 << rows) - 1
    if table in (0, every):
        return np.full(size, _ONES if table else 0, np.uint64)
    half = rows >> 1
    mask = (1 << half) - 1
    low, high, last, rest = table & mask, table >> half, inputs[-1], inputs[:-1]
    if low == high:
        return _look_up(low, rest, size)
    below = _look_up(low, rest, size)
    if high == low ^ mask:
        return below ^ last
    above = _look_up(high, rest, size)
    return below ^ ((below ^ above) & last)


def _next(flop: Flop, nets: Mapping[Net, Words]) -> Words:
    enable, reset, before = nets[flop.enable], nets[flop.reset], nets[flop.output]
    loaded = (nets[flop.data] & enable) | (before & ~enable)
    return (loaded & ~reset) | (reset if flop.reset_value else np.zeros_like(reset))
