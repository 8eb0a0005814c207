"""bitfront calibrate: fit the latency model of a device to measured rows."""

from typing import TYPE_CHECKING, Any

import click

from app import written
from app.fpga_rows import fit_sites

if TYPE_CHECKING:
    from costmodel.hardware.calibration import Calibration


HEADS = ("device", "math", "backend", "how", "rows", "pairs", "held out", "MAPE", "median", "p90", "coverage", "width")


@click.command("calibrate")
@click.argument("file", type=click.Path())
@click.option("--device", default="", metavar="NAME", help="The one to fit, where FILE has rows of several.")
@click.option("--out", type=written.NewFolder(), help="A folder; your own calibrations folder if not given.")
@click.option(
    "--by-name", is_flag=True, help="Fits that answer only where their backend is named, as in h100_sxm:torch."
)
@click.option("--source", default="measured by the user", show_default=True, help="Who measured, for the fits' files.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str, device: str, out: str | None, by_name: bool, source: str, as_json: bool) -> None:
    """Fit the latency of the measured rows in FILE, matrix products or attention, by device, kind and backend.

    FILE is what `bitfront validate` reads. 30 % of the (n, k) pairs of products, or of the head configurations of
    attention, are held out and give the errors that are printed; few rows only move what the device's shipped fits
    tell, or other devices', and give errors by folds. Kinds with rows too few for a fit are named.
    A device's fits of products are one file, those of attention another, which a new call replaces; your own folder's
    go before those that bitfront brings, but where other software is named that has a fit of its own.
    Rows of profile fpga, which have sites, refit the LUT sites of their circuits instead.
    """
    from pathlib import Path

    from app.progress import bar
    from app.text import print_table, to_json
    from costmodel.hardware.calibration import read
    from profilers import rows_file
    from profilers.fit import calibrate

    rows = rows_file.read(Path(file))
    if "sites" in rows:
        fit_sites(rows, file, device, out, as_json=as_json)
        return
    notes: list[str] = []
    with bar("Fitting") as progress:
        paths = calibrate(
            rows, device, folder=Path(out) if out else None, source=source, by_name=by_name, progress=progress,
            tell=notes.append,
        )  # fmt: skip
    fits = [fit for path in paths if path.suffix == ".toml" for fit in read(path)]
    records = [_record(fit) for fit in fits]
    shown = [row for record in records for row in _rows(record)]
    if as_json:
        click.echo(to_json({"file": file, "files": [str(path) for path in paths], "fits": records, "notes": notes}))
        return
    if shown:
        print_table(f"Fits to {file}, errors on pairs, heads or calls that they did not see", shown, HEADS)
    click.echo("".join(f"\n{note}\n" for note in notes))
    for path in paths:
        click.echo(f"written: {path}")


def _record(fit: "Calibration") -> dict[str, Any]:
    names = ("model", "device", "math", "backend", "how", "rows", "pairs", "constants", "held_out_error")
    return {name: getattr(fit, name) for name in names}


def _rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record as rows of text: of power the formula, which `estimate` takes, and the trees, as in `validate`."""
    if record["model"] != "power":
        return [_shown(record, "residual", "")]
    stages = {"analytic": "power", "residual": "power with trees"}
    told = {stage: name for stage, name in stages.items() if f"{stage}_mape" in record["held_out_error"]}
    return [_shown(record, stage, f" ({name})") for stage, name in (told or {"analytic": "power"}).items()]


def _shown(record: dict[str, Any], stage: str, mark: str) -> dict[str, Any]:
    """The record as a row of text; a fit to few rows has no pairs to spare: it states errors by folds."""
    error = record["held_out_error"]
    figures = {head: error.get(f"{stage}_{head.lower()}") for head in HEADS[7:]}
    percent = {head: None if value is None else f"{value:.1%}" for head, value in figures.items()}
    counts = {"rows": str(record["rows"]), "pairs": str(record["pairs"])}
    return (
        record
        | {"math": record["math"] + mark}
        | counts
        | {"held out": f"{error['rows']:.0f}" if error else None}
        | percent
    )
