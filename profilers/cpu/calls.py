"""What there is to measure on a CPU: the library calls that networks make, family by family and format by format."""

import numpy as np

from costmodel.estimators.operation_kind import DTYPES, FAMILIES, GRADIENTS, KINDS
from costmodel.hardware import Cpu
from profilers.call import Call
from profilers.operations.call import call
from profilers.operations.draw import draw

OF_A_FAMILY = 300
"""Candidates of a family and format, of which the sweep picks."""

NEEDED_FIRST = (
    "linear", "conv", "attention", "elementwise", "norm_statistics", "activation_gelu", "norm", "activation",
)  # fmt: skip
"""Families by what of a pass of ResNet-18, ViT-T and MiniLM they take: the most first, others after them."""

MOST_S = 0.2
"""Seconds of one run, by the measured rates, above which a call is no candidate: of a format without instructions of
its own a large one may take many."""


def calls(cpu: Cpu, *, seed: int = 0, count: int = OF_A_FAMILY) -> list[Call]:
    """At most `count` candidates of every family in every format that the processor was found to multiply.

    Format by format (fp32 first), and those families first that networks need most.
    """
    rng = np.random.default_rng(seed)
    found: dict[object, Call] = {}
    for math in sorted((name for name in KINDS if name.rsplit("_", 1)[0] not in GRADIENTS), key=_place):
        family, pipe = math.rsplit("_", 1)
        if cpu.peak_flops.of(pipe) > 0:
            for _ in range(count):
                one = call(math, *draw(family, rng), cpu, "cpu")
                if one.least_s <= MOST_S:
                    found[one.key] = one
    return list(found.values())


def _place(math: str) -> tuple[int, int]:
    family, pipe = math.rsplit("_", 1)
    return list(DTYPES).index(pipe), (*NEEDED_FIRST, *FAMILIES).index(family)
