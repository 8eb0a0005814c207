"""bitfront demo: the main job on real data, in about a minute."""

import click

from app import written


@click.command("demo")
@click.option("--out", default="demo_out", show_default=True, type=written.NewFolder(), help="Report folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(out: str, as_json: bool) -> None:
    """Train a small network on real digits, pick each layer's format for an FPGA and a GPU, test, and report."""
    from pathlib import Path

    from app.demo.run import run
    from app.show import show
    from app.text import to_json

    runs = run(Path(out))
    if as_json:
        click.echo(to_json(runs))
        return
    for result in runs.values():
        show(result)
        click.echo()
    click.echo(f"Report: {Path(out) / 'report.html'}")
