"""How right the models are: what calibrations say of rows that no fit saw, and measured rows beside predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MODELS = {
    "gemm": "Matrix products",
    "attention": "Attention",
    "operation": "Library calls",
    "power": "Board power",
    "lut_sites": "FPGA circuits, LUTs",
}
"""Models with calibrations, in words."""
USED = {"power": "analytic"}
"""The stage of a model that `estimate` takes where it is not the last one."""


def held_out() -> list[dict[str, Any]]:
    """One row a calibration: what its rows were, and the errors on those that it never saw; what is unknown is None."""
    from costmodel.hardware.calibration import every

    return [_row(fit) for model in MODELS for fit in every(model)]


def _row(fit: Any) -> dict[str, Any]:
    error: Mapping[str, float] = fit.held_out_error
    stages = ("residual", "analytic")
    stage = USED.get(fit.model) or next((s for s in stages if f"{s}_mape" in error), "")
    mark = f"{stage}_" if stage else ""
    figures = ("mape", "median", "p90", "bias", "kendall_tau", "coverage", "width")
    return {
        "model": MODELS[fit.model],
        "device": fit.device,
        "kind": fit.math,
        "backend": " ".join(filter(None, (fit.backend, fit.backend_version))),
        "fitted": fit.rows,
        "rows": int(error["rows"]) if "rows" in error else None,
        "roofline": error.get("roofline_mape"),
        **{name: error.get(mark + name) for name in figures},
        "stage": {"residual": "formula and trees", "analytic": "formula"}.get(stage, "formula"),
        "source": fit.source,
    }


@dataclass(frozen=True, eq=False)
class Measured:
    """Measured rows with predictions: float64 [rows] each, low and high nan without an interval.

    told    in a sentence, what the rows are and whether fits saw them; unit of all the figures
    groups  what each row is, a kind of work or a circuit
    """

    told: str
    unit: str
    groups: tuple[str, ...]
    group: NDArray[np.int64]
    measured: Floats
    predicted: Floats
    low: Floats
    high: Floats

    def of(self, group: str) -> "Measured":
        """The rows of one group; all where it names none."""
        if group not in self.groups:
            return self
        kept = self.group == self.groups.index(group)
        columns = {n: getattr(self, n)[kept] for n in ("measured", "predicted", "low", "high")}
        return Measured(self.told, self.unit, (group,), np.zeros(int(kept.sum()), np.int64), **columns)

    def figures(self) -> dict[str, float | None]:
        """Mean, median and 90th percentile of the absolute relative error, its sign's mean, and what intervals hold."""
        error = self.predicted / self.measured - 1
        inside = (self.low <= self.measured) & (self.measured <= self.high)
        known = np.isfinite(self.low) & np.isfinite(self.high)
        return {
            "rows": len(error),
            "mape": float(np.abs(error).mean()),
            "median": float(np.median(np.abs(error))),
            "p90": float(np.quantile(np.abs(error), 0.9)),
            "bias": float(error.mean()),
            "coverage": float(inside[known].mean()) if known.any() else None,
        }
