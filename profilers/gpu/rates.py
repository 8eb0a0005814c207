"""Bandwidth by size and the cost of a launch: what the plateaus of DRAM and L2 are, and what nothing costs."""

from functools import partial
from typing import Any

from costmodel.hardware import Gpu
from profilers.call import Call
from profilers.timing import Work

SIZES = tuple(2**p for p in range(12, 33))
"""Bytes of the arrays that are copied: from a page to 4 GiB."""


def calls(gpu: Gpu, where: str = "cuda") -> list[Call]:
    """Copies of every size that fits a quarter of the memory, reads (a sum), and an empty launch."""
    found = [Call("rate", "launch", {"bytes": 0.0}, (0.0,), 0.0, 2e-6, partial(_launch, where))]
    for size in SIZES:
        if size <= gpu.memory_bytes / 4:
            least_s = 2e-6 + size / gpu.memory_bytes_per_s
            moved = {"copy": 2.0 * size, "read": float(size)}
            for math, build in (("copy", _copy), ("read", _read)):
                columns = {"bytes": moved[math]}
                found.append(Call("rate", math, columns, (float(size),), 0.0, least_s, partial(build, size, where)))
    return found


def _copy(size: int, where: str, _copies: int) -> list[Work]:
    import torch

    source, target = (torch.ones(size // 4, dtype=torch.float32, device=where) for _ in range(2))
    return [lambda: target.copy_(source)]


def _read(size: int, where: str, _copies: int) -> list[Work]:
    import torch

    source = torch.ones(size // 4, dtype=torch.float32, device=where)
    return [source.sum]


def _launch(where: str, _copies: int) -> list[Work]:
    import torch

    one: Any = torch.ones(1, device=where)
    return [lambda: one.add_(1.0)]
