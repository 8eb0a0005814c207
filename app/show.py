"""A result of an optimisation on the terminal."""

from collections.abc import Mapping
from typing import Any

import click

from app.text import print_table, some

COSTS = ("weight_bytes", "latency_s", "energy_j", "lut", "dsp", "bram18", "throughput_per_s")


def show(result: Mapping[str, Any]) -> None:
    """Print the designs, the chosen formats of the layers, and how sure the plan is."""
    costs = [c for c in COSTS if c in result["totals"]]
    rows = [
        {"design": d["name"], "loss": d["loss"]}
        | ({"accuracy": d["accuracy"]} if "accuracy" in d else {})
        | {c: d["totals"].get(c) for c in costs}
        for d in result["designs"]
    ]
    with_accuracy = ["accuracy"] * any("accuracy" in row for row in rows)
    print_table(f"{result['model']} on {result['device']}", rows, ["design", *with_accuracy, "loss", *costs])
    click.echo()
    _plan(result)
    state = "proven optimal" if result["proven"] else f"within {result['gap']:.2%} of the optimum"
    taken = ", ".join(f"{s} as {name}" for s, name in result["formats"].items() if s != name)
    click.echo(f"\nThe plan is {state} ({result['solver']}); loss {result['loss_source']}.")
    if "additivity" in result:
        found = result["additivity"]
        click.echo(
            f"Summed losses order {found['assignments']} random assignments, measured whole, "
            f"with a rank correlation of {found['spearman']:.2f}."
        )
        if found["warning"]:
            click.echo(f"Beware: {found['warning']}.")
    if taken:
        click.echo(f"Formats were taken as: {taken}.")
    for sentence in result["notes"]:
        click.echo(sentence)
    if result["not_chosen"]:
        click.echo(f"No choice, at {next(iter(result['not_chosen'].values()))}: {some(list(result['not_chosen']))}.")
    if result["covers"]:
        click.echo(f"Counted: {result['covers']}.")
    if result["uncounted"]:
        click.echo(f"Not counted: {some(result['uncounted'])}.")


def _plan(result: Mapping[str, Any]) -> None:
    """Print the format of each layer and, where it has a unit of its own, that unit's folding."""
    units = {row["name"]: f"{row['pe']} x {row['simd']}" for row in result["layers"] if row.get("pe")}
    rows = [{"layer": k, "format": v, "PE x SIMD": units.get(k, "")} for k, v in result["assignment"].items()]
    print_table("Plan", rows, ["layer", "format", *["PE x SIMD"] * bool(units)])
