"""bitfront study: weight formats against activation formats on an FPGA, on networks trained in the run."""

import click


@click.command("study")
@click.argument("path", metavar="STUDY.toml", type=click.Path(dir_okay=False))
@click.option("--out", required=True, type=click.Path(file_okay=False), help="A folder for what is found and the page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(path: str, out: str, as_json: bool) -> None:
    """Train networks, quantise them at every pair of formats, and compare accuracy with LUTs.

    What is measured is kept in the folder: the same command goes on where an interrupted one stopped. An example is
    examples/minifloat_vs_int.toml.
    """
    from pathlib import Path

    from app.study.question import read
    from app.study.run import run
    from app.text import to_json

    result = run(read(Path(path)), Path(out))
    if as_json:
        click.echo(to_json(result))
        return
    for network in result["networks"].values():
        for sentence in (*network["conclusion"], network["conversion"]):
            click.echo(f"{sentence}\n")
    click.echo("Limits:\n" + "\n".join(f"- {limit}" for limit in result["limits"]))
    click.echo(f"\nwritten: {Path(out) / 'study.html'}")
