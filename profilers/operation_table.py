"""Tables of measured library calls: an op's counts a row."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_kind import OperationKind
from costmodel.estimators.operation_model import OPERATION, SIZES
from costmodel.hardware import Cpu, Gpu
from profilers.boosting import Growth
from profilers.table import Table

Floats = NDArray[np.float64]

PRIOR = OperationConstants(
    compute_efficiency=0.8, memory_efficiency=0.8, weight_efficiency=1.0, vector_efficiency=0.5, cache_rate=2.0,
    cache_fraction=0.5, overlap=2.0, calls_per_s=2e5, m_half=4.0, n_half=16.0, k_half=16.0, channel_half=2.0,
    step_cycles=3.0, start_cycles=5e3, wave_rounding=0.5, layout_cycles=1.2e4, layout_rate=0.8, filter_rate=0.2,
    unaligned=3.0,
)  # fmt: skip
"""Where a fit starts and what it falls back to: by hand."""

SPREAD = {
    "compute_efficiency": 0.5, "memory_efficiency": 0.5, "weight_efficiency": 0.7, "vector_efficiency": 1.0,
    "cache_rate": 0.7, "cache_fraction": 0.7, "overlap": 0.5, "calls_per_s": 1.0, "m_half": 1.0, "n_half": 1.0,
    "k_half": 1.0, "channel_half": 1.0, "step_cycles": 1.0, "start_cycles": 1.5, "wave_rounding": 0.7,
    "layout_cycles": 0.7, "layout_rate": 0.7, "filter_rate": 1.0, "unaligned": 0.7,
}  # fmt: skip
"""How far a constant's logarithm may lie from the prior before a few rows' worth hold it back: a judgement."""

PRODUCTS = ("linear", "conv", "attention")
OF_PRODUCTS = ("compute_efficiency", "m_half", "n_half", "k_half")
OF_CONVOLUTIONS = ("step_cycles", "start_cycles", "wave_rounding")
OF_DENSE = ("layout_cycles", "layout_rate", "filter_rate", "unaligned")
OF_ALL = ("memory_efficiency", "cache_rate", "cache_fraction", "overlap", "calls_per_s")


def free(kind: OperationKind, device: Gpu | Cpu) -> list[str]:
    """The constants that rows of a kind on a device can tell."""
    if isinstance(device, Gpu) and kind.math.startswith("conv"):
        dense = not kind.math.startswith("conv_grouped")
        return [*OF_ALL, *OF_CONVOLUTIONS, *(("compute_efficiency", *OF_DENSE) if dense else ())]
    product = kind.math.startswith(PRODUCTS)
    special = dict.fromkeys(OF_PRODUCTS, product) | {
        "channel_half": kind.math.startswith("conv"),
        "weight_efficiency": kind.math.startswith(("linear", "conv", "embedding")),
        "vector_efficiency": not kind.math.startswith(("linear", "conv")),
    }
    special |= dict.fromkeys(OF_CONVOLUTIONS + OF_DENSE, False)
    return [name for name in SPREAD if special.get(name, True)]


def _family(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what is held out together: a layer's (n, k) and groups, the elements of what has no product."""
    product, grouped = (rows.b > 0).to_numpy(), rows.math.str.startswith(("conv_grouped", "conv_wide_groups"))
    places = np.where(product, np.where(grouped, rows.b, 0.0) * 1e13 + rows.n * 1e7 + rows.k, rows.output_elements)
    return rows.assign(place=places, math=rows.math)


def _sizes(rows: pd.DataFrame) -> tuple[Floats, ...]:
    return tuple(rows[name].to_numpy(dtype=np.float64) for name in SIZES)


def _flops(rows: pd.DataFrame) -> Floats:
    return np.asarray(2.0 * rows.b * rows.m * rows.n * rows.k)


def _moved(rows: pd.DataFrame, kind: OperationKind) -> Floats:
    streams = (rows.input_elements + rows.output_elements) * kind.activation_bytes
    return np.asarray(streams + rows.weight_elements * kind.weight_bytes)


OPERATION_ROWS = Table(
    name="library calls",
    model=OPERATION,
    columns=("gpu", "math", *SIZES, "latency_s"),
    positive=("m", "n", "k", "area", "positions", "output_elements", "latency_s"),
    counted=("b", "input_elements", "weight_elements", "vector_flops"),
    whole=(),
    apart=("place",),
    pass_of=("m",),
    family=_family,
    sizes=_sizes,
    flops=_flops,
    moved=_moved,
    prior=PRIOR,
    spread=SPREAD,
    free=free,
    growth=Growth(),
    carries=False,
)
"""A call of a framework a row; `gpu` names the device, whatever its kind, `math` family and format (conv_bf16)."""
