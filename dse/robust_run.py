"""How sure the front of a run is: each point's probability of staying on it, under the intervals of latency and energy.

Only the front's own points compete: a design that is just off it, which intervals could bring on, is not in the result.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.designs import estimate_of
from dse.robust import on_front
from dse.space import Space

Floats = NDArray[np.float64]

BOUNDS = {"latency_s": ("latency_low_s", "latency_high_s"), "energy_j": ("energy_low_j", "energy_high_j")}


def probabilities(
    space: Space,
    rows: list[dict[str, Any]],
    *,
    correlation: float = 0.0,
    draws: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Return float[rows]: with what probability each row of a run's front (store.front_of) is on it.

    Rows of one group of the space compete. Errors of one device's designs have that `correlation`, 0 where errors are
    taken as independent, which moves points most. ValueError where no objective has an interval: on the roofline, or
    where neither latency nor energy is among them.
    """
    if space.latency != "estimate" or not any(set(o.value.names) & set(BOUNDS) for o in space.objectives):
        raise ValueError("no objective has an interval: it takes latency_s or energy_j, and the latency of estimate")
    columns = _columns(space, rows, progress)
    unread = sorted(set().union(*(o.value.names for o in space.objectives)) - set(columns))
    if unread:
        raise ValueError(f"an objective reads {unread[0]}, which the run does not keep: name it among its metrics")
    signs = np.array([o.sign for o in space.objectives])
    sides = [_objectives(space, columns, side) for side in (None, 0, 1)]
    values = [np.sort(np.stack([s[:, i] * signs[i] for s in sides]), axis=0) for i in range(len(signs))]
    middle = sides[0] * signs
    low, high = (np.stack([v[at] for v in values], axis=1) for at in (0, -1))
    found = np.empty(len(rows))
    group = space.group(np.array([row["design"] for row in rows]))
    device = np.array([str(row["device"]) for row in rows])
    for one in np.unique(group):
        at = np.flatnonzero(group == one)
        found[at] = on_front(
            middle[at], low[at], high[at], correlation=correlation, groups=device[at].tolist(), draws=draws, seed=seed
        )
    return found


def _columns(
    space: Space, rows: list[dict[str, Any]], progress: Callable[[int, int], None] | None
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Numeric columns of the rows and totals that objectives read, as (value, low, high), equal without an interval."""
    totals = []
    for i, row in enumerate(rows):
        totals.append(estimate_of(space, row["design"]).totals)
        if progress:
            progress(i + 1, len(rows))
    found = {}
    numbers = [name for name, value in rows[0].items() if isinstance(value, int | float)]
    read = set().union(*(o.value.names for o in space.objectives)).intersection(*totals)
    for name in dict.fromkeys([*numbers, *sorted(read)]):
        kept = [row[name] if name in row else total[name] for row, total in zip(rows, totals, strict=True)]
        column = np.array(kept, dtype=np.float64)
        sides = (np.array([t.get(b, np.nan) for t in totals]) for b in BOUNDS.get(name, ()))
        low, high = list(sides) or (column, column)
        found[name] = (column, np.fmin(low, column), np.fmax(high, column))
    return found


def _objectives(space: Space, columns: dict[str, tuple[Floats, Floats, Floats]], side: int | None) -> Floats:
    named = {name: parts[0 if side is None else side + 1] for name, parts in columns.items()}
    shape = np.shape(next(iter(named.values())))
    return np.stack([np.broadcast_to(o.value(named), shape) for o in space.objectives], axis=1)
