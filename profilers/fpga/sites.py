"""LUT6 sites of a mapped netlist: one a carry bit, one a LUT that no carry bit takes in.

A site holds a LUT6, or two LUT5 that share their inputs, in front of one carry bit (AMD, 7 Series FPGAs Configurable
Logic Block, UG474): the LUT that drives a carry bit's select lies in the bit's own site, and so does the one that
drives its data if both together read at most five nets. Yosys' `stat` counts the latter twice. Two small LUTs of
general logic are not paired into one site here, which placers do where it helps: that needs a placement.
"""

from dataclasses import dataclass

from profilers.fpga.netlist import CarryBit, Net, Netlist, Table
from profilers.fpga.simulate import ordered

SHARED_INPUTS = 5
"""Nets that the two halves of one LUT may read together."""


@dataclass(frozen=True)
class Counts:
    """What a netlist takes; `levels` are LUTs on the longest path, a whole carry chain adding none."""

    sites: int
    carry_bits: int
    lut: int
    mux: int
    ff: int
    levels: int


def count(circuit: Netlist) -> Counts:
    """Count a netlist's sites, carries, raw LUT and multiplexer cells, flip-flops and logic levels."""
    luts = {table.output: table for table in circuit.tables if table.kind == "lut"}
    general = set(luts) - absorbed(circuit.carries, luts)
    return Counts(
        sites=len(circuit.carries) + len(general),
        carry_bits=len(circuit.carries),
        lut=len(luts),
        mux=sum(table.kind == "mux" for table in circuit.tables),
        ff=len(circuit.flops),
        levels=levels(circuit, luts),
    )


def absorbed(carries: tuple[CarryBit, ...], luts: dict[Net, Table]) -> set[Net]:
    """Outputs of the LUTs that lie in a carry bit's site."""
    taken: set[Net] = set()
    for bit in carries:
        select = luts.get(bit.select)
        reads = set(select.inputs) if select else {bit.select}
        if select:
            taken.add(bit.select)
        data = luts.get(bit.data)
        if data and len(_wires(reads | set(data.inputs))) <= SHARED_INPUTS:
            taken.add(bit.data)
    return taken


def _wires(nets: set[Net]) -> set[Net]:
    return {net for net in nets if isinstance(net, int)}


def levels(circuit: Netlist, luts: dict[Net, Table]) -> int:
    """LUTs on the longest path between inputs, registers and outputs; a select without a LUT passes through one."""
    depth: dict[Net, int] = {}
    for table in ordered(circuit):
        below = [depth.get(net, 0) for net in table.inputs]
        if table.kind in ("sum", "carry"):
            select = table.inputs[0] if table.kind == "sum" else table.inputs[2]
            below.append(depth.get(select, 0) + (select not in luts))
        depth[table.output] = max(below, default=0) + (table.kind == "lut")
    return max(depth.values(), default=0)
