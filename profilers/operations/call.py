"""Calls of networks as rows of the table of operations: an op's counts, and its builder for a device."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from costmodel.estimators.operation_kind import named
from costmodel.estimators.operation_model import SIZES, sizes
from costmodel.hardware import Cpu, Gpu
from costmodel.workload import Op
from profilers.call import Call
from profilers.timing import Work

Build = Callable[[Any, str, int], list[Work]]
"""(torch dtype, device, copies of the weights) -> the pieces of work."""

CALL_S = 3e-6
"""Seconds added to the roofline, so that the smallest calls are not thousands of times off it."""


def call(math: str, op: Op, build: Build, device: Cpu | Gpu, where: str) -> Call:
    """The row to measure for one op in the format that `math` ends with; `where` is torch's device."""
    kind = named(math)
    shape = tuple(float(x) for x in sizes(op))
    flops, moved = 2.0 * float(op.macs), float(op.input_elements + op.output_elements) * kind.activation_bytes
    weight_bytes = float(op.weight_elements * op.weight_reads) * kind.weight_bytes
    busy_s = [flops / device.peak_flops.of(kind.pipe), (moved + weight_bytes) / device.memory_bytes_per_s]
    least_s = CALL_S + float(np.nanmax(busy_s))
    columns = dict(zip(SIZES, shape, strict=True))
    return Call("operation", math, columns, shape, weight_bytes, least_s, partial(_built, build, kind.pipe, where))


def _built(build: Build, pipe: str, where: str, copies: int) -> list[Work]:
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}[pipe]
    return build(dtype, where, copies)
