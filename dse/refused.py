"""Workloads of a space that a strategy refuses: their designs have no value, and why is told."""

from collections import Counter
from itertools import product
from typing import Any

from dse.chunk import corners
from dse.design_columns import takes_cells
from dse.passes import RefusedError, build
from dse.sketches import sketch
from dse.space import Space

MOST_WORKLOADS = 2**10
"""Workloads of a space up to which each is asked; of more those at the ends of the axes are."""


def refusals(space: Space) -> list[dict[str, Any]]:
    """Return {"strategy", "reason", "designs"} of what strategies refuse, the most designs first.

    Of a space of more than MOST_WORKLOADS `designs` are those at the ends of its axes. What limits on axes exclude is
    among them too.
    """
    if space.hash not in _KEPT:
        _KEPT.clear()
        _KEPT[space.hash] = _refusals(space)
    return _KEPT[space.hash]


_KEPT: dict[str, list[dict[str, Any]]] = {}
"""Those of the last space that was asked for, as a page asks again and again."""


def _refusals(space: Space) -> list[dict[str, Any]]:
    axes = [axis for axis in space.axes if axis.name != "precision" and not axis.name.startswith("device")]
    precisions, devices = space.inner()
    whole = space.size // (precisions * devices) <= MOST_WORKLOADS
    every = (dict(zip((a.name for a in axes), values, strict=True)) for values in product(*(a.values for a in axes)))
    make = sketch if takes_cells(space) else build
    found = Counter[tuple[str, str]]()
    for values in every if whole else corners(space):
        try:
            make(values)
        except RefusedError as error:
            found[error.strategy, error.reason] += precisions * devices
    return [{"strategy": s, "reason": why, "designs": n} for (s, why), n in found.most_common()]
