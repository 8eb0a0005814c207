"""bitfront crossover: where one design overtakes another along an axis."""

from typing import Any

import click

CHANGED = "A changed device keeps the constants measured on the named one: they tell less the further it is changed."
"""Of an axis that changes a device."""

UNFIT = "does not fit"
"""The column of designs that their devices cannot hold at a crossover: no such design can run."""


@click.command("crossover")
@click.argument("model")
@click.option(
    "--design",
    "designs",
    multiple=True,
    metavar="DEVICE@PRECISION[@STRATEGY]",
    help="Give two or more, as h100_sxm@w4a16 or h100_sxm@bf16@nm_sparsity:n=2,m=4.",
)
@click.option(
    "--axis",
    required=True,
    metavar="NAME=LOW:HIGH",
    help="As batch=1:256, context, resolution, device.FIELD, or NAME of a {NAME} in designs; or values: gpus=1,2,4.",
)
@click.option("--metric", default="latency_s", show_default=True, help="A total of estimate.")
@click.option("--batch", type=int, help="Images or sequences in a pass.")
@click.option("--resolution", type=int, help="Image height and width of a vision network.")
@click.option("--context", type=int, help="Tokens of a language model: cached ones to decode after, or the prompt's.")
@click.option("--phase", help="Which pass, as in estimate.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str, designs: tuple[str, ...], axis: str, metric: str, as_json: bool, **shape: Any) -> None:
    """Find where one design of MODEL overtakes another as an axis grows: the first value at which it is better.

    Every pair of designs is compared. Between two of the points compared first, a change and its reversal are not seen.
    An axis whose ends are written as whole numbers has whole values alone. From `from` to `to` the designs' intervals
    meet, so that either may be the better one there. A device.FIELD changes the device, not the constants measured on
    it; a GPU takes at least its traffic with DRAM, at whatever bandwidth. What "does not fit" at a crossover takes more
    there than its device has, memory or resources: no such design can run.
    """
    from app.crossovers import Axis, found
    from app.progress import working
    from app.text import to_json
    from dse.axes import FIELD

    if len(designs) < 2:
        raise ValueError(f"crossover needs at least two --design DEVICE@PRECISION, got {len(designs)}")
    twice = next((design for design in designs if designs.count(design) > 1), None)
    if twice:
        raise ValueError(f"crossover needs different designs, got {twice} twice")
    along = Axis.read(axis, designs)
    with working(f"Comparing {len(designs)} designs"):
        ends, rows, fits = found(model, designs, along, metric, shape)
    notes = [CHANGED] if along.name.startswith(FIELD) else []
    if as_json:
        told = [along.name, *(along.told(end) for end in along.places[[0, -1]])]
        answer = {"model": model, "axis": told, "metric": metric, "ends": ends, "crossovers": rows, "fits": fits}
        click.echo(to_json(answer | {"notes": notes}))
    else:
        _show(model, along, metric, ends, rows, fits)
        for note in notes:
            click.echo(note)


def _show(
    model: str, along: Any, metric: str, ends: dict[str, list[float]], rows: list[dict[str, Any]], fits: Any
) -> None:
    from app.text import print_table, quantity

    low, high = (along.told(end) for end in along.places[[0, -1]])
    shown = [row | {metric: quantity(metric, row[metric])} for row in rows]
    shown = [{n: f"{v:g}" if n in ("from", "to") else v for n, v in row.items()} for row in shown]
    shown = [row | {UNFIT: _roles(row)} for row in shown]
    ranges, unfit = any("from" in row for row in rows), any(row["unfit"] for row in rows)
    columns = [along.name, "overtakes", "overtaken", metric, *["from", "to"] * ranges, *[UNFIT] * unfit]
    print_table(f"{model}: crossovers along {along.name} from {low:g} to {high:g}", shown, columns)
    for design, (first, last) in ends.items():
        told = f"{design}: {quantity(metric, first)} at {low:g}, {quantity(metric, last)} at {high:g}"
        click.echo(told + _where(fits[design], (low, high)))


def _roles(row: dict[str, Any]) -> str:
    """Which of a crossover's two designs do not fit there."""
    roles = [role for role in ("overtakes", "overtaken") if row[role] in row["unfit"]]
    return "both" if len(roles) == 2 else "".join(roles)


def _where(fits: tuple[float, float] | None, ends: tuple[float, float]) -> str:
    """Where a design fits its device, empty where it does at both ends of the axis."""
    if fits is None:
        return "; does not fit its device: no such design can run"
    if fits == ends:
        return ""
    return f"; does not fit its device {f'beyond {fits[1]:g}' if fits[0] == ends[0] else f'below {fits[0]:g}'}"
