"""bitfront validate: how right predicted latencies are on measured rows."""

from typing import TYPE_CHECKING, Any

import click

from app import written
from app.fpga_rows import show_errors

if TYPE_CHECKING:
    import pandas as pd

HEADS = {
    "gpu": "", "math": "", "backend": "", "regime": "", "rows": "", "MAPE": "mape", "median": "median", "p90": "p90",
    "bias": "bias", "tau": "kendall_tau", "coverage": "coverage", "width": "width", "how": "",
}  # fmt: skip
"""Columns of the table, and the figure each shows where its name is another."""

SHOWN = 4
"""Kinds that a note names, of more it says how many."""

ADDED = (
    "predicted_s", "low_s", "high_s", "how", "bound", "extrapolated", "predicted_w", "low_w", "high_w", "power_how",
)  # fmt: skip
"""Columns that --out adds, the last four where the rows have power_w."""


@click.command("validate")
@click.argument("file", type=click.Path())
@click.option("--out", type=written.NewFile(), help="Rows with predicted_s, low_s, high_s, how (parquet or csv).")
@click.option(
    "--calibration",
    type=click.Choice(["auto", "transfer", "spec"]),
    default="auto",
    show_default=True,
    help="The device's own fits; all but those of the same kind of work; or other devices' alone.",
)
@click.option("--held-out", is_flag=True, help="Only what no fit saw; of fits to few rows, what they state by folds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str, out: str | None, calibration: str, held_out: bool, as_json: bool) -> None:
    """Predict the measured rows in FILE and print the errors by device, kind, backend and regime.

    FILE is parquet or csv. Matrix products have the columns gpu, math, m, n, k, latency_s and, if you like, power_w,
    which is then predicted too; attention has gpu, kind (ctx or gen), attn_dtype, kv_cache_dtype, batch_size, isl,
    step, num_heads, num_kv_heads, head_dim, window_size, latency_s. Both may have backend. The regime is the largest
    part of a predicted time: compute, memory or latency.
    Rows of profile fpga have sites: their resources are predicted; --held-out goes by the names of the designs.
    """
    from pathlib import Path

    from app.progress import working
    from app.text import print_table, to_json
    from profilers import rows_file, scores

    if out:
        rows_file.check_target(Path(out))
    rows, left = rows_file.read(Path(file)), list[str]()
    if {"sites", "bram18"} & set(rows):
        show_errors(rows, file, out, held_out=held_out, as_json=as_json)
        return
    with working(f"Predicting {file}"):
        rows, done, table, folds = _scored(rows, calibration, held_out, left)
        power = scores.power_table(done)
    if out:
        added = {name: done[name].to_numpy() for name in ADDED if name in done.columns}
        rows_file.write(rows.loc[done.index].assign(**added), Path(out))
    notes = left + _notes(table, folds, held_out=held_out)
    if as_json:
        result = {"file": file, "calibration": calibration, "held_out": held_out, "rows": len(rows), "out": out}
        click.echo(to_json(result | {"groups": table, "power": power, "notes": notes}))
        return
    print_table(f"{file}: {len(rows)} rows predicted, by {calibration}", [_shown(r) for r in table], list(HEADS))
    _print_rest(power, notes)


def _scored(
    rows: "pd.DataFrame", calibration: str, held_out: bool, left: list[str]
) -> tuple["pd.DataFrame", "pd.DataFrame", list[dict[str, Any]], list[str]]:
    """The rows to predict, they as predicted, the table, and the kinds whose fits saw all rows they were made from."""
    from profilers.fit import validate
    from profilers.held_out import by_folds, divided, table_of
    from profilers.pair_split import of_test_pairs

    folds, stated = by_folds(rows) if calibration == "auto" else [], list[dict[str, Any]]()
    if held_out:
        rows, stated = divided(rows) if calibration == "auto" else (of_test_pairs(rows), stated)
    done = validate(rows, calibration, tell=left.append) if len(rows) else rows
    return rows, done, table_of(done, stated), folds


def _print_rest(power: list[dict[str, Any]], notes: list[str]) -> None:
    from app.text import print_table

    if power:
        click.echo()
        heads = [head for head in HEADS if head != "regime"]
        print_table("Board power", [_shown(record | {"regime": ""}) for record in power], heads)
    click.echo("\n" + "\n\n".join(notes))


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {head: _text(head, record[name or head]) for head, name in HEADS.items()}


def _text(head: str, value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if head == "tau" else f"{value:.1%}"


def _notes(table: list[dict[str, Any]], folds: list[str], *, held_out: bool) -> list[str]:
    """What is to be known of the table; `folds` are the kinds whose fits saw all rows that they were made from."""
    from profilers.scores import MOST_RANKED

    notes = ["bias is the mean of log(predicted / measured); coverage and width are of the 90 % interval."]
    if any(record["rows"] > MOST_RANKED for record in table):
        notes.append(f"Kendall's tau of a group of over {MOST_RANKED} rows is that of a fixed sample of so many.")
    kinds = ", ".join(folds[:SHOWN]) + f" and {len(folds) - SHOWN} more" * (len(folds) > SHOWN)
    if folds and held_out:
        notes.append(f"Fits to few rows saw all of them ({kinds}): their errors are those that they state, by folds.")
    elif folds:
        notes.append(
            f"Fits to few rows saw all that they were made from ({kinds}): --held-out gives the errors that they state."
        )
    pairs = any(record["how"].startswith("calibrated") and record["math"] not in folds for record in table)
    if pairs and not held_out:
        seen = "Another calibration" if folds else "A calibration"
        notes.append(f"{seen} made from these rows has seen 70 % of their layers: --held-out scores the others.")
    return notes
