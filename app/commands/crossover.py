"""bitfront crossover: where one design overtakes another along batch, context or resolution."""

from typing import Any

import click


@click.command("crossover")
@click.argument("model")
@click.option(
    "--design",
    "designs",
    multiple=True,
    metavar="DEVICE@PRECISION[@STRATEGY]",
    help="Give two or more, as h100_sxm@w4a16 or h100_sxm@bf16@nm_sparsity:n=2,m=4.",
)
@click.option("--axis", required=True, metavar="NAME=LOW:HIGH", help="batch, context or resolution, as batch=1:256.")
@click.option("--metric", default="latency_s", show_default=True, help="A total of estimate, lower is better.")
@click.option("--batch", type=int, help="Images or sequences in a pass.")
@click.option("--resolution", type=int, help="Image height and width of a vision network.")
@click.option("--context", type=int, help="Tokens of a language model: cached ones to decode after, or the prompt's.")
@click.option("--phase", help="Which pass, as in estimate.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str, designs: tuple[str, ...], axis: str, metric: str, as_json: bool, **shape: Any) -> None:
    """Find where one design of MODEL overtakes another as an axis grows: the first whole value at which it is lower.

    Every pair of designs is compared. Between two of the points compared first, a change and its reversal are not seen.
    """
    from itertools import combinations

    from app.progress import working
    from app.text import print_table, quantity, to_json
    from dse.crossover import crossovers, points

    name, low, high = _axis(axis)
    if len(designs) < 2:
        raise ValueError(f"crossover needs at least two --design DEVICE@PRECISION, got {len(designs)}")
    twice = next((design for design in designs if designs.count(design) > 1), None)
    if twice:
        raise ValueError(f"crossover needs different designs, got {twice} twice")
    curves = {design: _curve(model, design, name, metric, shape) for design in designs}
    values = points(low, high)
    with working(f"Comparing {len(curves)} designs"):
        pairs = list(combinations(curves, 2))
        found = [c for a, b in pairs for c in crossovers(curves[a], curves[b], values, names=(a, b), whole=True)]
        ends = {d: [float(v) for v in curve(values[[0, -1]])] for d, curve in curves.items()}
    rows: list[dict[str, Any]] = [
        {name: int(c.at), "overtakes": c.after, "overtaken": c.before, metric: c.value} for c in found
    ]
    if as_json:
        click.echo(
            to_json({"model": model, "axis": [name, low, high], "metric": metric, "ends": ends, "crossovers": rows})
        )
        return
    shown = [row | {metric: quantity(metric, float(row[metric]))} for row in rows]
    print_table(
        f"{model}: crossovers along {name} from {low} to {high}", shown, [name, "overtakes", "overtaken", metric]
    )
    for design, (first, last) in ends.items():
        click.echo(f"{design}: {quantity(metric, first)} at {low}, {quantity(metric, last)} at {high}")


def _axis(text: str) -> tuple[str, int, int]:
    name, _, limits = text.partition("=")
    low, _, high = limits.partition(":")
    if name not in ("batch", "context", "resolution") or not (low.isdecimal() and high.isdecimal()):
        raise ValueError(f"--axis must be batch, context or resolution =LOW:HIGH in whole numbers, got {text!r}")
    if not 1 <= int(low) < int(high):
        raise ValueError(f"--axis must rise from at least 1, got {text!r}")
    return name, int(low), int(high)


def _curve(model: str, design: str, axis: str, metric: str, shape: dict[str, Any]) -> Any:
    """The metric of a design as a function of arrays of axis values."""
    import costmodel as cm
    from dse.curves import along

    device, precision, spelled = (*design.split("@", 2), "", "")[:3]
    if not precision:
        raise ValueError(f"--design must be DEVICE@PRECISION[@STRATEGY], got {design!r}")
    text = spelled or "none"
    return along(axis, model, precision, cm.device(device), strategy_text=text, metric=metric, shape=shape)
