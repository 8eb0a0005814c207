"""ZeroQuant-FP: FP4 weights of MiniLM, their error given back by products of low rank (LoRC)."""

from collections.abc import Iterator

from app.study import minilm
from app.study.row import Row
from costmodel.precision import precision
from costmodel.strategies.zeroquant_fp import LowRankCompensation
from dse.compression.low_rank import compensate
from dse.sensitivity.ranges import observe

USED = "fp4_e2m1/fp8_e4m3"
RANKS = (0, 8, 32)
FACTORS = "bf16"
"""Format in which the factors are counted; they are computed in float32."""


def rows(seed: int) -> Iterator[Row]:
    """Yield the whole network, and every rank."""
    on, used, wide = minilm.load(), precision(USED), precision(FACTORS)
    yield on.row("bf16", 16.0, on.module, seed)
    ranges = observe(on.module, on.layers, on.subject.calibration[0])
    for rank in RANKS:
        found = compensate(on.module, dict.fromkeys(on.layers, used), ranges, rank=rank)
        bits = on.bits(LowRankCompensation(rank)(on.workload), lambda op: wide if ".lorc_" in op.name else used)
        yield on.row(f"rank {rank}", bits, found, seed)
