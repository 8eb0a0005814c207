"""Write the site model's calibration: constants, held-out errors, and what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.estimators.fpga.sites import MODEL
from costmodel.files import write_atomically
from profilers.fpga.fit_sites import errors, fit, modelled

if TYPE_CHECKING:
    import pandas as pd


def save(table: "pd.DataFrame", folder: Path, family: str = "xc7") -> Path:
    """Fit the rows of one device family (see `rows`) and write `<family>_lut_sites.toml` into the folder."""
    train, constants = modelled(table), fit(table)
    held_out = errors(table, constants)
    versions = ", ".join(sorted(set(train["yosys"])))
    lines = [
        f'model = "{MODEL}"',
        f'device = "{family}"',
        f'measured_on = "Yosys {versions}, synth_xilinx -family {family}, netlists simulated against the formats"',
        'source = "profilers/fpga, products and dot products of sample, 30 % held out by the hash of their name"',
        "\n[[fit]]",
        'math = "fabric"',
        'backend = "yosys"',
        f'backend_version = "{versions}"',
        f"rows = {int((~train['held_out']).sum())}",
        f"pairs = {len(train[['a_format', 'b_format']].drop_duplicates())}",
        f"ranges = {{ n = {_range(train['n'])}, sites = {_range(train['sites'])} }}",
        "intervals = {}",
        "\n[fit.constants]",
        *(f"{name} = {value:.5g}" for name, value in constants.items()),
        "\n[fit.held_out_error]",
        *(f"{name} = {value:.4g}" for name, value in held_out.items()),
    ]
    path = folder / f"{family}_{MODEL}.toml"
    write_atomically(path, "\n".join(lines) + "\n")
    return path


def _range(column: "pd.Series[int]") -> str:
    return f"[{column.min()}, {column.max()}]"
