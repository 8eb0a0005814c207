"""Runs of the explorer as JSON and on the terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from app.provenance import provenance
from app.text import print_table, to_json
from costmodel import hardware
from costmodel.display import of_all, spread
from costmodel.files import write_atomically
from costmodel.hardware import Device
from dse import store
from dse.designs import estimate_of
from dse.idle import idle_steps
from dse.metric import METRICS
from dse.refused import refusals
from dse.run_ranges import MOST_RANGED, beside
from dse.space import Space
from dse.store import Run

MOST_SHOWN = 40


def as_dict(run: Run) -> dict[str, Any]:
    """Return a run as {"run", "hash", "complete", "chunks", "designs", ..., "front": [{"id", axes, columns}]}."""
    return summary(run) | {
        "objectives": run.plan.space.spec["objectives"],
        "groups": list(run.plan.space.groups),
        "constraints": run.plan.space.spec["constraints"],
        "latency": run.plan.space.latency,
        "space": run.plan.space.spec,
        "columns": list(run.plan.space.columns),
        "provenance": told(run.folder),
        "front": store.front_of(run).to_pylist(),
    }


def ranged(run: Run) -> dict[str, Any]:
    """`as_dict` with the ranges and sources of its front's values, of one of at most MOST_RANGED designs, and "ranges":
    what they are, in sentences."""
    from app import ranges

    found, space = as_dict(run), run.plan.space
    rows, columns = found["front"], [name for name in space.columns if name in METRICS]
    if space.latency != "estimate" or len(rows) > MOST_RANGED:
        return found
    estimates = [estimate_of(space, row["design"]) for row in rows]
    front = [row | beside(each, row, columns) for row, each in zip(rows, estimates, strict=True)]
    of: dict[str, dict[str, None]] = {}
    for row, each in zip(rows, estimates, strict=True):
        of.setdefault(ranges.said(each.totals, columns), {})[str(row["device"])] = None
    told = [f"{', '.join(names)}: " * (len(of) > 1) + sentence for sentence, names in of.items() if sentence]
    return found | {"front": front, "ranges": told}


def tell(folder: Path, space: Space) -> None:
    """Keep beside a run what made it, once: whoever goes on with the run leaves it as it is."""
    path = folder / store.PROVENANCE
    if path.exists():
        return
    write_atomically(path, to_json(provenance(devices_of(space), models_of(space))))


def read(folder: Path) -> Run:
    """The run in a folder; ValueError names what of its making is otherwise now, where it cannot be read for that."""
    try:
        return store.read(folder)
    except store.OutdatedError as error:
        now = provenance(devices_of(error.space), models_of(error.space))
        raise ValueError(f"{error}: {_changes(told(folder), now)}") from None


def _changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What two provenances do not share, in words."""
    found = [
        f"{name} was {one.get(name, 'absent')}, is {other.get(name, 'absent')}"
        for one, other in ((was.get(part, {}), now[part]) for part in ("versions", "inputs", "calibrations"))
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]
    return "; ".join(found) or "its specification is read otherwise"


def devices_of(space: Space) -> dict[str, Device]:
    """The devices of a space by the names it gives them."""
    return {str(name): hardware.device(str(name)) for name in space.axis("device").values}


def models_of(space: Space) -> list[str]:
    """The spellings of a space's models."""
    return [str(value["model"] if isinstance(value, Mapping) else value) for value in space.axis("model").values]


def told(folder: Path) -> dict[str, Any]:
    """What made a run, {} where that was not kept; ValueError where the file is damaged."""
    path = folder / store.PROVENANCE
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError:
        raise ValueError(f"{path} is damaged: it is no JSON") from None
    return found if isinstance(found, dict) else {}


def summary(run: Run) -> dict[str, Any]:
    """Return one line about a run; `excluded` designs do not fit or break a limit, `unknown` ones lack a value."""
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
    run = read(folder)
    sure = _on_front(run) if robust and len(run.front) else []
    if as_json:
        found = as_dict(run)
        if sure:
            found["front"] = [row | {"on_front": p} for row, p in zip(found["front"], sure, strict=True)]
        click.echo(to_json(found))
        return
    show_front(run, sure)


def idle_of(space: Space) -> dict[str, Any]:
    """{"idle": a row a step that changes nothing of a model}, {} where each does."""
    rows = [{"model": model, "strategy": step} for model, step in idle_steps(space)]
    return {"idle": rows} if rows else {}


def refused_of(run: Run) -> dict[str, Any]:
    """{"refused": a row a reason why a strategy or a device has no such design}, {} where none does."""
    rows = refusals(run.plan.space) if run.counts.unknown else []
    return {"refused": rows} if rows else {}


def show_explored(run: Run) -> None:
    """Print the front of a run, what strategies refuse, and which change nothing."""
    show_front(run)
    for row in refused_of(run).get("refused", ()):
        click.echo("{designs} designs refused: {strategy}: {reason}".format(**row))
    for row in idle_of(run.plan.space).get("idle", ()):
        click.echo("{strategy} changes nothing of {model}: designs with it are those without.".format(**row))


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
    some = spread(rows, MOST_SHOWN)
    varied = [axis.name for axis in space.axes if len(axis.values) > 1]
    title = f"{run.folder}: {len(rows)} points{of_all(len(some), len(rows))}"
    shown = [row | {name: str(row[name]) for name in varied} for row in some]
    print_table(title, shown, ["id", *varied, *space.columns, *["on front"] * bool(sure)])
    left_out = f"{run.counts.excluded} do not fit or break a constraint, {run.counts.unknown} have no value there"
    click.echo(f"\n{run.counts.designs} of {space.size} designs: {left_out}.")
    if not run.complete:
        click.echo(f"Not complete: {len(run.done)} of {run.plan.chunks} chunks; the same explore command goes on.")
