"""What the intervals of borrowed constants rest on: errors of a family's constants on another, of the fitted roofline.

On pairs that fits saw: these quantiles set OTHER_FAMILY and SPREAD, so they are no test of them.
"""

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import fitted_roofline, gemm_kind, gpu_gemm
from costmodel.estimators.gemm_latency import GEMM, OTHER_FAMILY
from costmodel.estimators.transfer import mean_constants
from costmodel.hardware.calibration import calibrations
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload.ops import linear

LENDERS = {
    "int8_wo": ("int4_wo", "bfloat16"), "int4_wo": ("int8_wo",), "sq": ("bfloat16", "fp8_static"),
    "fp8": ("bfloat16", "fp8_block", "fp8_static"), "fp8_static": ("fp8",), "fp8_block": ("fp8",),
}  # fmt: skip
"""Families whose constants stand in for those of a family, where the device has both."""

ROWS = 3000


def report(seen: pd.DataFrame) -> None:
    """Print the quantiles of log(measured / predicted), every group alike."""
    print("\nborrowed constants on seen pairs: 5th, 50th, 95th percentile of log(measured / predicted)")
    families = dict(other_families(seen))
    for name, errors in families.items():
        print(f"{name:34s} {spread(errors)}")
    print(f"all, alike {spread(np.concatenate(list(families.values())))}; OTHER_FAMILY is {OTHER_FAMILY}")
    rooflines = dict(memory_bound(seen))
    for name, errors in rooflines.items():
        print(f"{name:34s} {spread(errors)}")
    print(f"all, alike {spread(np.concatenate(list(rooflines.values())))}; SPREAD is {fitted_roofline.SPREAD}")


def other_families(seen: pd.DataFrame):
    """Errors of a family's products by another family's constants on the same device."""
    for (gpu, math), rows in seen.groupby(["gpu", "math"]):
        device, kind = hardware.gpu(gpu), gemm_kind.named(math)
        some = rows.sample(ROWS, random_state=0, replace=len(rows) < ROWS)
        for lender in LENDERS.get(math, ()):
            fits = [fit for fit in calibrations("gemm") if (fit.device, fit.math) == (gpu, lender)]
            if fits:
                shape = (some[name].to_numpy() for name in "mnk")
                predicted = gpu_gemm.latency_s(*shape, kind, device, mean_constants(GEMM, fits))
                yield f"{gpu} {math} by {lender}", np.log(some.latency_s.to_numpy() / predicted)


def memory_bound(seen: pd.DataFrame):
    """Errors of the fitted roofline on bf16 products that it takes to be memory bound."""
    for gpu, rows in seen[seen.math == "bfloat16"].groupby("gpu"):
        some = rows.sample(ROWS, random_state=0)
        ops = stack([linear("", m, k, n, bias=False) for m, n, k in some[["m", "n", "k"]].itertuples(index=False)])
        found = fitted_roofline.predict(ops, precision("bf16"), hardware.gpu(gpu))
        errors = np.log(some.latency_s.to_numpy() / found.latency_s)
        yield f"{gpu} fitted roofline", errors[found.bound != "compute"]


def spread(errors: np.ndarray) -> str:
    """Three quantiles as text."""
    return " ".join(f"{q:6.2f}" for q in np.quantile(errors, [0.05, 0.5, 0.95]))
