"""bitfront export: a plan as another tool reads it."""

import click

from app import complete, written


class _Targets(click.Command):
    """Its help ends with the targets, which are looked for when it is asked for."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click passes it
        from app.exports import summaries

        with formatter.section("Targets"):
            formatter.write_dl(list(summaries().items()))


@click.command("export", cls=_Targets)
@click.argument("target", shell_complete=complete.exports)
@click.argument("plan", type=click.Path(dir_okay=False))
@click.option("--out", required=True, type=written.NewFile(), help="The file to write.")
@click.option("--model", metavar="MODEL", help="Where the target needs weights or shapes: the plan's own by default.")
@click.option(
    "--data", metavar="MODULE:CALLABLE", help="Calibration data; by default the plan's, or what its callable returns."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(target: str, plan: str, out: str, model: str | None, data: str | None, as_json: bool) -> None:
    """Write PLAN, the JSON of bitfront optimize, as the configuration that TARGET reads.

    What the target cannot express is an error that names the layer and its format.
    """
    from app.exports import notes, schema, write
    from app.text import to_json

    write(target, plan, out, model=model, data=data)
    found = {"target": target, "schema": schema(target), "out": out, "notes": (told := notes(plan))}
    lines = [f"{out} is written for {found['schema']}.", *(f"{line}." for line in told)]
    click.echo(to_json(found) if as_json else "\n".join(lines))
