"""Matrix products on a GPU in every kind that is measured: rows of the table of products (gemm_table)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from costmodel.estimators import gemm_kind
from costmodel.hardware import Gpu
from profilers.call import Call
from profilers.gpu import weight_only
from profilers.timing import Work

MS = (1, 2, 4, 8, 16, 17, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
SIDES = (128, 256, 512, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 5120, 6144, 8192, 11008, 12288, 14336, 16384)
MOST_FLOPS, MOST_WEIGHTS = 3e12, 2.0e8

NEEDS_MORE = {"sq": 16}
"""Rows of x that PyTorch's product needs more than."""

Build = Callable[[int, int, int, int], list[Work]]
"""(m, n, k, copies of the weights) -> pieces of work."""

FP8_LARGEST = 448.0
"""Largest value of e4m3: Micikevicius et al., FP8 Formats for Deep Learning, arXiv 2209.05433, table 1."""


def draw(math: str, gpu: Gpu, rng: np.random.Generator, where: str = "cuda") -> Call:
    """Draw a product of that kind; sides are those that layers have, `where` is torch's device."""
    kind = gemm_kind.named(math)
    rows = [m for m in MS if m > NEEDS_MORE.get(math, 0)]
    while True:
        m, n, k = (int(rng.choice(sides)) for sides in (rows, SIDES, SIDES))
        if 2.0 * m * n * k <= MOST_FLOPS and n * k <= MOST_WEIGHTS:
            break
    weight_bytes = n * k * float(kind.weight_bytes)
    busy_s = 2.0 * m * n * k / gpu.peak_flops.of(kind.pipe)
    moved_s = (weight_bytes + 2.0 * m * (n + k)) / gpu.memory_bytes_per_s
    least_s = 2e-6 + float(max(busy_s, moved_s))
    columns = {"m": m, "n": n, "k": k}
    build = partial(_built, BUILDS[math], m, n, k, where)
    return Call("gemm", math, columns, (float(m), float(n), float(k)), weight_bytes, least_s, build)


def _built(build: Callable[..., list[Work]], m: int, n: int, k: int, where: str, copies: int) -> list[Work]:
    return build(m, n, k, where, copies)


def _plain(dtype: str, m: int, n: int, k: int, where: str, copies: int, *, tf32: bool = False) -> list[Work]:
    import torch

    kind = getattr(torch, dtype)
    x, weights = _random((m, k), kind, where), _random((copies, n, k), kind, where)

    def run(w: Any) -> Any:
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        return torch.nn.functional.linear(x, w)

    return [partial(run, w) for w in weights]


def _fp8(m: int, n: int, k: int, where: str, copies: int, *, dynamic: bool) -> list[Work]:
    import torch

    x = _random((m, k), torch.bfloat16, where)
    weights = _random((copies, n, k), torch.bfloat16, where).to(torch.float8_e4m3fn)
    operand = x if dynamic else x.to(torch.float8_e4m3fn)
    one = torch.ones((), device=where)
    return [partial(fp8_product, operand, w, one, dynamic=dynamic) for w in weights]


def fp8_product(x: Any, weight: Any, one: Any, *, dynamic: bool) -> Any:
    """x[m, k] . weight[n, k] in bf16 by PyTorch's fp8 product: x in bf16, quantised here if `dynamic`, else in e4m3.

    On a CPU, where that product is a reference thousands of times slower, operands are multiplied in bf16.
    """
    import torch

    scale = one
    if dynamic:
        scale = x.abs().amax().float() / FP8_LARGEST
        x = (x / scale).clamp(-FP8_LARGEST, FP8_LARGEST).to(torch.float8_e4m3fn)
    if weight.device.type == "cpu":
        return torch.nn.functional.linear(x.to(torch.bfloat16) * scale.to(torch.bfloat16), weight.to(torch.bfloat16))
    return torch._scaled_mm(x, weight.t(), scale_a=scale, scale_b=one, out_dtype=torch.bfloat16)


def _int8(m: int, n: int, k: int, where: str, copies: int) -> list[Work]:
    import torch

    x = torch.randint(-127, 128, (m, k), dtype=torch.int8, device=where)
    weights = torch.randint(-127, 128, (copies, n, k), dtype=torch.int8, device=where)
    return [partial(torch._int_mm, x, w.t()) for w in weights]


def _sparse(m: int, n: int, k: int, where: str, copies: int) -> list[Work]:
    import torch
    from torch.sparse import to_sparse_semi_structured

    x = _random((m, k), torch.bfloat16, where)
    kept = torch.tensor([1, 1, 0, 0], dtype=torch.bfloat16, device=where).repeat(k // 4)
    weights = [to_sparse_semi_structured(w * kept) for w in _random((copies, n, k), torch.bfloat16, where)]
    return [partial(torch.nn.functional.linear, x, w) for w in weights]


def _random(shape: tuple[int, ...], dtype: Any, where: str) -> Any:
    import torch

    made = torch.empty(shape, dtype=dtype, device=where)
    return made.normal_()


BUILDS: dict[str, Callable[..., list[Work]]] = {
    "float32": partial(_plain, "float32"),
    "tf32": partial(_plain, "float32", tf32=True),
    "float16": partial(_plain, "float16"),
    "bfloat16": partial(_plain, "bfloat16"),
    "fp8": partial(_fp8, dynamic=True),
    "fp8_static": partial(_fp8, dynamic=False),
    "sq": _int8,
    "bfloat16_24": _sparse,
    "int8_wo": partial(weight_only.product, "int8"),
    "int4_wo": partial(weight_only.product, "int4"),
    "fp6_wo": partial(weight_only.product, "fp6_e3m2"),
    "fp4_wo": partial(weight_only.product, "fp4_e2m1"),
}
"""What builds each kind; those whose pipe a device lacks fail at once and are left out."""
