"""Tables of measured matrix products."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_latency import GEMM
from profilers.boosting import Growth
from profilers.table import Table

Floats = NDArray[np.float64]

PRIOR = GemmConstants(
    compute_efficiency=0.78, memory_efficiency=0.8, sm_rate=1.4, l2_rate=0.22, l2_fraction=0.8, mma_floor=1.1,
    wave_rounding=0.3, overlap=1.0, launch_cycles=1500.0, tile_cycles=3500.0, split_cycles=4800.0, dequant_rate=1.0,
    quant_cycles=3.0, quant_efficiency=0.5,
)  # fmt: skip
"""Where a fit starts and what it falls back to: rounded bf16 fits of A100, L40S and H100, the last three by hand."""

SPREAD = {
    "compute_efficiency": 0.15, "memory_efficiency": 0.1, "sm_rate": 0.3, "l2_rate": 0.3, "l2_fraction": 0.3,
    "mma_floor": 0.2, "wave_rounding": 0.7, "overlap": 0.3, "launch_cycles": 0.5, "tile_cycles": 0.4,
    "split_cycles": 0.3, "dequant_rate": 0.7, "quant_cycles": 1.0, "quant_efficiency": 0.7,
}  # fmt: skip
"""How far the logarithm of a constant usually lies from the prior: about the spread between those three devices."""


def free(kind: GemmKind, _device: object) -> list[str]:
    """The constants that rows of a kind can tell."""
    special = {"dequant_rate": kind.weight_only, "quant_cycles": kind.dynamic, "quant_efficiency": kind.dynamic}
    return [name for name in SPREAD if special.get(name, True)]


def _sizes(rows: pd.DataFrame) -> tuple[Floats, ...]:
    return rows.m.to_numpy(), rows.n.to_numpy(), rows.k.to_numpy()


def _flops(rows: pd.DataFrame) -> Floats:
    return np.asarray(2.0 * rows.m * rows.n * rows.k)


def _moved(rows: pd.DataFrame, kind: GemmKind) -> Floats:
    operands = rows.m * rows.k * kind.activation_bytes + rows.n * rows.k * kind.weight_bytes
    return np.asarray(operands + 2.0 * rows.m * rows.n)


GEMM_ROWS = Table(
    name="matrix products",
    model=GEMM,
    columns=("gpu", "math", "m", "n", "k", "latency_s"),
    positive=("m", "n", "k", "latency_s"),
    counted=(),
    whole=("m", "n", "k"),
    apart=("n", "k"),
    pass_of=("m",),
    family=lambda rows: rows,
    sizes=_sizes,
    flops=_flops,
    moved=_moved,
    prior=PRIOR,
    spread=SPREAD,
    free=free,
    growth=Growth(),
)
"""An (m, k) x (k, n) product a row; `math` names its kind."""
