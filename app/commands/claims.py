"""bitfront claims: published figures against what the formulas here give."""

from typing import Any

import click

COLUMNS = ("system", "quantity", "published", "reproduced", "difference", "verdict", "kind", "how", "source")


@click.command("claims")
@click.option("--system", "pattern", default="*", help="Systems by glob, as 'MegaScale*'.")
@click.option("--checks", is_flag=True, help="List instead what agrees with its source and is no reproduction.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(pattern: str, checks: bool, as_json: bool) -> None:
    """List published figures, what is reproduced of each, and why some are not.

    `how` says where a computed figure comes from: formula (the source's, which gives a figure that was printed), count
    (of the network, by this program), refit (published data fitted here). Beside them --checks lists comparisons of a
    formula here with its source alone: run (others' code was run for it), evaluated (nobody printed it), fitted
    (constants here were chosen to give it), definition.
    """
    from app.claims import count, rows
    from app.text import print_table, to_json

    found = rows(pattern, checks=checks)
    if as_json:
        click.echo(to_json(found))
        return
    shown = [_shown(row) for row in found]
    print_table("checks of formulas" if checks else "published claims", shown, COLUMNS)
    for row in found:
        if row["published"] is None:
            click.echo(f"{row['system']}: {row['gap']}; {row['quantity']} ({row['source']})")
        elif row.get("gap"):
            click.echo(f"{row['system']} {row['id']}: {row['gap']}")
    total = {"checks": len(found)} if checks else count(found)
    click.echo(", ".join(f"{number} {verdict}" for verdict, number in total.items()))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a terminal shows it: figures in the unit that their quantity names, without prefixes."""
    numbers = {name: _number(row[name]) for name in ("published", "reproduced")}
    numbers |= {"verdict": row["gap"]} if row["published"] is None else {}
    off = "-" if row["rel_error"] is None else f"{row['rel_error']:.2%}"
    return row | numbers | {"difference": off}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.5g}"
