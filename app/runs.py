"""Runs of the explorer as JSON and on the terminal."""

from collections.abc import Sequence
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


def print_front(folder: Path, *, as_json: bool, robust: bool = False) -> None:
    """Print the front of a run, so far if it is not complete; `robust` adds how probably each point is on it."""
    run = store.read(folder)
    sure = _on_front(run) if robust and len(run.front) else []
    if as_json:
        found = as_dict(run)
        if sure:
            found["front"] = [row | {"on_front": p} for row, p in zip(found["front"], sure, strict=True)]
        click.echo(to_json(found))
        return
    show_front(run, sure)


def _on_front(run: Run) -> list[float]:
    from app.progress import bar
    from dse.robust_run import probabilities

    with bar("Intervals of the front") as progress:
        found = probabilities(run.plan.space, store.front_of(run).to_pylist(), progress=progress)
    return [float(p) for p in found]


def show_front(run: Run, sure: Sequence[float] = ()) -> None:
    """Print at most MOST_SHOWN points of a front, evenly spaced, and what became of the designs."""
    space = run.plan.space
    rows = store.front_of(run).to_pylist()
    rows = [row | {"on front": f"{p:.0%}"} for row, p in zip(rows, sure, strict=True)] if sure else rows
    step = max(1, -(-len(rows) // MOST_SHOWN))
    varied = [axis.name for axis in space.axes if len(axis.values) > 1]
    title = f"{run.folder}: {len(rows)} points" + (f", 1 in {step} shown" if step > 1 else "")
    shown = [row | {name: str(row[name]) for name in varied} for row in rows[::step]]
    print_table(title, shown, ["id", *varied, *space.columns, *["on front"] * bool(sure)])
    left_out = f"{run.counts.excluded} break a constraint, {run.counts.unknown} have no value there"
    click.echo(f"\n{run.counts.designs} of {space.size} designs: {left_out}.")
    if not run.complete:
        click.echo(f"Not complete: {len(run.done)} of {run.plan.chunks} chunks; the same explore command goes on.")
