"""What validate and calibrate show of rows of profile fpga."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

HEADS = {
    "unit": "", "operands": "kind", "rows": "", "MAPE": "mape", "median": "median", "p90": "p90", "bias": "bias",
    "rank": "spearman", "FF exact": "ff_exact",
}  # fmt: skip
ADDED = ("predicted_sites", "predicted_ff", "predicted_dsp", "predicted_bram18")


def show_errors(rows: "pd.DataFrame", file: str, out: str | None, *, held_out: bool, as_json: bool) -> None:
    """Predict the rows, write and print the errors of sites by unit and kind of operands."""
    from app.text import print_table, to_json
    from profilers import rows_file
    from profilers.fpga.predict_rows import table_of, validate

    if "a_bits" in rows and "sites" not in rows:
        told = "blocks of profile fpga-blocks, which printed how the rules compare with Yosys as it mapped them"
        raise ValueError(f"{file} has {told}: it has no sites to predict")
    done = validate(rows)
    if held_out:
        done = done[done["held_out"]]
        if not len(done):
            raise ValueError(f"{file} has no held-out design")
    table = table_of(done)
    if out:
        columns = {name: done[name].to_numpy() for name in ADDED}
        rows_file.write(rows.loc[done.index].assign(**columns), Path(out))
    if as_json:
        click.echo(to_json({"file": file, "held_out": held_out, "rows": len(done), "out": out, "groups": table}))
        return
    print_table(f"{file}: {len(done)} designs, errors of LUT sites", [_shown(r) for r in table], list(HEADS))
    click.echo("\nrank is Spearman's correlation; bias is the mean of log(predicted / measured).")
    if not held_out:
        click.echo("A calibration made from these rows has seen 70 % of their designs: --held-out scores the others.")


def fit_sites(rows: "pd.DataFrame", file: str, device: str, out: str | None, *, as_json: bool) -> None:
    """Fit the circuits in the rows of one device family, write their calibration and print its held-out errors."""
    from app.progress import working
    from app.text import print_table, to_json
    from costmodel.catalog import require
    from costmodel.hardware.load import user_folder
    from profilers.fpga.predict_rows import checked
    from profilers.fpga.save_sites import fits, write

    known = checked(rows)
    families = sorted(set(known["device_family"]))
    if not device and len(families) > 1:
        raise ValueError(f"{file} has rows of {', '.join(families)}; --device names one of them")
    family = require("device family in these rows", device or families[0], families)
    with working("Fitting"):
        found = fits(known[known["device_family"] == family].reset_index(drop=True), family)
    path = write(found, Path(out) if out else user_folder() / "calibrations")
    records = [
        {"circuit": fit.math, "rows": fit.rows, "constants": fit.constants, "held_out_error": fit.held_out_error}
        for fit in found
    ]
    if as_json:
        click.echo(to_json({"file": file, "files": [str(path)], "family": family, "fits": records}))
        return
    shown = [{"circuit": r["circuit"], "rows": str(r["rows"]), **_figures(r["held_out_error"])} for r in records]
    heads = ("circuit", "rows", "held out", "MAPE", "p90")
    print_table(f"Fits to {file}, errors on held-out designs", shown, heads)
    click.echo(f"\nwritten: {path}")


def _figures(error: Any) -> dict[str, str | None]:
    if not error:
        return {}
    return {"held out": str(int(error["rows"])), "MAPE": f"{error['mape']:.1%}", "p90": f"{error['p90']:.1%}"}


def _shown(record: dict[str, Any]) -> dict[str, str]:
    return {head: _text(head, record.get(name or head)) for head, name in HEADS.items()}


def _text(head: str, value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 nan
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if head == "rank" else f"{value:.1%}"
