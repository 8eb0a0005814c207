"""Write the site calibrations of a device family: constants, held-out errors, and what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.estimators.fpga.site_calibration import MODEL, calibrated, instead
from costmodel.hardware.calibration import Calibration
from profilers import calibration_file
from profilers.fpga.fit_sites import circuits, errors, fit

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 12
"""Rows to fit that a circuit needs: of fewer, constants would be guesses."""


def fits(table: "pd.DataFrame", family: str = "xc7") -> list[Calibration]:
    """One calibration a circuit of the rows (see `rows`) of a family, each on those that it builds on.

    ValueError where no circuit has rows enough.
    """
    versions = ", ".join(sorted(set(table["yosys"].dropna()))) if "yosys" in table else ""
    parts = {name: table[table["unit"] == name].reset_index(drop=True) for name in circuits(table)}
    enough = {name: part for name, part in parts.items() if (~part["held_out"]).sum() >= FEWEST_ROWS}
    if not enough:
        raise ValueError(f"a circuit is fitted on at least {FEWEST_ROWS} rows that are not held out; none has so many")
    found: list[Calibration] = []
    for name, part in enough.items():
        with instead(found):
            found.append(_fit(name, part, family, versions))
    return found


def save(table: "pd.DataFrame", folder: Path, family: str = "xc7") -> Path:
    """Fit the rows of one device family and write `<family>_lut_sites.toml` into the folder."""
    return write(fits(table, family), folder)


def write(found: list[Calibration], folder: Path) -> Path:
    """Write the fits of one family; estimates of this process take them up."""
    path = calibration_file.write(found, folder)[0]
    calibrated.cache_clear()
    return path


def _fit(circuit: str, rows: "pd.DataFrame", family: str, versions: str) -> Calibration:
    constants = {name: float(f"{value:.5g}") for name, value in fit(rows).items()}
    ranges = {name: (float(rows[name].min()), float(rows[name].max())) for name in ("n", "acc_bits", "sites")}
    return Calibration(
        model=MODEL,
        device=family,
        math=circuit,
        backend="yosys",
        backend_version=versions,
        constants=constants,
        held_out_error=errors(rows, constants),
        intervals={},
        ranges=ranges,
        rows=int((~rows["held_out"]).sum()),
        pairs=len(rows[["a_format", "b_format"]].drop_duplicates()),
        measured_on=f"Yosys {versions}, synth_xilinx -family {family}, netlists simulated against the formats",
        source="profilers/fpga, designs of sample; 30 % held out by the hash of their name",
    )
