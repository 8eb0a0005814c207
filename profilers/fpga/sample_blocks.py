"""Random memories and multipliers: what the block RAM and DSP rules are judged on."""

import numpy as np

from profilers.fpga.hard_blocks import Block, Memory, Multiplier

DEEPEST, WIDEST = 40_000, 300
DEEPEST_CONSTANT, WIDEST_CONSTANT = 6_000, 64
"""Constant memories are smaller: their contents are spelt out."""


def memories(number: int, seed: int) -> list[Memory]:
    """Distinct block memories, three in four writable, log-uniform in depth and bits."""
    rng = np.random.default_rng(seed)
    found: dict[Memory, None] = {}
    while len(found) < number:
        writable = rng.random() < 0.75
        depth, bits = (
            int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))
            for low, high in (
                ((33, DEEPEST), (1, WIDEST)) if writable else ((33, DEEPEST_CONSTANT), (1, WIDEST_CONSTANT))
            )
        )
        found[Memory(depth, bits, writable)] = None
    return list(found)


def ultra(number: int, seed: int) -> list[Memory]:
    """Distinct writable memories that ask for UltraRAM."""
    rng = np.random.default_rng(seed)
    found: dict[Memory, None] = {}
    while len(found) < number:
        depth, bits = (int(np.exp(rng.uniform(np.log(low), np.log(high)))) for low, high in ((500, 40_000), (4, 300)))
        found[Memory(depth, bits, style="ultra")] = None
    return list(found)


def multipliers(number: int, seed: int) -> list[Multiplier]:
    """Distinct products of 1 to 36 bits an operand, narrow ones as likely as wide ones."""
    rng = np.random.default_rng(seed)
    found: dict[Multiplier, None] = {}
    while len(found) < number:
        high = (9, 37)[rng.integers(2)]
        a, b = rng.integers(1, high, 2).tolist()
        found[Multiplier(a, b, bool(rng.integers(2)))] = None
    return list(found)


def sample(family: str, number: int, seed: int) -> list[Block]:
    """`number` memories and as many multipliers of a family, and an eighth as many UltraRAMs where it has them."""
    return [
        *memories(number, seed),
        *multipliers(number, seed + 1),
        *(ultra(number // 8, seed) if family == "xcup" else []),
    ]
