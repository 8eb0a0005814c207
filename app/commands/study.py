"""bitfront study: formats against each other on an FPGA, and published methods, on networks trained in the run."""

import click

from app import written


@click.command("study")
@click.argument("study", required=False, metavar="[STUDY.toml | METHOD]")
@click.option("--list", "listed", is_flag=True, help="The methods by name.")
@click.option("--out", type=written.NewFolder(), help="Of a file: a folder for what is found and the page.")
@click.option("--seeds", type=click.IntRange(1), default=1, help="Of a method: networks, each from another seed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str | None, listed: bool, out: str | None, seeds: int, as_json: bool) -> None:
    """Measure what narrow formats cost and lose on networks that are small enough to train and run here.

    A METHOD (--list) is run on digits or on MiniLM's trained weights: every setting's cost by its strategy beside its
    quality, both of one run. A file asks at every pair of formats for accuracy against LUTs, as
    examples/minifloat_vs_int.toml does; what is measured is kept in --out, and goes on where it was interrupted.
    """
    from app.study import methods
    from app.text import print_table, to_json

    if listed:
        told = [{"method": name, "what": what} for name, what in methods.names().items()]
        click.echo(to_json(told)) if as_json else print_table("Methods", told, ["method", "what"])
    elif study is None:
        raise ValueError(f"a study is a file or one of {', '.join(methods.names())}")
    elif study.endswith(".toml"):
        _formats(study, out, as_json)
    else:
        _method(study, seeds, as_json)


def _method(name: str, seeds: int, as_json: bool) -> None:
    from dataclasses import asdict

    from app.progress import working
    from app.study import methods
    from app.text import print_table, to_json

    found = []
    with working(f"Running {name}") as tell:
        for seed in range(seeds):
            for row in methods.rows(name, seed):
                found.append(row)
                tell(f"{len(found)} done, last {row.network}: {row.setting}" + f", seed {seed}" * (seeds > 1))
    if as_json:
        click.echo(to_json([asdict(row) for row in found]))
        return
    shown = methods.summary(found)
    columns = [column for column in shown[0] if seeds > 1 or column != "over seeds"]
    print_table(methods.names()[name], shown, columns)
    for note in methods.notes(name, found):
        click.echo(note)


def _formats(path: str, out: str | None, as_json: bool) -> None:
    from pathlib import Path

    from app.study.question import read
    from app.study.run import run
    from app.text import to_json

    if out is None:
        raise ValueError(f"--out says where what {path} finds is kept")
    result = run(read(Path(path)), Path(out))
    if as_json:
        click.echo(to_json(result))
        return
    for network in result["networks"].values():
        for sentence in (*network["conclusion"], network["conversion"]):
            click.echo(f"{sentence}\n")
    click.echo("Limits:\n" + "\n".join(f"- {limit}" for limit in result["limits"]))
    click.echo(f"\nwritten: {Path(out) / 'study.html'}")
