"""What there is to measure on a GPU, kind by kind."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from costmodel.estimators import gemm_kind, operation_kind
from costmodel.hardware import Gpu
from profilers.call import Call
from profilers.gpu import attention, products, rates
from profilers.operations.call import call
from profilers.operations.draw import draw

OF_A_KIND = 600
"""Candidates of a kind of product or attention, of which the sweep picks."""

OF_A_FAMILY, SCALE = 200, 16.0
"""Candidates of a family of library calls, and how much larger than a CPU's they are."""

PIPES = ("fp32", "bf16")


def calls(gpu: Gpu, *, seed: int = 0, where: str = "cuda") -> list[Call]:
    """Every candidate: products of the kinds whose pipe the GPU has, attention, library calls, rates."""
    rng = np.random.default_rng(seed)
    found: list[Call] = list(rates.calls(gpu, where))
    for math in products.BUILDS:
        if gpu.peak_flops.of(gemm_kind.named(math).pipe) > 0:
            found += _unique([products.draw(math, gpu, rng, where) for _ in range(OF_A_KIND)])
    if gpu.peak_flops.bf16 > 0:
        for phase, cache in product(attention.PHASES, attention.CACHES):
            found += _unique([attention.draw(phase, gpu, rng, where, cache=cache) for _ in range(OF_A_KIND)])
    for math in operation_kind.KINDS:
        family, pipe = math.rsplit("_", 1)
        if pipe in PIPES and family != "linear" and gpu.peak_flops.of(pipe) > 0:
            drawn = [draw(family, rng, SCALE) for _ in range(OF_A_FAMILY)]
            found += _unique([call(math, op, build, gpu, where) for op, build in drawn])
    return found


def _unique(drawn: Sequence[Call]) -> list[Call]:
    return list({one.key: one for one in drawn}.values())
