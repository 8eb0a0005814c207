"""The CUDA kernels of this folder: their sources, and how they are built and launched through CuPy."""

from functools import cache
from pathlib import Path
from typing import Any

from costmodel import formats
from costmodel.formats import Format

FOLDER = Path(__file__).parent / "kernels"

SPECIALS = {"": 0, "ieee": 1, "fn": 2, "fnuz": 3}

WARPS = 4
"""Warps a block of the fused product: four columns of the result."""

ROWS = 8
"""Rows of the activation that one warp multiplies at a time, as weight_only.cu says."""


def source(name: str) -> str:
    """The whole source of a kernel file: what it shares with the others, and its own."""
    return (FOLDER / "decode.h").read_text() + (FOLDER / f"{name}.cu").read_text()


def format_arguments(fmt: Format) -> tuple[int, int, int, int, int]:
    """Width, exponent bits, mantissa bits, bias and special of a weight format; ValueError for one that is neither."""
    if fmt.encoding == "integer" and fmt.signed and 2 <= fmt.bits <= 8:
        return fmt.bits, 0, 0, 0, 0
    if fmt.encoding == "minifloat" and fmt.bits <= 8 and fmt.special in SPECIALS:
        return fmt.bits, fmt.exponent_bits, fmt.mantissa_bits, fmt.bias, SPECIALS[fmt.special]
    raise ValueError(f"weights are signed integers of 2 to 8 bits or minifloats up to 8 bits, got {fmt.name}")


def weight_only(x: Any, words: Any, scales: Any, y: Any, fmt: str, group: int) -> None:
    """y[m, n] = x[m, k] . w[n, k] on CuPy arrays: x, y bf16 as uint16, words uint32, scales float32[n, k / group]."""
    (m, k), n = x.shape, y.shape[1]
    grid = (-(-n // WARPS), -(-m // ROWS))
    shape = (*map(_int32, (m, n, k, group)), *map(_int32, format_arguments(formats.get(fmt))))
    _kernel("weight_only")(grid, (32, WARPS), (x, words, scales, y, *shape))


def dequantise(words: Any, scales: Any, out: Any, fmt: str, group: int) -> None:
    """out[n, k] = w[n, k] in bf16 (uint16), from packed words and scales as for weight_only."""
    import numpy as np

    n, k = out.shape
    shape = (np.int64(n), *map(_int32, (k, group)), *map(_int32, format_arguments(formats.get(fmt))))
    blocks = min(-(-n * k // 256), 65535)
    _kernel("dequantise")((blocks,), (256,), (words, scales, out, *shape))


def _int32(value: int) -> Any:
    import numpy as np

    return np.int32(value)


@cache
def _kernel(name: str) -> Any:
    import cupy

    return cupy.RawKernel(source(name), name)
