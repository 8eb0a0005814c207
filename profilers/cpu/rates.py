"""Sustained rates of this machine: matrix products and memory copies by PyTorch, on the threads that it uses."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from profilers.timing import HostClock, Timing, measure

SIDES = (256, 512, 1024, 2048, 4096)
"""Sides of the square products: the first at which a run takes PROBE_SHARE of the time, else the last."""

PROBE_SHARE = 1 / 64
WANTED_S = 0.02
"""A run this long is as fast as larger ones, on any processor: a judgement."""


@dataclass(frozen=True)
class Rate:
    """A rate by the fastest run, what it was taken of, and the timing it comes from (None where there is no kernel).

    The fastest, as STREAM takes it: whatever else the machine does can only add to a run. `timing` tells the spread.
    """

    per_s: float
    of: str
    timing: Timing | None


def matmul_flops_per_s(pipe: str, seconds: float, clock: HostClock) -> Rate:
    """The rate of square products in fp32, bf16 or int8; nan where PyTorch has no kernel.

    The side is chosen by the fastest of a few runs: one that another process held up does not make it small.
    """
    found = None
    for side in SIDES:
        product = _product(pipe, side)
        if product is None:
            break
        probe = measure([product], clock, budget_s=seconds / 16)
        if found is not None and probe.least_s > seconds / 2:
            break
        found = (side, product, probe)
        if probe.least_s > min(WANTED_S, seconds * PROBE_SHARE):
            break
    if found is None:
        return Rate(math.nan, "", None)
    side, product, probe = found
    timing = measure([product], clock, budget_s=seconds / 2)
    least_s = min(timing.least_s, probe.least_s)
    return Rate(2.0 * side**3 / least_s, f"torch product of side {side}", timing)


def copy_bytes_per_s(size: int, seconds: float, clock: HostClock) -> Rate:
    """The rate of copying `size` bytes, each counted as read once and written once."""
    import torch

    source, target = torch.ones(size, dtype=torch.uint8), torch.zeros(size, dtype=torch.uint8)
    timing = measure([lambda: target.copy_(source)], clock, budget_s=seconds)
    return Rate(2.0 * size / timing.least_s, f"copy of {size} bytes, read once and written once", timing)


def _product(pipe: str, side: int) -> Callable[[], Any] | None:
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}[pipe]
    multiply = getattr(torch, "_int_mm", None) if pipe == "int8" else torch.mm
    if multiply is None:
        return None
    left, right = torch.ones(side, side, dtype=kind), torch.ones(side, side, dtype=kind)
    try:
        multiply(left, right)
    except RuntimeError:  # this build has no kernel for the type
        return None
    return lambda: multiply(left, right)
