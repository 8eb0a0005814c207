"""Blocks that a memory takes: as Yosys maps it (exact), at the best mix of aspect ratios, and UltraRAM.

A block of 18 Kb is 16,384 words of 1 bit, 8,192 of 2, 4,096 of 4, 2,048 of 9, 1,024 of 18 or 512 of 36 (AMD, 7 Series
FPGAs Memory Resources, UG473, table 1-1; the same in UltraScale, UG573); one of 36 Kb is two of them, 512 words of 72
among its shapes.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real

WORD_BITS = (1.0, 2.0, 4.0, 9.0, 18.0, 36.0, 72.0)
"""Widths of a block; each next one halves its depth."""
BYTE_BITS = 9.0
"""Bits that share a write enable."""
HALF, FULL = (14, 6, 129.0, 1.0), (15, 7, 257.0, 2.0)
"""Of 18 and 36 Kb blocks: address bits at one bit a word, widths it has, Yosys' cost, halves (techlibs/xilinx)."""
MUX_COST = 0.5
"""Yosys' cost of a bit of the multiplexer between banks, and of a decoded write enable (memory_libmap)."""
URAM_DEPTH, URAM_BITS, URAM_BYTES = 4096.0, 72.0, (8.0, 9.0)
"""Words and bits of an UltraRAM block, and the widths that a write enable may have (UG573)."""


def ram_blocks(depth: Real, bits: Real) -> Real:
    """18 Kb blocks of a memory with a read and a write port; arrays broadcast, 0 where there are no words."""
    return _mapped(depth, bits, byte_bits=BYTE_BITS)


def rom_blocks(depth: Real, bits: Real) -> Real:
    """18 Kb blocks of a constant memory: without write enables, banks of words share a block bit by bit."""
    return _mapped(depth, bits, byte_bits=1.0)


def uram_blocks(depth: Real, bits: Real) -> Real:
    """288 Kb blocks of a writable memory: banks of whole bytes share a block as far as its word goes."""
    banks = np.ceil(np.asarray(depth) / URAM_DEPTH)
    packed = [np.ceil(banks * np.ceil(np.asarray(bits) / byte) * byte / URAM_BITS) for byte in URAM_BYTES]
    return np.where((np.asarray(depth) > 0) & (np.asarray(bits) > 0), np.minimum(*packed), 0.0)


def best_mix(depth: int, bits: int) -> int:
    """The fewest 18 Kb blocks of one memory whose columns of bits may each have another aspect ratio: exact, by dynamic
    programming over the bits. No bank shares a block with another, so Yosys may need fewer, as well as more.
    """
    if depth < 1 or bits < 1:
        raise ValueError(f"a memory has at least a word of a bit, got {depth=}, {bits=}")
    shapes = [(int(word), -(-depth // 2 ** (HALF[0] - i))) for i, word in enumerate(WORD_BITS[: HALF[1]])]
    fewest = [0]
    for width in range(1, bits + 1):
        fewest.append(min(fewest[max(width - word, 0)] + blocks for word, blocks in shapes))
    return fewest[bits]


def _mapped(depth: Real, bits: Real, *, byte_bits: float) -> Real:
    """The choice of Yosys' memory_libmap: one width for all blocks, the cheapest of 18 and 36 Kb.

    Bytes of a bank never share a write enable with another bank's; the first of equally cheap widths, 18 Kb first.
    """
    depth, bits = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(depth, bits))
    best_cost, best_blocks = np.full(depth.shape, np.inf), np.zeros(depth.shape)
    for address_bits, widths, cost, halves in (HALF, FULL):
        own_cost, rounded, own_blocks = np.full((3, *depth.shape), np.inf)
        for i, word in enumerate(WORD_BITS[:widths]):
            banks = np.ceil(depth / 2.0 ** (address_bits - i))
            byte = min(byte_bits, word)
            number = np.ceil(banks * np.ceil(bits / byte) * byte / word)
            enables = banks * (banks > 1) * (byte_bits > 1)
            now = cost * number + MUX_COST * ((banks - 1) * bits + enables)
            better = now < rounded
            own_cost, own_blocks = np.where(better, now, own_cost), np.where(better, halves * number, own_blocks)
            rounded = np.where(better, np.floor(now), rounded)
        better = own_cost < best_cost
        best_cost, best_blocks = np.where(better, own_cost, best_cost), np.where(better, own_blocks, best_blocks)
    found: NDArray[np.float64] = np.where((depth > 0) & (bits > 0), best_blocks, 0.0)
    return found[()]
