"""Memories and multipliers mapped to hard blocks, as a table beside what the rules of costmodel say."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from costmodel.estimators.fpga import block_ram, finn_bram, hard_product
from profilers.fpga.cache import Cache
from profilers.fpga.hard_blocks import Block, Memory, measure
from profilers.fpga.synthesis import Progress
from profilers.fpga.tool import yosys

if TYPE_CHECKING:
    import pandas as pd

HALVES = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2}
DSP_KIND = {"xc7": "DSP48E1", "xcup": "DSP48E2"}


def rows(
    blocks: Sequence[Block],
    family: str,
    *,
    cache: Cache | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> "pd.DataFrame":
    """Map the blocks (see `measure`) into one row each: bram18, uram and dsp counted, and the Yosys version.

    A memory has depth and bits, `kind` ram, rom or ultra; a multiplier (`kind` int or uint) a_bits and b_bits, else 0.
    """
    import pandas as pd

    counted = measure(blocks, family, cache=cache, progress=progress)
    records = [_sizes(block) | _counts(cells) for block, cells in zip(blocks, counted, strict=True)]
    return pd.DataFrame.from_records(records).assign(device_family=family, yosys=yosys().version)


def predicted(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with what the rules say: predicted_bram18, _uram, _dsp; best_mix and finn_bram18 of memories."""
    depth, bits, kind = (table[name].to_numpy() for name in ("depth", "bits", "kind"))
    block = (kind == "ram") | (kind == "rom")
    mapped = (kind == "ram") * block_ram.ram_blocks(depth, bits) + (kind == "rom") * block_ram.rom_blocks(depth, bits)
    signed = kind == "int"
    products = {
        family: hard_product.product_blocks(
            table["a_bits"].to_numpy(), table["b_bits"].to_numpy(), signed=signed, kind=k
        )
        for family, k in DSP_KIND.items()
    }
    mixes = [block_ram.best_mix(int(d), int(b)) if held else 0 for d, b, held in zip(depth, bits, block, strict=True)]
    return table.assign(
        predicted_bram18=mapped.astype(int),
        predicted_uram=((kind == "ultra") * block_ram.uram_blocks(depth, bits)).astype(int),
        predicted_dsp=sum((table["device_family"] == f) * found for f, found in products.items()).astype(int),
        best_mix=mixes,
        finn_bram18=(block * finn_bram.blocks(depth, bits)).astype(int),
    )


def _sizes(block: Block) -> dict[str, object]:
    if isinstance(block, Memory):
        kind = "ultra" if block.style == "ultra" else "ram" if block.writable else "rom"
        return {"block": block.name, "kind": kind, "depth": block.depth, "bits": block.bits, "a_bits": 0, "b_bits": 0}
    kind = "int" if block.signed else "uint"
    return {"block": block.name, "kind": kind, "depth": 0, "bits": 0, "a_bits": block.a_bits, "b_bits": block.b_bits}


def _counts(cells: dict[str, int]) -> dict[str, int]:
    return {
        "bram18": sum(HALVES.get(cell, 0) * number for cell, number in cells.items()),
        "uram": cells.get("URAM288", 0),
        "dsp": cells.get("DSP48E1", 0) + cells.get("DSP48E2", 0),
    }
