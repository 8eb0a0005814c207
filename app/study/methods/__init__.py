"""Published methods on small trained networks, one a file: what each setting costs by its strategy, and what it loses.

A module's `rows(seed)` yields a Row a setting; its docstring is what `bitfront study --list` says of it, and its
`notes(rows)`, where it has them, what the table alone does not.
"""

import sys
from collections.abc import Iterator
from itertools import groupby
from math import isfinite, isnan
from statistics import fmean
from typing import Any

from app.study.row import Row
from costmodel.catalog import modules, require


def names() -> dict[str, str]:
    """The first line of each method's docstring, by name."""
    found = modules(sys.modules[__name__])
    return {name: (module.__doc__ or "").splitlines()[0] for name, module in found.items()}


def rows(name: str, seed: int) -> Iterator[Row]:
    """Yield the rows of a method by name from a seed; UnknownNameError lists near names."""
    found = modules(sys.modules[__name__])
    yield from found[require("study", name, found)].rows(seed)


def notes(name: str, found: list[Row]) -> list[str]:
    """Sentences on what a method found, as its module's own `notes` has them; none of most."""
    told: list[str] = getattr(modules(sys.modules[__name__])[name], "notes", lambda _: [])(found)
    return told


def summary(found: list[Row]) -> list[dict[str, Any]]:
    """One row a setting: means over seeds as text, what was measured beside, and the span of quality over them."""

    def key(row: Row) -> tuple[str, str]:
        return row.network, row.setting

    order = list(dict.fromkeys(map(key, found)))
    listed = []
    for names_, group in groupby(sorted(found, key=lambda row: order.index(key(row))), key):
        same = list(group)
        cost, quality = fmean(row.cost for row in same), [row.quality for row in same]
        told = {"network": names_[0], "setting": names_[1]}
        told |= {
            same[0].costs: "not known" if isnan(cost) else f"{cost:.3f}",
            same[0].is_quality: f"{fmean(quality):.4f}",
        }
        for name in same[0].beside:
            told[name] = _mean([row.beside[name] for row in same])
        listed.append(told | {"over seeds": f"{min(quality):.4f} to {max(quality):.4f}"})
    return listed


def _mean(values: list[float]) -> str:
    finite = [value for value in values if isfinite(value)]
    if not finite:
        return "not finite"
    lost = len(values) - len(finite)
    return f"{fmean(finite):.4f}" + f", {lost} not finite" * bool(lost)
