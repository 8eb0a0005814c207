"""Sustained rates of this machine: matrix products and memory copies by PyTorch, on the threads that it uses."""

import math
import time
from collections.abc import Callable
from typing import Any

SIDES = (256, 512, 1024, 2048, 4096)
"""Sides of the square products tried in turn; the last is used, or the first that takes PROBE_SHARE of the time."""

PROBE_SHARE = 1 / 32
LEAST_RUNS = 3


def matmul_flops_per_s(pipe: str, seconds: float) -> tuple[float, int]:
    """The rate of square products in fp32, bf16 or int8, and their side; nan where PyTorch has no kernel."""
    rate = math.nan
    for side in SIDES:
        product = _product(pipe, side)
        if product is None:
            break
        if side == SIDES[-1] or fastest_s(product, 0.0) > seconds * PROBE_SHARE:
            rate = 2.0 * side**3 / fastest_s(product, seconds / 2)
            break
    return rate, side


def copy_bytes_per_s(size: int, seconds: float) -> float:
    """The rate of copying `size` bytes, each counted as read once and written once."""
    import torch

    source, target = torch.ones(size, dtype=torch.uint8), torch.zeros(size, dtype=torch.uint8)
    return 2.0 * size / fastest_s(lambda: target.copy_(source), seconds)


def fastest_s(work: Callable[[], Any], seconds: float) -> float:
    """The time of the fastest run, as STREAM takes it: whatever else the machine does can only add to a run.

    At least LEAST_RUNS after one to warm up, and as many as the time allows.
    """
    work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


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
