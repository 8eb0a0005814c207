"""Axes of columns: a title in words, ticks with prefix and unit, as many as can be read."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from app.text import label
from costmodel.display import quantity, unit

LARGE = 1e4
"""From which on a number without a unit has a prefix; smaller ones, such as losses, are written out."""
SMALL = 1e-5
"""Below which a logarithmic axis of plain numbers has all of them as powers: 1e-8 beside 1e-2."""
MOST_DECADES = 9
"""Decades that each have a tick; of more, every second one."""
ALIKE = 1e-6
"""Values whose span is a smaller share of them are drawn as one."""
EDGE = 1.2
"""The range of an axis to the span of its values, as plotly.js leaves room beside them."""


def axis(column: str, values: ArrayLike, *, log: bool = False) -> dict[str, Any]:
    """Return plotly's axis of a column whose `values` it shows; on a logarithmic one those of 0 and below are not seen.

    Ticks carry the prefix and the unit (20ms, 8GB), so that the title needs none and zooming may change the prefix.
    Values that are all alike stand in the middle of a linear axis from 0: plotly.js would show -1 to 1 around 0.2 ms.
    """
    low, high = _ends(values, least=5e-324 if log else -math.inf)
    found: dict[str, Any] = {"title": {"text": label(column)}} | _ticks(column, high)
    if log and found["tickformat"] == "~g" and low < SMALL:
        found["tickformat"] = "~e"
    if not log:
        alike = (low or high) and high - low <= ALIKE * max(abs(low), abs(high))
        return found | ({"range": sorted((0.0, 2 * high))} if alike else {})
    decades = EDGE * math.log10(high / low) if low else 0.0
    return found | {"type": "log", "nticks": _log_ticks(decades)} | _between(column, low, high)


def hover(column: str, values: ArrayLike, letter: str) -> str:
    """A column and its value at x, y or z in words, for a hover template: Latency 12.3ms."""
    form = "~s" if _is_prefixed(column, _ends(values)[1]) else "~g"
    return f"{label(column)} %{{{letter}:.4{form}}}{unit(column)}"


def _ends(values: ArrayLike, *, least: float = -math.inf) -> tuple[float, float]:
    """The least and the most of the finite values from `least` on; (0, 0) where there is none."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found) & (found >= least)]
    return (float(found.min()), float(found.max())) if len(found) else (0.0, 0.0)


def _ticks(column: str, most: float) -> dict[str, Any]:
    if not _is_prefixed(column, most):
        return {"tickformat": "~g"}
    return {"tickformat": "~s", "ticksuffix": unit(column)}


def _between(column: str, low: float, high: float) -> dict[str, Any]:
    """The unit at ticks between decades, where plotly.js leaves it out: 5m is 5ms."""
    if not unit(column) or not low:
        return {}
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    plain = [quantity("", digit * 10.0**decade).replace(" ", "") for decade in decades for digit in range(2, 10)]
    return {"labelalias": {text: f"{text}{unit(column)}" for text in plain}}


def _is_prefixed(column: str, most: float) -> bool:
    return bool(unit(column)) or most >= LARGE


def _log_ticks(decades: float) -> int:
    """How many ticks lead plotly.js to one a decade, to 1, 2 and 5 in each, or within one decade to even steps."""
    if decades > MOST_DECADES:
        return MOST_DECADES
    if decades > 3:
        return math.ceil(decades)
    return math.ceil(2 * decades) if decades > 1 else 4
