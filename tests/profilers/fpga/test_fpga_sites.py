import numpy as np
import pytest

from profilers.fpga.netlist import Netlist, Table, netlist
from profilers.fpga.simulate import simulate
from profilers.fpga.sites import count


def cell(kind, inputs, output, init=""):
    ways = dict.fromkeys(inputs, "input") | dict.fromkeys(output, "output")
    return {
        "type": kind,
        "parameters": {"INIT": init} if init else {},
        "port_directions": ways,
        "connections": inputs | output,
    }


def lut(inputs, output, init):
    return cell(f"LUT{len(inputs)}", {f"I{i}": [net] for i, net in enumerate(inputs)}, {"O": [output]}, init)


def half_adder(select_inputs, shared=True):
    """Two bits of a carry chain whose selects are LUTs and whose data are ANDs, as in a row of a product."""
    extra = lut([2, 3], 40, "1000"), lut([2, 3] if shared else [20, 21], 41, "1000")
    rest = [0] * (len(select_inputs) - 2)
    selects = [lut(select_inputs, 50 + i, "01" * (1 << (len(select_inputs) - 1)) + "" * len(rest)) for i in range(2)]
    carry = cell(
        "CARRY4",
        {"CI": ["0"], "CYINIT": ["0"], "DI": [40, 41, "0", "0"], "S": [50, 51, "0", "0"]},
        {"O": [60, 61, 62, 63], "CO": [70, 71, 72, 73]},
    )
    ports = {
        "a": {"direction": "input", "bits": sorted({*select_inputs, 2, 3, 20, 21})},
        "y": {"direction": "output", "bits": [60, 61]},
    }
    return netlist({"ports": ports, "cells": dict(enumerate([*extra, *selects, carry]))})


def test_luts_of_a_carry_bit_lie_in_its_site():
    counts = count(half_adder([2, 3, 4, 5]))
    assert (counts.sites, counts.carry_bits, counts.lut) == (2, 2, 4)


def test_data_luts_that_share_too_few_inputs_take_a_site():
    assert count(half_adder([2, 3, 4, 5], shared=False)).sites == 3
    assert count(half_adder([2, 3, 4, 5, 6, 7])).sites == 4


def test_flip_flops_and_unknown_cells():
    flop = cell("FDRE", {"C": [2], "CE": ["1"], "D": [3], "R": [4]}, {"Q": [5]})
    ports = {
        "d": {"direction": "input", "bits": [3]},
        "r": {"direction": "input", "bits": [4]},
        "q": {"direction": "output", "bits": [5]},
    }
    circuit = netlist({"ports": ports, "cells": {"f": flop}})
    assert count(circuit).ff == 1
    stimuli = {"d": np.array([[1], [1], [0]]), "r": np.array([[0], [1], [0]])}
    assert simulate(circuit, stimuli)["q"].tolist() == [[1], [0], [0]]
    with pytest.raises(ValueError, match="left a cell 'DSP48E1'"):
        netlist({"ports": {}, "cells": {"d": cell("DSP48E1", {"A": [1]}, {"P": [2]})}})


@pytest.mark.parametrize("inputs", range(1, 7))
def test_look_up_tables_give_their_bits(inputs):
    rng = np.random.default_rng(inputs)
    for table in [0, (1 << (1 << inputs)) - 1, *(int.from_bytes(rng.bytes(8), "little") for _ in range(20))]:
        bits = table & ((1 << (1 << inputs)) - 1)
        node = Table("lut", tuple(range(2, 2 + inputs)), bits, 99)
        circuit = Netlist({"a": node.inputs}, {"y": (99,)}, (node,), (), (), {})
        codes = np.arange(1 << inputs)[None]
        assert simulate(circuit, {"a": codes})["y"].tolist() == [[bits >> i & 1 for i in range(1 << inputs)]]


def test_combinational_loops_are_named():
    loop = Table("lut", (2, 4), 0b0110, 3), Table("lut", (3, 2), 0b0110, 4)
    circuit = Netlist({"a": (2,)}, {"y": (4,)}, loop, (), (), {})
    with pytest.raises(ValueError, match="combinational loop"):
        count(circuit)
