"""Where one design overtakes another: roots of the difference of a metric along an axis."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

Along = Callable[[Floats], Floats]
"""A design's metric at values of the axis: float64[N] to float64[N]."""

Band = tuple[Along, Along]
"""The low and high ends of a metric's interval along the axis."""

POINTS = 17
ROUNDS = 60
"""Halvings of a bracket: more than a double tells apart."""


def points(low: float, high: float, *, whole: bool = True) -> Floats:
    """Values of an axis from low to high, at most POINTS and evenly apart in logarithms, to compare first."""
    values = np.geomspace(low, high, POINTS)
    return np.unique(np.round(values)) if whole else values


@dataclass(frozen=True)
class Crossover:
    """The designs `before` and `after` hold the lower metric on either side of `at`.

    On an axis of whole numbers `at` is the first value at which `after` is strictly lower. `value` is the metric of
    `after` there.
    """

    at: float
    before: str
    after: str
    value: float


def crossovers(
    first: Along,
    second: Along,
    axis: ArrayLike,
    *,
    names: tuple[str, str] = ("first", "second"),
    whole: bool = False,
    sections: int = 2,
    share: float = 0.0,
) -> tuple[Crossover, ...]:
    """Every change of the lower of two designs between consecutive values of a sorted axis.

    Both are called on arrays. Between two axis values at which the order differs the place is narrowed by bisection, to
    the last bit, to a `share` of itself or, with `whole`, to the integer; two changes between two values are not seen,
    so give the axis as finely as the curves bend. More `sections` than two ask for more values at once, and fewer
    times. Where both are equal nothing changes hands. ValueError on an axis that is not sorted or finite, or a metric
    that is not finite there.
    """
    values = np.asarray(axis, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        raise ValueError(f"axis must hold at least 2 finite values in rising order, got {np.asarray(axis)!r:.80}")
    if whole and (values != np.round(values)).any():
        raise ValueError(f"a whole axis must hold whole numbers, got {values[values != np.round(values)][0]}")
    sign = np.sign(_difference(first, second, values))
    told = np.flatnonzero(sign)
    changes = told[:-1][sign[told[:-1]] != sign[told[1:]]]
    ends = told[np.searchsorted(told, changes, side="right")]
    if not len(changes):
        return ()
    low, high = _narrowed(first, second, values[changes], values[ends], sign[changes], whole, sections, share)
    at = high if whole else (low + high) / 2
    lower = sign[changes] < 0
    metric = np.where(lower, second(at), first(at))
    return tuple(
        Crossover(float(x), names[0] if was else names[1], names[1] if was else names[0], float(v))
        for x, was, v in zip(at, lower, metric, strict=True)
    )


def undecided(
    first: Band, second: Band, axis: ArrayLike, at: float, *, whole: bool = False, share: float = 0.0
) -> tuple[float, float]:
    """The values of the axis around a crossover `at` between which two designs' intervals meet, within the axis.

    Within them either design may be the lower one. Both ends are narrowed as in `crossovers`, or up to a `share` of
    themselves; on an axis of whole numbers they are the last values at which the intervals meet. Where they do not
    meet at `at` both ends are `at`.
    """
    values = np.asarray(axis, dtype=np.float64)
    if not _meet(first, second, np.array([at]))[0]:
        return at, at
    ends = []
    for beside in (values[values < at][::-1], values[values > at]):
        inside = at
        for value in beside.tolist():
            if not _meet(first, second, np.array([value]))[0]:
                inside = _edge(first, second, inside, value, whole, share)
                break
            inside = value
        ends.append(inside)
    return ends[0], ends[1]


def _edge(first: Band, second: Band, inside: float, outside: float, whole: bool, share: float) -> float:
    """The last value towards `outside` at which two bands meet that do so at `inside`, up to a share of it."""
    for _ in range(ROUNDS):
        if abs(outside - inside) <= share * abs(inside):
            break
        middle = (inside + outside) / 2
        middle = float(np.round(middle)) if whole else middle
        if middle in (inside, outside):
            break
        if _meet(first, second, np.array([middle]))[0]:
            inside = middle
        else:
            outside = middle
    return inside


def _meet(first: Band, second: Band, at: Floats) -> NDArray[np.bool_]:
    low, high = (
        bound([np.asarray(band[i](at), dtype=np.float64) for band in (first, second)], axis=0)
        for i, bound in enumerate((np.max, np.min))
    )
    return np.asarray(low <= high)


def _narrowed(
    first: Along, second: Along, low: Floats, high: Floats, sign: Floats, whole: bool, sections: int, share: float
) -> tuple[Floats, Floats]:
    """Brackets in which the old order holds at `low` (or neither) and the new one at `high`."""
    for _ in range(ROUNDS):
        inner = np.linspace(low, high, sections + 1)[1:-1]
        inner = np.floor(inner) if whole else inner
        open_ = (inner > low) & (inner < high) & (high - low > share * np.abs(low))
        if not open_.any():
            break
        new = open_ & (np.sign(_difference(first, second, inner.ravel())).reshape(inner.shape) == -sign)
        high = np.min(np.where(new, inner, high), axis=0)
        low = np.max(np.where(open_ & (inner < high), inner, low), axis=0)
    return low, high


def _difference(first: Along, second: Along, at: Floats) -> Floats:
    found = np.asarray(first(at), dtype=np.float64) - np.asarray(second(at), dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"both metrics must be finite along the axis, they are not at {at[~np.isfinite(found)][0]:g}")
    return found
