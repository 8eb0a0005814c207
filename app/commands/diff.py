"""bitfront diff: two runs of the explorer side by side."""

from typing import Any

import click


@click.command("diff")
@click.argument("run_a", type=click.Path())
@click.argument("run_b", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run_a: str, run_b: str, as_json: bool) -> None:
    """Compare the spaces and the fronts of two runs: which designs came, went or changed."""
    from dataclasses import asdict
    from pathlib import Path

    from app.text import to_json
    from dse import store
    from dse.comparison import compare

    a, b = (store.read(Path(folder)) for folder in (run_a, run_b))
    found = compare(a, b)
    if as_json:
        click.echo(to_json({"run_a": run_a, "run_b": run_b} | asdict(found)))
        return
    for name, (left, right) in found.spaces.items():
        click.echo(f"{name}: {left} in {run_a}, {right} in {run_b}")
    for side, ids, run in ((run_a, found.only_a, a), (run_b, found.only_b, b)):
        _show(f"{len(ids)} designs on the front of {side} alone", ids, run)
    click.echo(f"{len(found.common)} designs on both fronts, {len(found.changed)} of them with other figures")
    for id_, columns in list(found.changed.items())[:MOST_SHOWN]:
        click.echo(f"  {id_}: " + ", ".join(f"{name} {x:.6g} -> {y:.6g}" for name, (x, y) in columns.items()))
    if found.coverage:
        over_b, over_a = found.coverage
        click.echo(f"{run_a} is no worse than {over_b:.0%} of {run_b}'s points; the reverse {over_a:.0%}")


MOST_SHOWN = 20


def _show(title: str, ids: tuple[str, ...], run: Any) -> None:
    from app.text import print_table
    from dse.store import front_of

    rows = [row for row in front_of(run).to_pylist() if row["id"] in set(ids)]
    varied = [axis.name for axis in run.plan.space.axes if len(axis.values) > 1]
    shown = f", the first {MOST_SHOWN}" if len(rows) > MOST_SHOWN else ""
    if rows:
        print_table(title + shown, rows[:MOST_SHOWN], ["id", *varied, *run.plan.space.columns])
