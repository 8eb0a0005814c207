"""Where designs overtake each other along an axis of the command line, and between which values that may be."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.axes import SHAPE, require_unit
from dse.crossover import Along, Band, crossovers, points, undecided
from dse.curves import Varied, along, require_axis
from dse.metric import METRICS

Floats = NDArray[np.float64]

FINE, UNSURE = 1e-4, 0.03
"""How finely a crossover and the ends of where it may be are told, as shares of the axis's value."""


@dataclass(frozen=True)
class Axis:
    """The values of an axis that are compared first; of `listed` ones there are no others between."""

    name: str
    values: Floats
    whole: bool
    listed: bool = False

    @staticmethod
    def read(text: str, designs: Sequence[str]) -> "Axis":
        """Read NAME=LOW:HIGH or NAME=VALUE,VALUE,...; ValueError in one line."""
        name, _, given = text.partition("=")
        require_axis(name, " ".join(designs))
        listed = ":" not in given
        parts = [part.strip() for part in given.split("," if listed else ":")]
        numbers = [_number(part, text) for part in parts]
        if len(numbers) < 2 or (not listed and len(numbers) > 2):
            raise ValueError(f"--axis must be NAME=LOW:HIGH or NAME=VALUE,VALUE, got {text!r}")
        if not all(0 < low < high for low, high in pairwise(numbers)):
            raise ValueError(f"--axis must rise from above 0, got {text!r}")
        for value in numbers:
            require_unit(name, value)
        whole = all(re.fullmatch(r"\d+", part) for part in parts)
        if name in SHAPE and not whole:
            raise ValueError(f"--axis {name} takes whole numbers, got {text!r}")
        values = np.array(numbers) if listed else points(*numbers, whole=whole)
        return Axis(name, values, whole, listed)

    @property
    def places(self) -> Floats:
        """What crossovers are looked for along: the values, or which of the listed ones."""
        return np.arange(len(self.values), dtype=np.float64) if self.listed else self.values

    def of(self, curve: Along) -> Along:
        """The curve along `places`."""
        return (lambda at: curve(self.values[at.astype(int)])) if self.listed else curve

    def told(self, place: float) -> float:
        """The value at a place, an int where all are whole."""
        value = float(self.values[int(place)]) if self.listed else float(place)
        return int(value) if self.whole else value


def _number(part: str, text: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"--axis takes numbers, got {part!r} in {text!r}")
    return value


Fits = dict[str, tuple[float, float] | None]
"""The values of the axis from and to which each design fits its device, None where it nowhere does."""


def found(
    model: str, designs: Sequence[str], axis: Axis, metric: str, shape: Mapping[str, Any]
) -> tuple[dict[str, list[float]], list[dict[str, Any]], Fits]:
    """The metric of each design at both ends of the axis, the crossovers of all pairs in its order, and what fits.

    A crossover says which of its two designs do not fit their devices there.
    """
    sign = -1.0 if metric in METRICS and METRICS[metric].better == "higher" else 1.0
    curves, bands, occupied = {}, {}, {}
    for design in designs:
        curves[design], bands[design], occupied[design] = _curve(model, design, axis, metric, shape, sign)
    ends = {design: (sign * curve(axis.places[[0, -1]])).tolist() for design, curve in curves.items()}
    whole = axis.whole or axis.listed
    rows = []
    for a, b in combinations(designs, 2):
        for c in crossovers(curves[a], curves[b], axis.places, names=(a, b), whole=whole, share=FINE):
            row = {axis.name: axis.told(c.at), "overtakes": c.after, "overtaken": c.before, metric: sign * c.value}
            one, other = bands[a], bands[b]
            if one and other:
                low, high = undecided(one, other, axis.places, c.at, whole=whole, share=UNSURE)
                row |= {"from": axis.told(low), "to": axis.told(high)}
            unfit = [name for name in (c.after, c.before) if occupied[name](np.array([c.at]))[0] > 1]
            rows.append(row | {"unfit": unfit})
    fits = {design: _fits(axis, share) for design, share in occupied.items()}
    return ends, sorted(rows, key=lambda row: row[axis.name]), fits


def _fits(axis: Axis, occupied: Along) -> tuple[float, float] | None:
    """The values from and to which a design fits, as far as both ends of the axis tell."""
    ends = axis.places[[0, -1]]
    first, last = occupied(ends) <= 1
    if not (first or last):
        return None
    low, high = map(axis.told, ends)
    if first and last:
        return low, high
    whole = axis.whole or axis.listed
    (change,) = crossovers(
        lambda at: np.where(occupied(at) <= 1, 0.0, 2.0), np.ones_like, ends, whole=whole, share=FINE
    )
    at = change.at
    return (low, axis.told(at - 1 if whole else at)) if first else (axis.told(at), high)


def _curve(
    model: str, design: str, axis: Axis, metric: str, shape: Mapping[str, Any], sign: float
) -> tuple[Along, Band | None, Along]:
    """A design's metric along the places of the axis, lower where it is better, the ends of its interval, and how much
    it takes of its device."""
    device, precision, spelled = (*design.split("@", 2), "", "")[:3]
    if not precision:
        raise ValueError(f"--design must be DEVICE@PRECISION[@STRATEGY], got {design!r}")
    text = spelled or "none"
    varied = Varied(axis.name, model, precision, device, text, shape)
    curve, band = varied.curve(metric, float(axis.values[0]))
    if varied.sizes_the_pass:
        board = varied.board(1.0)
        curve = along(axis.name, model, precision, board, strategy_text=text, metric=metric, shape=shape)
    placed, occupied = axis.of(curve), axis.of(varied.occupied())
    if band is None:
        return (lambda at: sign * placed(at)), None, occupied
    low, high = (axis.of(end) for end in band)
    return (lambda at: sign * placed(at)), (low, high), occupied
