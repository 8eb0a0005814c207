"""bitfront runs: the runs of the explorer in a folder."""

import click


@click.command("runs")
@click.argument("folder", default=".", type=click.Path())
@click.option("--sql", metavar="SELECT", help="DuckDB SQL over `front`, and `rows` where kept; `run` names the folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: str, sql: str | None, as_json: bool) -> None:
    """List the runs in FOLDER (a run itself, or the folder above several), or ask them by SQL."""
    from pathlib import Path

    from app.runs import summary
    from app.text import print_table, to_json
    from dse import store

    def left_out(error: ValueError) -> None:
        click.echo(f"bitfront: left out: {error}", err=True)

    if sql is not None:
        rows = store.query(Path(folder), sql, left_out).to_pylist()
    else:
        rows = []
        for path in store.runs(Path(folder)):
            try:
                rows.append(summary(store.read(path)))
            except ValueError as error:
                left_out(error)
    if as_json:
        click.echo(to_json(rows))
    elif rows:
        whole = [{name: str(v) if isinstance(v, int) else v for name, v in row.items()} for row in rows]
        print_table(f"Runs in {folder}" if sql is None else sql, whole, list(rows[0]))
    else:
        click.echo(f"No run in {folder}." if sql is None else "No row.")
