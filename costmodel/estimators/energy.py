"""Energy of arithmetic and memory traffic, from published energies of single operations.

Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, doi 10.1109/ISSCC.2014.6757323 (45 nm),
and Jouppi et al., Ten Lessons From Three Generations Shaped Google's TPUv4i, ISCA 2021, doi
10.1109/ISCA52012.2021.00010, table 2 (the same operations at 7 nm, and DRAM by technology). Arithmetic and DRAM alone:
register files, caches, instruction control, clocks, leakage and idle power are left out, so that the sum ranks options
and is no prediction of a power meter.
"""

from collections.abc import Mapping

import numpy as np

from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.traffic import bytes_moved
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import PIPES, Precision
from costmodel.record import Real
from costmodel.workload import Op

NODES_M = (45e-9, 7e-9)
"""Process nodes of the tables; between them energies follow a power law, outside them the nearer one's values hold."""

MULTIPLY_J = {
    "fp32": (3.7e-12, 1.31e-12), "fp16": (1.1e-12, 0.34e-12), "bf16": (1.1e-12 * (8 / 11) ** 2, 0.21e-12),
    "int8": (0.2e-12, 0.07e-12),
}  # fmt: skip
"""One multiplication at 45 nm and at 7 nm; bf16 has no published value at 45 nm, here fp16's by the rule below."""

ADD_J = {"fp32": (0.9e-12, 0.38e-12), "int32": (0.1e-12, 0.03e-12)}
"""One addition at 45 nm and at 7 nm."""

SIGNIFICAND_BITS = {
    "fp64": 53, "fp32": 24, "tf32": 11, "fp16": 11, "bf16": 8, "fp8": 4, "fp6": 4, "fp4": 2, "int8": 8, "int4": 4,
}  # fmt: skip
"""Bits that a pipe multiplies, the implicit one included and the widest layout where it takes several."""

MEMORY_J_PER_BYTE = {"HBM": 350e-12 / 8, "GDDR": 415e-12 / 8, "DDR": 1300e-12 / 8}
"""DRAM energy, the middle of the range given for 64 bits: HBM2 250-450 pJ, GDDR6 350-480 pJ, DDR4 1300 pJ.

Later generations of a family take its value; LPDDR is not in the table and has none.
"""


FACTOR = 10.0
"""How many times more, or less, a meter may read: a judgement, an order of magnitude, checked by no measurement."""

SOURCE = "published energies"
"""What is said of where such an energy is from."""


def multiply_j(pipe: str) -> tuple[float, float]:
    """Energy of one multiplication of a math pipe at NODES_M; without a published value, by the square of its bits.

    Floats scale from fp16 (fp64 from fp32), int4 from int8. For bf16 at 7 nm that rule gives 0.18 pJ, the table 0.21.
    """
    if pipe in MULTIPLY_J:
        return MULTIPLY_J[pipe]
    near = "int8" if pipe.startswith("int") else "fp32" if pipe == "fp64" else "fp16"
    ratio = (SIGNIFICAND_BITS[pipe] / SIGNIFICAND_BITS[near]) ** 2
    old, new = MULTIPLY_J[near]
    return old * ratio, new * ratio


def mac_j(pipe: Real, process_m: Real) -> Real:
    """Energy of one multiply-accumulate of a math pipe, summed in fp32, or in int32 on an integer pipe."""
    costs = {name: (multiply_j(name), ADD_J["int32" if name.startswith("int") else "fp32"]) for name in PIPES}
    return _select({name: sum(at_node(*c, process_m=process_m) for c in cost) for name, cost in costs.items()}, pipe)


def vector_j(process_m: Real) -> Real:
    """Energy of one fp32 operation outside the matrix units: the mean of an addition and a multiplication."""
    return (at_node(*ADD_J["fp32"], process_m=process_m) + at_node(*MULTIPLY_J["fp32"], process_m=process_m)) / 2


def at_node(old_j: float, new_j: float, *, process_m: Real) -> Real:
    """Interpolate between the energies at NODES_M, linear in logarithms; nan where the node is not known."""
    old_m, new_m = NODES_M
    node = np.minimum(np.maximum(process_m, new_m), old_m)
    return new_j * (node / new_m) ** (np.log(old_j / new_j) / np.log(old_m / new_m))


def energy_j(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """Energy of an op's multiply-accumulates, vector arithmetic and DRAM traffic; arguments broadcast.

    nan where the device's process node is not known or its memory not in the tables.
    """
    pipe = np.where(op.weight_elements > 0, precision.math_pipe, attention_pipe(precision, device))
    arithmetic = op.executed_macs * mac_j(pipe, device.process_m)
    vector = op.count * op.vector_flops * vector_j(device.process_m)
    return arithmetic + vector + dram_j(bytes_moved(op, precision), device)


def columns(op: Op, precision: Precision, device: Gpu | Cpu) -> dict[str, Real]:
    """Columns `energy_j`, `energy_low_j`, `energy_high_j` (FACTOR either way) and `energy_source`."""
    found = energy_j(op, precision, device)
    told = {"energy_j": found, "energy_low_j": found / FACTOR, "energy_high_j": found * FACTOR}
    return told | {"energy_source": np.array(SOURCE)}


def lacking(device: Gpu | Cpu) -> tuple[str, ...]:
    """What energies need of a device that its file does not tell, or not as the tables name it."""
    found = []
    if not np.isfinite(device.process_m):
        found.append("process_m (such as 7e-9, metres)")
    if str(device.memory_kind) not in MEMORY_J_PER_BYTE:
        found.append(f"memory_kind ({', '.join(MEMORY_J_PER_BYTE)})")
    return tuple(found)


def dram_j(moved_bytes: Real, device: Gpu | Cpu) -> Real:
    """Energy of bytes moved to or from DRAM; nan where the device's memory is not in the table."""
    return moved_bytes * _select(MEMORY_J_PER_BYTE, device.memory_kind)


def _select(values: Mapping[str, Real], name: Real) -> Real:
    """The value of that name, or of an array of names; nan for a name without one."""
    names = np.asarray(name)
    return np.select(*_broadcast([names == key for key in values], list(values.values())), default=np.nan)


def _broadcast(conditions: list[Real], choices: list[Real]) -> tuple[list[Real], list[Real]]:
    shaped = np.broadcast_arrays(*conditions, *choices)
    return list(shaped[: len(conditions)]), list(shaped[len(conditions) :])
