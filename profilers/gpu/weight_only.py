"""Products with packed narrow weights, by the kernels of this folder on PyTorch's memory (through DLPack).

On a CPU the same packed words are unpacked by PyTorch, which proves the flow and is no way to be fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from costmodel import formats
from profilers.gpu import raw_kernels
from profilers.timing import Work

GROUP = 128
"""Weights along k that share a scale, as in most published 4-bit checkpoints (AWQ, arXiv 2306.00978, section 5.1)."""

FUSED_ROWS = 16
"""Rows up to which weights are decoded within the product; with more, once in memory for the library's product."""

WORD_BITS = 32


@dataclass(frozen=True)
class Packed:
    """Weights [n, k] as torch int32 words and scales [n, k / GROUP]; `fmt` names their format."""

    words: Any
    scales: Any
    n: int
    k: int
    fmt: str

    def multiply(self, x: Any) -> Any:
        """x[m, k] in bf16 to y[m, n]: fused for few rows, else dequantised and multiplied in bf16."""
        import torch

        if x.device.type == "cpu":
            return torch.nn.functional.linear(x, self.unpacked().to(x.dtype))
        if x.shape[0] > FUSED_ROWS:
            wide = torch.empty(self.n, self.k, dtype=torch.bfloat16, device=x.device)
            with _on_stream():
                raw_kernels.dequantise(_words(self.words), _array(self.scales), _bits(wide), self.fmt, GROUP)
            return torch.mm(x, wide.t())
        y = torch.empty(x.shape[0], self.n, dtype=torch.bfloat16, device=x.device)
        with _on_stream():
            raw_kernels.weight_only(_bits(x), _words(self.words), _array(self.scales), _bits(y), self.fmt, GROUP)
        return y

    def unpacked(self) -> Any:
        """The weights [n, k] in fp32, of an integer format whose codes fill whole words."""
        import torch

        fmt = formats.get(self.fmt)
        if fmt.encoding != "integer" or WORD_BITS % fmt.bits:
            raise NotImplementedError(f"{self.fmt} is unpacked on a GPU alone")
        shifts = torch.arange(0, WORD_BITS, fmt.bits, device=self.words.device, dtype=torch.int32)
        codes = (self.words[:, None] >> shifts) & (2**fmt.bits - 1)
        signed = (codes ^ 2 ** (fmt.bits - 1)) - 2 ** (fmt.bits - 1)
        scales = self.scales.repeat_interleave(GROUP, dim=1)[:, : self.k]
        return signed.reshape(-1)[: self.n * self.k].view(self.n, self.k) * scales


def packed(fmt: str, n: int, k: int, where: str, copies: int) -> Sequence[Packed]:
    """Random weights, `copies` of them that share their scales."""
    import torch

    words = -(-n * k * formats.get(fmt).bits // WORD_BITS) + 1
    scales = torch.rand(n, -(-k // GROUP), device=where) + 0.5
    stored = torch.randint(-(2**31), 2**31, (copies, words), dtype=torch.int64, device=where).to(torch.int32)
    return [Packed(one, scales, n, k, fmt) for one in stored]


def product(fmt: str, m: int, n: int, k: int, where: str, copies: int) -> list[Work]:
    """Pieces of work, one a copy of the weights."""
    import torch

    x = torch.randn(m, k, dtype=torch.bfloat16, device=where)
    return [partial(weights.multiply, x) for weights in packed(fmt, n, k, where, copies)]


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
