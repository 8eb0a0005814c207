"""bitfront app: the dashboard."""

import click


@click.command("app")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another than this machine's needs --token.")
@click.option("--port", default=8050, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--run", type=click.Path(exists=True, file_okay=False), help="A folder of bitfront explore to show.")
@click.option(
    "--measured",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Measured rows to validate against, as bitfront validate takes them, or whole passes; may be given again.",
)
@click.option("--token", default="", help="What a browser must know; of 16 characters or more where others reach it.")
def command(host: str, port: int, run: str | None, measured: tuple[str, ...], token: str) -> None:
    """Serve the dashboard to browsers until interrupted: explore designs, edit layers, compare, validate.

    It has no --json: it prints where it listens, and no result.
    """
    from pathlib import Path

    from app.server import serve
    from app.web.settings import Settings

    if run:
        from dse import store

        store.plan_of(Path(run))
    if measured:
        from app import measured_sets

        for path in measured:
            measured_sets.check(Path(path))
    settings = Settings(
        host, port, token, Path(run).resolve() if run else None, tuple(Path(path).resolve() for path in measured)
    )
    serve(settings, lambda address: click.echo(f"bitfront app listens on {address}"))
