"""AQLM: weights of MiniLM as sums of vectors from learned codebooks, beside integers of as many bits."""

from collections.abc import Iterator
from typing import Any

from app.study import minilm
from app.study.row import Row
from costmodel.formats import Format, get, quantize
from costmodel.strategies.aqlm import AdditiveCodebooks
from costmodel.workload import Op
from dse.compression.additive_codebooks import encode

SETTINGS = ((1, 8), (2, 8))
"""Codebooks and bits of a code, for groups of 8 weights."""
INTEGERS = ("int2_g32", "int3_g32")


def rows(seed: int) -> Iterator[Row]:
    """Yield the whole network, integers with a scale for 32 weights, and codebooks."""
    import torch

    on = minilm.load()
    yield on.row("bf16", 16.0, on.module, seed)
    for name in INTEGERS:
        fmt = get(name)

        def rounded(weight: Any, _: Op, fmt: Format = fmt) -> Any:
            return torch.from_numpy(quantize(weight.numpy(), fmt, axis=1))

        yield on.row(name, fmt.bits_per_element, on.changed(rounded), seed)
    for books, bits in SETTINGS:
        how = AdditiveCodebooks(books, bits)

        def coded(weight: Any, _: Op, books: int = books, bits: int = bits) -> Any:
            return encode(weight, codebooks=books, code_bits=bits, group=8, seed=seed).decode()

        stored = [how.bits_per_weight(op) * op.weight_elements for op in on.workload.ops]
        mean = sum(stored) / sum(op.weight_elements for op in on.workload.ops)
        yield on.row(f"{books}x{bits}g8", float(mean), on.changed(coded), seed)
