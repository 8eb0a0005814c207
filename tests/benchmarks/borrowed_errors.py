"""What the intervals of borrowed constants rest on: errors of a family's constants on another, of the fitted roofline.

On pairs that fits saw: these quantiles set OTHER_FAMILY, OTHER_KIND, OTHER_SOFTWARE and SPREAD, no test of them.
"""

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import fitted_roofline
from costmodel.estimators.attention_latency import OTHER_KIND
from costmodel.estimators.calibrated import predict
from costmodel.estimators.gemm_latency import OTHER_FAMILY, OTHER_SOFTWARE
from costmodel.estimators.transfer import mean_constants
from costmodel.hardware.calibration import calibrations
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload.ops import linear
from profilers.gemm_table import GEMM_ROWS
from profilers.measured_rows import of

LENDERS = {
    "int8_wo": ("int4_wo", "bfloat16"), "int4_wo": ("int8_wo",), "sq": ("bfloat16", "fp8_static"),
    "fp8": ("bfloat16", "fp8_block", "fp8_static"), "fp8_static": ("fp8",), "fp8_block": ("fp8",),
    "ctx_bfloat16": ("ctx_bfloat16_kvfp8",), "ctx_bfloat16_kvfp8": ("ctx_bfloat16",),
    "gen_bfloat16": ("gen_bfloat16_kvfp8",), "gen_bfloat16_kvfp8": ("gen_bfloat16",),
}  # fmt: skip
"""Families whose constants stand in for those of a family, where the device has both."""

ROWS = 3000


def report(seen: pd.DataFrame) -> None:
    """Print the quantiles of log(measured / predicted), every group alike."""
    print("\nborrowed constants on seen pairs: 5th, 50th, 95th percentile of log(measured / predicted)")
    families = dict(other_families(seen))
    for name, errors in families.items():
        print(f"{name:44s} {spread(errors)}")
    everything = spread(np.concatenate(list(families.values())))
    if of(seen) is not GEMM_ROWS:
        print(f"all, alike {everything}; OTHER_KIND is {OTHER_KIND}")
        return
    print(f"all, alike {everything}; OTHER_FAMILY is {OTHER_FAMILY}")
    for math, errors in other_backends(seen):
        for name, own in errors.items():
            print(f"{math:10s} {name:33s} {spread(own)}")
        every = spread(np.concatenate(list(errors.values())))
        print(f"{math}, alike {every}; OTHER_SOFTWARE is {OTHER_SOFTWARE.get(math, OTHER_SOFTWARE[''])}")
    rooflines = dict(memory_bound(seen))
    for name, errors in rooflines.items():
        print(f"{name:44s} {spread(errors)}")
    print(f"all, alike {spread(np.concatenate(list(rooflines.values())))}; SPREAD is {fitted_roofline.SPREAD}")


def other_backends(seen: pd.DataFrame):
    """Errors of each backend's rows by the device's other backends together, family by family."""
    table = of(seen)
    for (gpu, math), rows in seen.groupby(["gpu", "math"]):
        fits = [fit for fit in calibrations(table.model.name) if (fit.device, fit.math) == (gpu, math)]
        errors = {}
        for backend in sorted({fit.backend for fit in fits}) if len(fits) > 1 else ():
            some = rows[rows.backend == backend].sample(ROWS, random_state=0)
            others = [fit for fit in fits if fit.backend != backend]
            found = predict(table.model, table.sizes(some), table.model.named(math), hardware.gpu(gpu), fits=others)
            errors[f"{gpu} {backend} by the others"] = np.log(some.latency_s.to_numpy() / found.latency_s)
        if errors:
            yield math, errors


def other_families(seen: pd.DataFrame):
    """Errors of a family's rows by another family's constants on the same device."""
    table = of(seen)
    model = table.model
    for (gpu, math), rows in seen.groupby(["gpu", "math"]):
        device, kind = hardware.gpu(gpu), model.named(math)
        some = rows.sample(ROWS, random_state=0, replace=len(rows) < ROWS)
        for lender in LENDERS.get(math, ()):
            fits = [fit for fit in calibrations(model.name) if (fit.device, fit.math) == (gpu, lender)]
            if fits:
                predicted = model.terms(*table.sizes(some), kind, device, mean_constants(model, fits)).latency_s
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
