"""The front that an exploration found, at two of its objectives: as the page Explore draws it, from rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.figures.front import front
from dse.places import of_groups

Row = Mapping[str, Any]

MOST_GROUPS = 8
"""Groups that have a colour of their own."""


def explored(
    rows: Sequence[Row], *, x: str, y: str, groups: Sequence[str], title: str, higher: Collection[str] = ()
) -> go.Figure:
    """Plot rows, dicts with x and y, and what of them no other row of its group beats at these two.

    groups  columns whose values have a front each: of more than MOST_GROUPS, the first of them that has fewer
    higher  which of x and y are the better the higher they are
    Of rows at one place of a front the first is drawn, and says how many designs are there: a row's `equals`, or one.
    """
    columns = {name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in (x, y)}
    known = np.flatnonzero(np.isfinite(np.stack(list(columns.values()))).all(axis=0))
    points = np.stack([(-1.0 if name in higher else 1.0) * columns[name] for name in (x, y)], axis=1)
    found = of_groups(points, _grouped(rows, known, groups), np.array([int(row.get("equals", 1)) for row in rows]))
    log = [bool((columns[name][known] > 0).all()) for name in (x, y)]
    return front(
        columns, (x, y), cloud=found.drawn, fronts=found.fronts, hulls=found.hulls, shared=found.shared, uniform={},
        log=log, title=title, rest="On the front by other objectives", texts=[str(row.get("id", "")) for row in rows],
    )  # fmt: skip


def _grouped(rows: Sequence[Row], known: NDArray[np.int64], groups: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The known rows by the values of groups: of all of them, else of one, else all together."""
    for columns in (tuple(groups), *((group,) for group in groups)):
        names = [", ".join(str(rows[i][column]) for column in columns) for i in known]
        if columns and len(set(names)) <= MOST_GROUPS:
            return {name: known[np.array(names) == name] for name in dict.fromkeys(names)}
    return {"Front": known}
