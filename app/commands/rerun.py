"""bitfront rerun: make a kept result again and say which numbers differ."""

import click

MOST_SHOWN = 20
EXIT_DIFFERS = 1


@click.command("rerun")
@click.argument("result", type=click.Path())
@click.option("--rtol", type=float, default=0.0, show_default=True, help="Relative difference allowed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(result: str, rtol: float, as_json: bool) -> None:
    """Run again what made RESULT, and compare every number; the exit status is 1 where one differs.

    RESULT is a report.json of bitfront report or demo, a file of bitfront optimize --json, or the folder of a run of
    bitfront explore. Its command runs in this folder: with a model torch:module:callable that calls code of yours, so
    run files that you trust.
    """
    import sys
    from dataclasses import asdict
    from pathlib import Path

    from app.progress import working
    from app.report.source import read
    from app.rerun import rerun
    from app.text import print_table, to_json

    with working("Running it again"):
        check = rerun(read(Path(result)), result, rtol=rtol)
    if as_json:
        click.echo(to_json({"equal": not check.differences} | asdict(check)))
    else:
        columns = ("where", "was", "now")
        for title, found in (("Made otherwise", check.changed), ("Values that differ", check.differences)):
            if found:
                rows = [{name: str(getattr(d, name)) for name in columns} for d in found[:MOST_SHOWN]]
                more = f", {MOST_SHOWN} of {len(found)} shown" if len(found) > MOST_SHOWN else ""
                print_table(title + more, rows, columns)
        click.echo(f"{check.compared - len(check.differences)} of {check.compared} values are as they were.")
    if check.differences:
        sys.exit(EXIT_DIFFERS)
