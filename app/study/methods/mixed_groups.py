"""Fast 2-bit: groups of MiniLM's weights in two bits, and in four those that gain most by them."""

from collections.abc import Iterator
from typing import Any

from app.study import minilm
from app.study.row import Row
from costmodel.formats import get
from costmodel.strategies.fast_2bit import average_bits
from costmodel.workload import Op
from dse.compression.mixed_groups import mix

GROUP = 16
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Shares of groups in four bits."""


def rows(seed: int) -> Iterator[Row]:
    """Yield the whole network, and every share."""
    on, narrow, wide = minilm.load(), get(f"int2_g{GROUP}"), get(f"int4_g{GROUP}")
    yield on.row("bf16", 16.0, on.module, seed)
    for share in SHARES:

        def two_or_four(weight: Any, _: Op, share: float = share) -> Any:
            return mix(weight, narrow=narrow, wide=wide, share=share)[0]

        bits = average_bits(wide_share=share, group=float(GROUP), scale_bits=narrow.scale_bits)
        yield on.row(f"{share:.0%} in four bits", float(bits), on.changed(two_or_four), seed)
