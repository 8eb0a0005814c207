"""What there is to measure on a CPU: the library calls that networks make, family by family and format by format."""

import numpy as np

from costmodel.estimators.operation_kind import KINDS
from costmodel.hardware import Cpu
from profilers.call import Call
from profilers.operations.call import call
from profilers.operations.draw import draw

OF_A_FAMILY = 300
"""Candidates of a family and format, of which the sweep picks."""


def calls(cpu: Cpu, *, seed: int = 0, count: int = OF_A_FAMILY) -> list[Call]:
    """`count` candidates of every family in every format that the processor was found to multiply."""
    rng = np.random.default_rng(seed)
    found: dict[object, Call] = {}
    for math in KINDS:
        family, pipe = math.rsplit("_", 1)
        if cpu.peak_flops.of(pipe) > 0:
            for _ in range(count):
                one = call(math, *draw(family, rng), cpu, "cpu")
                found[one.key] = one
    return list(found.values())
