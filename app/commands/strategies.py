"""bitfront strategies: what turns a network into a cheaper one, by name."""

import click

from app import complete


@click.command("strategies")
@click.argument("name", required=False, shell_complete=complete.strategies)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the strategies with their fields, or say all of the one called NAME.

    A strategy is spelled NAME:FIELD=VALUE,FIELD=VALUE; several, one after the other, have + between them. A field
    without a default must be given.
    """
    from dataclasses import asdict

    from app.text import print_table, to_json
    from costmodel import strategies

    found = [strategies.described(each) for each in ([name] if name else strategies.names())]
    if as_json:
        click.echo(to_json([asdict(each) for each in found]))
    elif name:
        (one,) = found
        click.echo("\n\n".join(text for text in (one.does, one.more, one.source) if text) + "\n")
        rows = [{"field": f.name, "takes": f.takes, "default": f.default} for f in one.fields]
        print_table(f"Fields of {name}, as {one.example}", rows, ("field", "takes", "default"))
    else:
        rows = [{"name": d.name, "does": d.does, "fields": ", ".join(f.spelled for f in d.fields)} for d in found]
        print_table("Strategies", rows, ("name", "fields", "does"))
