"""Products with packed narrow weights on a GPU, by the kernels of this folder on PyTorch's memory (through DLPack)."""

from functools import partial
from typing import Any

from costmodel import formats
from profilers.gpu import raw_kernels
from profilers.timing import Work

GROUP = 128
"""Weights along k that share a scale, as in most published 4-bit checkpoints (AWQ, arXiv 2306.00978, section 5.1)."""

FUSED_ROWS = 16
"""Rows up to which weights are decoded within the product; with more, once in memory for the library's product."""


def product(fmt: str, m: int, n: int, k: int, where: str, copies: int) -> list[Work]:
    """Pieces of work, one a copy of the weights: fused for few rows of x, else dequantised and multiplied in bf16."""
    import torch

    words = -(-n * k * formats.get(fmt).bits // 32) + 1
    x = torch.randn(m, k, dtype=torch.bfloat16, device=where)
    scales = torch.rand(n, -(-k // GROUP), device=where) + 0.5
    stored = torch.randint(-(2**31), 2**31, (copies, words), dtype=torch.int64, device=where).to(torch.int32)
    y, wide = (torch.empty(shape, dtype=torch.bfloat16, device=where) for shape in ((m, n), (n, k)))

    def fused(packed: Any) -> None:
        with _on_stream():
            raw_kernels.weight_only(_bits(x), _words(packed), _array(scales), _bits(y), fmt, GROUP)

    def apart(packed: Any) -> Any:
        with _on_stream():
            raw_kernels.dequantise(_words(packed), _array(scales), _bits(wide), fmt, GROUP)
        return torch.mm(x, wide.t())

    return [partial(fused if m <= FUSED_ROWS else apart, packed) for packed in stored]


def _on_stream() -> Any:
    import cupy
    import torch

    return cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream)


def _array(tensor: Any) -> Any:
    import cupy

    return cupy.from_dlpack(tensor)


def _bits(tensor: Any) -> Any:
    import torch

    return _array(tensor.view(torch.int16)).view("uint16")


def _words(tensor: Any) -> Any:
    return _array(tensor).view("uint32")
