"""Predict the rows of synthesised designs, and say how right the predictions are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from costmodel.estimators.fpga.flip_flops import flip_flops
from costmodel.estimators.fpga.site_calibration import calibrated, calibration
from profilers.fpga.fit_sites import kinds, predictions
from profilers.fpga.rows import DEFAULTS, designs
from profilers.fpga.verilog import ports

if TYPE_CHECKING:
    import pandas as pd


def checked(table: "pd.DataFrame") -> "pd.DataFrame":
    """The rows with every column of a design, its name and its side of the split; ValueError names a bad row."""
    if "sites" not in table:
        raise ValueError(f"rows of synthesis have a column sites, got {', '.join(map(str, table.columns))}")
    if not len(table):
        raise ValueError("rows of synthesis: the table is empty")
    wrong = table["sites"][~(table["sites"] >= 0)]
    if len(wrong):
        raise ValueError(f"sites must not be negative or absent, got {wrong.iloc[0]} in row {wrong.index[0]}")
    found = designs(table)
    columns: dict[str, Any] = {name: [getattr(design, name) for design in found] for name in DEFAULTS}
    if "device_family" not in table:
        columns["device_family"] = "xc7"
    return table.assign(**columns, design=[d.name for d in found], held_out=[d.held_out for d in found])


def validate(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows with predicted_sites, predicted_ff, predicted_dsp, predicted_bram18; units are mapped to LUTs.

    nan where a circuit has no calibration.
    """
    rows = checked(table)
    predicted = np.full(len(rows), np.nan)
    for (circuit, family), part in rows.reset_index(drop=True).groupby(["unit", "device_family"]):
        if circuit in calibrated(_mapped_as(str(family))):
            constants = calibration(str(circuit), _mapped_as(str(family))).constants
            predicted[part.index] = predictions(part.reset_index(drop=True), constants)
    sums = np.array([ports(design).accumulates for design in designs(rows)])
    return rows.assign(
        predicted_sites=predicted,
        predicted_ff=np.where(sums, flip_flops(rows["acc_bits"].to_numpy(np.float64)), 0.0),
        predicted_dsp=0.0,
        predicted_bram18=0.0,
    )


def table_of(done: "pd.DataFrame") -> list[dict[str, Any]]:
    """One record a circuit and kind of operands, and one of all: rows, and error figures where it is modelled."""
    groups = [("all", "all", done)]
    for circuit, part in done.groupby("unit"):
        groups += [(str(circuit), str(kind), own) for kind, own in part.groupby(kinds(part))]
    return [{"unit": circuit, "kind": kind, "rows": len(part)} | _figures(part) for circuit, kind, part in groups]


def _figures(part: "pd.DataFrame") -> dict[str, float]:
    from scipy.stats import spearmanr

    from profilers.scores import figures

    known = part[part["predicted_sites"].notna()]
    if not len(known):
        return {}
    measured, predicted = np.maximum(known["sites"].to_numpy(np.float64), 1.0), known["predicted_sites"].to_numpy()
    varied = len(set(measured)) > 1 and len(set(predicted)) > 1
    rank = float(spearmanr(measured, predicted).statistic) if varied else float("nan")
    ff = float(np.mean(known["predicted_ff"] == known["ff"])) if "ff" in known else float("nan")
    return figures(measured, predicted) | {"spearman": rank, "ff_exact": ff}


def _mapped_as(family: str) -> str:
    """Yosys maps xcup to the LUTs and carries of xc7 (make bench-fpga compares), unless own rows say otherwise."""
    return family if calibrated(family) else "xc7"
