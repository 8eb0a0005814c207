"""Runs of the explorer as JSON and on the terminal."""

from pathlib import Path
from typing import Any

import click

from app.text import print_table, to_json
from dse import store
from dse.store import Run

MOST_SHOWN = 40


def as_dict(run: Run) -> dict[str, Any]:
    """Return a run as {"run", "hash", "complete", "chunks", "designs", ..., "front": [{"id", axes, columns}]}."""
    return summary(run) | {
        "objectives": run.plan.space.spec["objectives"],
        "groups": list(run.plan.space.groups),
        "constraints": run.plan.space.spec["constraints"],
        "latency": run.plan.space.latency,
        "front": store.front_of(run).to_pylist(),
    }


def summary(run: Run) -> dict[str, Any]:
    """Return one line about a run; `excluded` designs break a constraint, `unknown` ones have no value."""
    return {
        "run": str(run.folder),
        "hash": run.plan.space.hash[:16],
        "complete": run.complete,
        "chunks_done": len(run.done),
        "chunks": run.plan.chunks,
        "designs": run.plan.space.size,
        "designs_done": run.counts.designs,
        "excluded": run.counts.excluded,
        "unknown": run.counts.unknown,
        "points": len(run.front),
    }


def print_front(folder: Path, *, as_json: bool) -> None:
    """Print the front of a run, so far if it is not complete."""
    run = store.read(folder)
    if as_json:
        click.echo(to_json(as_dict(run)))
        return
    show_front(run)


def show_front(run: Run) -> None:
    """Print at most MOST_SHOWN points of a front, evenly spaced, and what became of the designs."""
    space = run.plan.space
    rows = store.front_of(run).to_pylist()
    step = max(1, -(-len(rows) // MOST_SHOWN))
    varied = [axis.name for axis in space.axes if len(axis.values) > 1]
    title = f"{run.folder}: {len(rows)} points" + (f", 1 in {step} shown" if step > 1 else "")
    shown = [row | {name: str(row[name]) for name in varied} for row in rows[::step]]
    print_table(title, shown, ["id", *varied, *space.columns])
    left_out = f"{run.counts.excluded} break a constraint, {run.counts.unknown} have no value there"
    click.echo(f"\n{run.counts.designs} of {space.size} designs: {left_out}.")
    if not run.complete:
        click.echo(f"Not complete: {len(run.done)} of {run.plan.chunks} chunks; the same explore command goes on.")
