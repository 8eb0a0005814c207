"""LUT6 sites of any arithmetic circuit: its parts times constants fitted on synthesis."""

from collections.abc import Mapping
from functools import cache
from types import ModuleType

import numpy as np

from costmodel.catalog import modules, require
from costmodel.estimators.fpga import circuits
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.formats import Format
from costmodel.record import Real

NONE = Format("none", 1)
"""Stands where a circuit has no such format."""


@cache
def catalog() -> dict[str, ModuleType]:
    """The circuits by name: one file each."""
    return modules(circuits)


def circuit_parts(
    circuit: str, *, a: Format = NONE, b: Format = NONE, n: Real = 1, acc_bits: Real = 0, out: Format = NONE
) -> dict[str, Real]:
    """The parts of a circuit; UnknownNameError lists near names."""
    module = catalog()[require("circuit", circuit, catalog())]
    found: dict[str, Real] = module.parts(a, b, n=n, acc_bits=acc_bits, out=out)
    return found


def circuit_sites(circuit: str, counted: Mapping[str, Real], constants: Mapping[str, float] | None = None) -> Real:
    """Sites of what `circuit_parts` counted, by the circuit's calibration or other constants; at least 1."""
    factors = constants if constants is not None else calibration(circuit).constants
    return np.maximum(sum(factors[name] * part for name, part in counted.items()), 1.0)
