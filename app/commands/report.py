"""bitfront report: what a run found, as HTML, Markdown, CSV, Parquet, JSON and PDF."""

import click

from app import written


@click.command("report")
@click.argument("run", type=click.Path())
@click.option("--out", required=True, type=written.NewFolder(), help="Folder of the files, made if needed.")
@click.option("--format", "formats", help="Comma-separated: html,md,csv,parquet,json,pdf; all if not given.")
@click.option("--title", default="", help="Heading of the report.")
@click.option("--json", "as_json", is_flag=True, help="Print the files' paths as JSON.")
def command(run: str, out: str, formats: str | None, title: str, as_json: bool) -> None:
    """Write report.html, .md, .csv, .parquet, .json and .pdf of RUN, all from the same results.

    RUN is the folder of a bitfront explore, a file of bitfront optimize --json or bitfront front --json, or the demo's
    report.json. Each file holds what is needed to run it again; bitfront rerun checks it. The PDF needs a Chromium on
    this machine.
    """
    from pathlib import Path

    from app.choices import names
    from app.progress import working
    from app.report import FORMATS, write_all
    from app.report.pdf import chromium
    from app.text import to_json

    wanted = names(formats) if formats is not None else list(FORMATS)
    if not wanted:
        raise ValueError(f"--format must name at least one of {', '.join(FORMATS)}, got {formats!r}")
    left_out = formats is None and chromium() is None
    if left_out:
        wanted.remove("pdf")
    with working("Writing"):
        files = write_all(Path(run), Path(out), wanted, title=title)
    if as_json:
        click.echo(to_json({name: str(path) for name, path in files.items()}))
        return
    for path in files.values():
        click.echo(path)
    if left_out:
        click.echo("No report.pdf: there is no Chromium on this machine.")
