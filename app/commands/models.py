"""bitfront models: the networks of the zoo."""

import click


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the networks that zoo:NAME knows, with their size and work at batch 1."""
    from app.text import print_table, to_json
    from costmodel import zoo

    rows = []
    for name in zoo.names():
        found = zoo.language_model(name)
        phases = ("encode", "decode") if found and found.encoder else ("",)
        passes = [zoo.build(name, phase=phase) for phase in phases]
        params, macs = (
            sum(float(getattr(p.batch_of_ops, column).sum()) for p in passes) for column in ("params", "macs")
        )
        rows.append({"name": name, "phase": " + ".join(p.phase for p in passes), "params": params, "macs": macs})
    if as_json:
        click.echo(to_json(rows))
    else:
        print_table("Zoo", rows, ("name", "phase", "params", "macs"))
