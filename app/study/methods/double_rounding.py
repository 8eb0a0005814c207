"""Double Rounding: MiniLM's weights stored in 8 bits and rounded once more, beside a copy of their own a width."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.study import minilm
from app.study.row import Row
from costmodel.strategies.double_rounding import apart_bits, narrow, storage_bits
from costmodel.workload import Op

WIDTHS = (8, 6, 4, 3)
STORED = "bits a weight stored for all widths"


def rows(seed: int) -> Iterator[Row]:
    """Yield every width from the one stored, which serves all, and from a copy of its own, stored beside the others."""
    import torch

    on = minilm.load()

    def row(setting: str, bits: float, module: Any) -> Row:
        return replace(on.row(setting, bits, module, seed), costs=STORED)

    yield row("bf16", 16.0, on.module)
    stored = storage_bits(WIDTHS)
    for bits in WIDTHS:

        def twice(weight: Any, _: Op, bits: int = bits) -> Any:
            scale = weight.abs().amax(1, keepdim=True) / (2 ** (stored - 1) - 1)
            codes = (weight / scale).round()
            return torch.from_numpy(narrow(codes.numpy(), stored_bits=stored, bits=bits)) * scale * 2 ** (stored - bits)

        def once(weight: Any, _: Op, bits: int = bits) -> Any:
            scale = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
            return (weight / scale).round() * scale

        yield row(f"{bits} bits, rounded twice", float(stored), on.changed(twice))
        yield row(f"{bits} bits, a copy of its own", float(apart_bits(WIDTHS)), on.changed(once))
