"""What is told of an exact front: its points as rows, as one dictionary, as a table."""

from typing import Any

import click
import numpy as np

from app.provenance import provenance
from app.results import fitting, misfit
from app.text import print_table
from costmodel.display import of_all, spread
from costmodel.estimators.fit import RESOURCES
from costmodel.estimators.fpga import Array
from costmodel.hardware import Fpga
from dse.choice_columns import columns
from dse.foldings import made_for


def origin(problems: Any, index: int) -> dict[str, str]:
    """The format that a point's folding was made for; nothing where there is one folding."""
    return {"folding_of": made_for(problems[index])} if len(problems) > 1 else {}


def as_dict(model: str, device: str, problems: Any, found: Any, within: str) -> dict[str, Any]:
    """The front as `--json` prints it."""
    problem = problems[0]
    rows = zip(_rows(problems, found), found.choices.tolist(), found.supported.tolist(), strict=True)
    return {
        "model": model,
        "device": device,
        "objectives": list(found.names),
        "formats": list(problem.names),
        "layers": list(problem.layers),
        "loss_source": problem.loss_source,
        "proven": found.proven,
        "proven_within": within,
        "points": [row | {"choice": choice, "supported": on_hull} for row, choice, on_hull in rows],
        "provenance": provenance({device: problem.device}, [model]),
    }


def _rows(problems: Any, found: Any) -> list[dict[str, Any]]:
    """The values of each point, whose folding it has, and on an FPGA whether it fits."""
    values = [dict(zip(found.names, point, strict=True)) for point in found.points.tolist()]
    origins = found.origin.tolist() if len(problems) > 1 else [0] * len(values)
    told: list[dict[str, Any]] = [{}] * len(values)
    for at in set(origins):
        own = [i for i, each in enumerate(origins) if each == at]
        for i, fit in zip(own, fits(problems[at], found.choices[own]), strict=True):
            told[i] = fit
    return [row | origin(problems, at) | fit for row, at, fit in zip(values, origins, told, strict=True)]


def fits(problem: Any, choices: Any) -> list[dict[str, Any]]:
    """Whether each point fits its FPGA and what it takes too much of; nothing elsewhere."""
    if not isinstance(problem.device, Fpga):
        return [{}] * len(choices)
    array = problem.folding
    if isinstance(array, Array):
        return [fitting({n: getattr(array, n) for n in RESOURCES if hasattr(array, n)}, problem.device)] * len(choices)
    taken = columns(problem, np.asarray(choices, dtype=np.int64), [n for n in RESOURCES if n in problem.costs])
    return [fitting({n: float(c[i]) for n, c in taken.items()}, problem.device) for i in range(len(choices))]


def show(title: str, problems: Any, found: Any, within: str, most: int = 40) -> None:
    """Print at most `most` points, evenly spaced along the front, and what they are proven among."""
    every = [_told(row) for row in _rows(problems, found)]
    rows = spread(every, most)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    print_table(title + of_all(len(rows), len(every)), rows, names)
    if not found.proven:
        click.echo("As evaluated, of plans with outputs priced in their own layer's format: others may be missing.")
    if unfit := sum("does not fit" in row for row in every):
        click.echo(f"{unfit} of {len(every)} points do not fit the device: no such design can be built.")
    if found.proven and within:
        click.echo(f"Proven among {within}.")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A point's row as it is printed: what it takes too much of in words."""
    shown = {name: value for name, value in row.items() if name not in ("fits", "beyond")}
    return shown | ({"does not fit": misfit(row)} if misfit(row) else {})
