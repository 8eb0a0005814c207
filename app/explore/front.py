"""The front of designs in any two or three metrics: who is on it, on its hull, and which are uniform references."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.explore.designs import HIGHER, Designs
from dse.axes import label
from dse.places import Places, of_groups

MOST_GROUPS = 8


@dataclass(frozen=True)
class View:
    """Rows by what they are.

    cloud    all with values
    places   the fronts, a row a place, and what has a mark
    uniform  {row: name} of each precision on each device at the first value of every other axis
    """

    names: tuple[str, ...]
    cloud: NDArray[np.int64]
    places: Places
    uniform: dict[int, str]


@lru_cache(maxsize=32)
def view(designs: Designs, names: tuple[str, ...], per: str = "") -> View:
    """The view of some metrics; a front for each value of the axis `per`, or one of all."""
    points = _rounded(np.stack([designs.columns[n] * (-1.0 if n in HIGHER else 1.0) for n in names], axis=1))
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    places = of_groups(points, _groups(designs, rows, per), designs.equals)
    return View(names, rows, places, _uniform(designs, rows))


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points to 40 bits: sums of the same terms in another order differ by less, and must not beat each other."""
    mantissa, exponent = np.frexp(points)
    rounded: NDArray[np.float64] = np.ldexp(np.round(mantissa * 2.0**40), exponent - 40)
    return rounded


def _groups(designs: Designs, rows: NDArray[np.int64], per: str) -> dict[str, NDArray[np.int64]]:
    if per not in {axis.name for axis in designs.space.axes}:
        return {"Front": rows}
    at = designs.space.positions(designs.index[rows])[per]
    labels = designs.space.axis(per).labels
    present = np.unique(at)[:MOST_GROUPS].tolist()
    return {str(labels[i]): rows[at == i] for i in present}


def _uniform(designs: Designs, known: NDArray[np.int64]) -> dict[int, str]:
    """Rows of the sweep at the first value of every axis but precision and device."""
    positions = designs.space.positions(designs.index[: designs.swept])
    others = [at for name, at in positions.items() if name not in ("precision", "device")]
    first = np.flatnonzero(np.all([at == 0 for at in others], axis=0)) if others else np.arange(designs.swept)
    precisions, devices = designs.space.axis("precision").labels, designs.space.axis("device").labels
    several = len(devices) > 1
    return {
        row: _short(precisions[positions["precision"][row]])
        + (f", {label(devices[positions['device'][row]])}" if several else "")
        for row in first[np.isin(first, known)].tolist()
    }


def _short(precision: Any) -> str:
    """A precision's name, said once where weights and activations are alike."""
    weight, _, rest = str(precision).partition("/")
    return weight if rest == weight else str(precision)
