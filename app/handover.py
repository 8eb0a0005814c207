"""A design of Explore as exports and reports take it: its layers' formats, and the plan whose layers are all pinned."""

import math
from typing import Any

from app.explore import axes, session_runs
from app.explore.designs import Designs
from app.explore.opened import Opened, open_design
from app.optimise import solution
from app.optimise.question import Question
from app.results import layers

TAKEN = ("model", "device", "precision", "strategy", "batch", "context", "resolution")
"""Axes of a space that a plan has."""
SAME = ("latency_s", "weight_bytes", "energy_j", "lut")
"""Totals by which a plan is known to be the design."""


def exported(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any) -> dict[str, Any]:
    """An opened design as `app.exports` takes it; ValueError in one line where a plan cannot hold it."""
    designs, row, found = _opened(design, edits, ready, x, y, z)
    asked = question(designs, row, found)
    return {
        "model": asked.spoken, "device": asked.device, "assignment": assignment(found), "totals": dict(found.columns),
        "layers": layers(found.estimate),
    }  # fmt: skip


def reported(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any) -> dict[str, Any]:
    """An opened design as `app.report` takes it: the plan whose layers are all pinned, beside uniform ones; on an FPGA
    all are folded as the design is. ValueError in one line where that plan is another.
    """
    designs, row, found = _opened(design, edits, ready, x, y, z)
    asked = question(designs, row, found)
    plan = solution.for_pages(asked, solution.solve(asked, lambda *_: None))
    for name in SAME:
        mine, its = found.columns.get(name, math.nan), plan["totals"].get(name, math.nan)
        if abs(mine - its) > 1e-9 * abs(mine):
            raise ValueError(
                f"a plan with these formats has another {name} ({its:.4g}, here {mine:.4g}), so that its report is of "
                "another design: files for other tools hold this one"
            )
    return solution.without_pages(plan | {"provenance": plan["provenance"] | {"opened_on": "Explore"}})


def question(designs: Designs, row: int, found: Opened) -> Question:
    """What Optimise would be asked for the design: its formats, each layer pinned to its own."""
    values = designs.values(row)
    for name in values:
        if name not in TAKEN:
            raise ValueError(f"a plan has no {name}")
    if values.get("strategy", "none") != "none":
        raise ValueError(f"a plan holds formats, and no strategy: got {values['strategy']}")
    link, phase, batch = session_runs.linked_model(values)
    chosen = assignment(found)
    sizes: dict[str, Any] = {n: int(values[n]) for n in ("batch", "context", "resolution") if n in values}
    return Question(
        session_runs.uploads().get(link, link), str(values["device"]), tuple(dict.fromkeys(chosen.values())), phase,
        **sizes | ({"batch": int(batch)} if batch else {}),
        pins=tuple(f"{layer}={precision}" for layer, precision in chosen.items()), laid_for=found.laid_for,
    )  # fmt: skip


def assignment(found: Opened) -> dict[str, str]:
    """The precision of each layer with weights of its own."""
    named = zip(found.estimate.workload.ops, found.estimate.precisions, strict=True)
    known = set(found.estimate.workload.layers)
    return {op.name: precision.name for op, precision in named if op.name in known}


def _opened(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any) -> tuple[Designs, int, Opened]:
    if not design or ready is None:
        raise ValueError("choose a design first")
    designs, row = session_runs.find(ready, axes.named(x, y, z), design)
    return designs, row, open_design(designs, row, tuple(sorted(edits.items())))
