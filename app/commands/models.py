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
        workload = zoo.build(name)
        ops = workload.batch_of_ops
        rows.append(
            {"name": name, "phase": workload.phase, "params": float(ops.params.sum()), "macs": float(ops.macs.sum())}
        )
    if as_json:
        click.echo(to_json(rows))
    else:
        print_table("Zoo", rows, ("name", "phase", "params", "macs"))
