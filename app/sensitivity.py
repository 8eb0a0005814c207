"""What each format costs each layer, as a result and on the terminal."""

from collections.abc import Mapping
from typing import Any

import click

from app.text import print_table
from costmodel.hardware import Device
from dse import Choices
from dse.sensitivity.additivity import Additivity

STRONGEST = 10
"""Pairs furthest from adding up that are shown."""


def told(found: Additivity) -> dict[str, Any]:
    """How well summed losses order random whole assignments."""
    names = ("spearman", "kendall", "ratio", "warning")
    return {name: getattr(found, name) for name in names} | {"assignments": len(found.measured)}


def result(choices: Choices, device: Device, *, interactions: bool) -> dict[str, Any]:
    """Return the table, how it was found, how additive it is and, if asked for, the strongest interactions."""
    problem = choices.on(device)
    rows = [
        {"layer": layer, "loss": dict(zip(problem.names, row, strict=True))}
        for layer, row in zip(problem.layers, problem.loss.tolist(), strict=True)
    ]
    found: dict[str, Any] = {"loss_source": problem.loss_source, "layers": rows}
    if problem.additivity is not None:
        found["additivity"] = told(problem.additivity)
    if interactions:
        if choices.module is None:
            raise ValueError(f"interactions are measured on data, and {choices.workload.name} has no weights")
        pairs = choices.interactions(problem.options)
        sums = {"layers": told(pairs.first), "pairs": told(pairs.second)}
        found["interactions"] = {"sums": sums, "strongest": pairs.strongest(STRONGEST)}
    return found


def show(found: Mapping[str, Any]) -> None:
    """Print the table, and in words how well it adds up."""
    rows = [{"layer": row["layer"], **row["loss"]} for row in found["layers"]]
    print_table(f"{found['model']} on {found['device']}: loss of each format", rows, list(rows[0]))
    click.echo(f"\nLoss {found['loss_source']}.")
    if "additivity" in found:
        measured = found["loss_source"].startswith("measured")
        click.echo(_order("Summed losses order", found["additivity"], measured=measured))
    if "interactions" in found:
        sums = found["interactions"]["sums"]
        click.echo(_order("With the losses of pairs, sums order", sums["pairs"], measured=True))
        shown = [
            {
                "layers": " + ".join(pair["layers"]),
                "formats": " + ".join(pair["options"]),
                "alone": pair["alone"],
                "together": pair["alone"] + pair["interaction"],
            }
            for pair in found["interactions"]["strongest"]
        ]
        print_table("Pairs furthest from adding up", shown, ["layers", "formats", "alone", "together"])


def _order(what: str, found: Mapping[str, Any], *, measured: bool) -> str:
    said = (
        f"{what} {found['assignments']} random assignments, measured whole, with a rank correlation of "
        f"{found['spearman']:.2f}"
    )
    return said + (f"; they lose {found['ratio']:.2f} times the sum, in the median." if measured else ".")
