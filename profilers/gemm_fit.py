"""Fit the GEMM model's constants to measured rows: robust least squares on log latency, drawn towards a prior.

With thousands of rows the prior only settles what they leave open; with thirty it decides most (maximum a posteriori).
"""

from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from costmodel.estimators import gpu_gemm
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_transfer import UNITS
from costmodel.hardware import Gpu

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

MOST_ROWS = 6000
SCALE = 0.05
"""Log error from which a row's pull stops growing (soft L1)."""

PULL = 2.0
"""How many rows' worth the prior pulls a constant one SPREAD off: of 1, 2 and 3, the best for fits to 30 rows."""

REACH = 4.0
"""A fitted constant stays within exp(+-REACH) of the prior."""


def free(kind: GemmKind) -> list[str]:
    """The constants that rows of a kind can tell."""
    special = {"dequant_rate": kind.weight_only, "quant_cycles": kind.dynamic, "quant_efficiency": kind.dynamic}
    return [name for name in SPREAD if special.get(name, True)]


def fit_constants(
    rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, prior: GemmConstants = PRIOR, *, starts: int = 2, seed: int = 0
) -> dict[str, float]:
    """Constants with the least robust squared log error on the rows (a sample of MOST_ROWS), rounded to 6 digits."""
    names = free(kind)
    rows = rows.sample(min(len(rows), MOST_ROWS), random_state=seed)
    m, n, k = (rows[name].to_numpy() for name in "mnk")
    measured = np.log(rows.latency_s.to_numpy())
    centre = np.log([max(getattr(prior, name), 1e-3) for name in names])
    pull = PULL * SCALE / np.array([SPREAD[name] for name in names])

    def errors(logs: Floats) -> Floats:
        predicted = gpu_gemm.latency_s(m, n, k, kind, gpu, _record(names, logs))
        return np.concatenate([np.log(predicted) - measured, pull * (logs - centre)])

    low, high = centre - REACH, np.where(np.isin(names, UNITS), -1e-4, centre + REACH)
    rng = np.random.default_rng(seed)
    tries = [centre + (rng.normal(0.0, 0.3, len(names)) if i else 0.0) for i in range(starts)]
    best = min((_descend(errors, x, low, high) for x in tries), key=lambda found: found[0])[1]
    return {name: float(f"{value:.6g}") for name, value in zip(names, np.exp(best), strict=True)}


def complete(constants: dict[str, float]) -> dict[str, float]:
    """All of GemmConstants' fields: those fitted, and the neutral values of the rest."""
    return asdict(GemmConstants(**constants))


def _descend(errors, start: Floats, low: Floats, high: Floats) -> tuple[float, Floats]:  # type: ignore[no-untyped-def]
    """Coarse steps first: the model has kinks at every tile and wave edge."""
    for step, most in ((0.02, 40), (0.004, 20)):
        inside = np.clip(start, low + 1e-6, high - 1e-6)
        found = least_squares(
            errors,
            inside,
            loss="soft_l1",
            f_scale=SCALE,
            diff_step=np.full(len(start), step),
            max_nfev=most,
            bounds=(low, high),
        )
        start = found.x
    return float(found.cost), found.x


def _record(names: list[str], logs: Floats) -> GemmConstants:
    return GemmConstants(**dict(zip(names, np.exp(logs).tolist(), strict=True)))
