"""Tables of measured library calls: an op's counts a row."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.operation_kind import OperationKind
from costmodel.estimators.operation_model import OPERATION, SIZES, OperationConstants
from profilers.boosting import Growth
from profilers.table import Table

Floats = NDArray[np.float64]

PRIOR = OperationConstants(
    compute_efficiency=0.8, memory_efficiency=0.8, weight_efficiency=1.0, vector_efficiency=0.5, cache_rate=2.0,
    cache_fraction=0.5, overlap=2.0, calls_per_s=2e5, m_half=4.0, n_half=16.0, k_half=16.0, channel_half=2.0,
)  # fmt: skip
"""Where a fit starts and what it falls back to: by hand."""

SPREAD = {
    "compute_efficiency": 0.5, "memory_efficiency": 0.5, "weight_efficiency": 0.7, "vector_efficiency": 1.0,
    "cache_rate": 0.7, "cache_fraction": 0.7, "overlap": 0.5, "calls_per_s": 1.0, "m_half": 1.0, "n_half": 1.0,
    "k_half": 1.0, "channel_half": 1.0,
}  # fmt: skip
"""How far a constant's logarithm may lie from the prior before a few rows' worth hold it back: a judgement."""

PRODUCTS = ("linear", "conv", "attention")
OF_PRODUCTS = ("compute_efficiency", "m_half", "n_half", "k_half")


def free(kind: OperationKind) -> list[str]:
    """The constants that rows of a kind can tell."""
    product = kind.math.startswith(PRODUCTS)
    special = dict.fromkeys(OF_PRODUCTS, product) | {
        "channel_half": kind.math.startswith("conv"),
        "weight_efficiency": kind.math.startswith(("linear", "conv", "embedding")),
        "vector_efficiency": not kind.math.startswith(("linear", "conv")),
    }
    return [name for name in SPREAD if special.get(name, True)]


def _family(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what is held out together: (n, k) of a layer, the elements of what has no product."""
    product = (rows.b > 0).to_numpy()
    places = np.where(product, rows.n * 1e7 + rows.k, rows.output_elements)
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
    positive=("m", "n", "k", "area", "output_elements", "latency_s"),
    counted=("b", "input_elements", "weight_elements", "vector_flops"),
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
