"""bitfront claims: published figures against what the formulas here give."""

import click


@click.command("claims")
@click.option("--system", "pattern", default="*", help="Systems by glob, as 'MegaScale*'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(pattern: str, as_json: bool) -> None:
    """List published claims, what is reproduced of each, and why some are not."""
    from app.claims import count, rows, unclaimed
    from app.text import print_table, to_json

    found = rows(pattern)
    if as_json:
        click.echo(to_json(found))
        return
    columns = ("system", "quantity", "published", "reproduced", "rel_error", "verdict")
    print_table("published claims", found, columns)
    for row in found:
        if row.get("gap"):
            click.echo(f"{row['system']} {row['id']}: {row['gap']}")
    if pattern == "*":
        for system in unclaimed():
            click.echo(f"{system.system}: no figure read; {system.what} ({system.source})")
    click.echo(", ".join(f"{number} {verdict}" for verdict, number in count(found).items()))
