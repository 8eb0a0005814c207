"""bitfront claims: published figures against what the formulas here give."""

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
    from app.claims import count, rows, written
    from app.text import print_table, to_json

    found = rows(pattern, checks=checks)
    if as_json:
        click.echo(to_json(found))
        return
    print_table("checks of formulas" if checks else "published claims", [written(row) for row in found], COLUMNS)
    for row in found:
        if row["published"] is None:
            click.echo(f"{row['system']}: {row['gap']}; {row['quantity']} ({row['source']})")
        elif row.get("gap"):
            click.echo(f"{row['system']}, {row['quantity']}: {row['gap']}")
    total = {"checks": len(found)} if checks else count(found)
    click.echo(", ".join(f"{number} {verdict}" for verdict, number in total.items()))
