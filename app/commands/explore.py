"""bitfront explore: sweep a space of designs to its fronts."""

import click

from app import written


@click.command("explore")
@click.argument("space", type=click.Path(dir_okay=False))
@click.option("--out", required=True, type=written.NewFolder(), help="The run's folder; an interrupted one goes on.")
@click.option("--workers", type=int, help="Processes of this machine; as many as cores if not given.")
@click.option("--cluster", default="", metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers do it instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(space: str, out: str, workers: int | None, cluster: str, as_json: bool) -> None:
    """Evaluate every design of the SPACE.toml and keep the front of each group in the folder --out.

    Killed at any instant, the same command goes on and ends with the same files. Show them with bitfront front, list
    runs with bitfront runs, compare two with bitfront diff.
    """
    import os
    from pathlib import Path

    from app.progress import bar
    from app.runs import as_dict, idle_of, refused_of, show_explored, tell
    from app.text import to_json
    from dse.space import Space
    from dse.sweep import sweep

    if cluster and workers is not None:
        raise ValueError("--workers are processes of this machine; a cluster has its own")
    count = len(os.sched_getaffinity(0)) if workers is None else workers
    found = Space.load(Path(space))
    try:
        with bar("Exploring", unit="designs") as progress:
            run = sweep(found, Path(out), workers=count, cluster=cluster, progress=progress)
        tell(Path(out), found)
    except KeyboardInterrupt:
        tell(Path(out), found)
        kept = f"what is done is kept in {out}; the same command goes on" if Path(out).is_dir() else "nothing was begun"
        raise KeyboardInterrupt(kept) from None
    click.echo(to_json(as_dict(run) | idle_of(found) | refused_of(run))) if as_json else show_explored(run)
