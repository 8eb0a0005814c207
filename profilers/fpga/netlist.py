"""A mapped netlist as lookup tables, carry bits and flip-flops: what a Yosys JSON file says of one module.

Primitives: AMD, 7 Series FPGAs Configurable Logic Block (UG474) and UltraScale Architecture Configurable Logic Block
(UG574): a carry bit gives S ^ C and S ? C : DI.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Net: TypeAlias = int | str
"""A wire's number, or a constant "0", "1" or "x"."""

_XOR, _MUX, _NOT = 0b0110, 0b11001010, 0b01  # of (S, C); of (DI, C, S) and (I0, I1, S): input 0 indexes the lowest bit
_MUXES = ("MUXF7", "MUXF8", "MUXF9")
_CARRIES = ("CARRY4", "CARRY8")


@dataclass(frozen=True)
class Table:
    """A combinational node: bit i of `table` is the output for the inputs that spell i, the first one lowest."""

    kind: str
    inputs: tuple[Net, ...]
    table: int
    output: Net


@dataclass(frozen=True)
class CarryBit:
    """One used bit of a carry chain: something reads its sum or its carry, or those of a bit above it in its block."""

    select: Net
    data: Net
    sum: Net
    carry: Net


@dataclass(frozen=True)
class Flop:
    """A flip-flop with clock enable and synchronous reset to `reset_value`."""

    data: Net
    enable: Net
    reset: Net
    output: Net
    reset_value: int


@dataclass(frozen=True)
class Netlist:
    """One module: ports by name as nets, lowest bit first; nodes in no particular order; cells counted by type."""

    inputs: Mapping[str, tuple[Net, ...]]
    outputs: Mapping[str, tuple[Net, ...]]
    tables: tuple[Table, ...]
    carries: tuple[CarryBit, ...]
    flops: tuple[Flop, ...]
    cells: Mapping[str, int]


def netlist(module: Mapping[str, Any]) -> Netlist:
    """Read one module of a Yosys JSON; ValueError on a cell that is none of those that synthesis should leave."""
    ports = module["ports"]
    inputs, outputs = (
        {name: tuple(p["bits"]) for name, p in ports.items() if p["direction"] == way} for way in ("input", "output")
    )
    read = _read(module, outputs)
    tables: list[Table] = []
    carries: list[CarryBit] = []
    flops: list[Flop] = []
    counts: dict[str, int] = {}
    for cell in module["cells"].values():
        kind = cell["type"]
        counts[kind] = counts.get(kind, 0) + 1
        if kind in _CARRIES:
            bits, nodes = _carry(cell, read)
            carries += bits
            tables += nodes
        elif kind in ("FDRE", "FDSE"):
            flops.append(_flop(cell))
        else:
            tables.append(_table(cell))
    return Netlist(inputs, outputs, tuple(tables), tuple(carries), tuple(flops), counts)


def _read(module: Mapping[str, Any], outputs: Mapping[str, tuple[Net, ...]]) -> set[Net]:
    """The nets that some cell or output port reads."""
    read = {bit for bits in outputs.values() for bit in bits}
    for cell in module["cells"].values():
        ways = cell["port_directions"]
        read.update(bit for name, bits in cell["connections"].items() if ways[name] == "input" for bit in bits)
    return read


def _table(cell: Mapping[str, Any]) -> Table:
    kind, wires = cell["type"], {name: bits[0] for name, bits in cell["connections"].items()}
    if kind.startswith("LUT") and kind[3:].isdigit():
        inputs = tuple(wires[f"I{i}"] for i in range(int(kind[3:])))
        return Table("lut", inputs, number(cell["parameters"]["INIT"]), wires["O"])
    if kind == "INV":
        return Table("lut", (wires["I"],), _NOT, wires["O"])
    if kind in _MUXES:
        return Table("mux", (wires["I0"], wires["I1"], wires["S"]), _MUX, wires["O"])
    raise ValueError(f"synthesis left a cell {kind!r}, expected LUTs, carries and flip-flops")


def _carry(cell: Mapping[str, Any], read: set[Net]) -> tuple[list[CarryBit], list[Table]]:
    wires = cell["connections"]
    width = int(cell["type"][5:])
    sums, carried = wires.get("O", [None] * width), wires.get("CO", [None] * width)
    last = max((i for i in range(width) if sums[i] in read or carried[i] in read), default=-1)
    carry = _first(wires.get("CI", ["0"])[0], wires.get("CYINIT", ["0"])[0])
    if "DUAL" in str(cell["parameters"]):
        raise ValueError(f"a carry block is split in two: {cell['parameters']}")
    bits, tables = [], []
    for i in range(last + 1):
        select, data = wires["S"][i], wires["DI"][i]
        bits.append(CarryBit(select, data, sums[i], carried[i]))
        tables += [
            Table("sum", (select, carry), _XOR, sums[i]),
            Table("carry", (data, carry, select), _MUX, carried[i]),
        ]
        carry = carried[i]
    return bits, tables


def _first(chained: Net, initial: Net) -> Net:
    """The carry into a block: from the block below, or an initial value; never both."""
    if chained in ("0", "x"):
        return initial
    if initial not in ("0", "x"):
        raise ValueError(f"a carry block has two carries in, {chained} and {initial}")
    return chained


def _flop(cell: Mapping[str, Any]) -> Flop:
    wires, parameters = {name: bits[0] for name, bits in cell["connections"].items()}, cell["parameters"]
    inverted = [name for name, value in parameters.items() if name.startswith("IS_") and number(value)]
    if inverted:
        raise ValueError(f"a flip-flop has inverted inputs: {inverted}")
    reset = cell["type"] == "FDSE"
    return Flop(wires["D"], wires["CE"], wires["S" if reset else "R"], wires["Q"], int(reset))


def number(binary: str) -> int:
    """A Yosys bit string as a number; undefined bits are 0."""
    return int(binary.replace("x", "0"), 2)
