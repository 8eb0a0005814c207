"""Names beside points, placed where each can be read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]

LETTER, LINE = 0.011, 0.05
"""Width of a letter and height of a line, in shares of a figure of 600 x 400 pixels in type of 10 pixels."""
GAP = 0.012
PLACES = {"top right": (1, 1), "bottom right": (1, -1), "top left": (-1, 1), "bottom left": (-1, -1)}
"""Corners of a point in order of preference, by the directions in which a name grows there."""
Extent = tuple[float, float]


def placed(
    x: ArrayLike, y: ArrayLike, names: Sequence[str], *, within: tuple[Extent, Extent], log: Sequence[bool],
    others: tuple[ArrayLike, ArrayLike] = ((), ()),
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return (names, positions), plotly's text and textposition of points at x, y: float[points].

    within  the extents of both axes; log says which of them are logarithmic
    others  x, y of further points that no name may cover
    A name that would cover another name, another point or the figure's edge at every corner of its point is "".
    """
    at, around = (
        np.stack([_shares(v, w, is_log) for v, w, is_log in zip(points, within, log, strict=False)], axis=1)
        for points in ((x, y), others)
    )
    taken: list[Box] = []
    texts, positions = [], []
    for i, name in enumerate(names):
        found = {place: _box(at[i], len(name), *way) for place, way in PLACES.items()}
        place = next(
            (p for p, box in found.items() if _is_free(box, taken, np.concatenate([np.delete(at, i, axis=0), around]))),
            "",
        )
        taken += [found[place]] if place else []
        texts.append(name if place else "")
        positions.append(place or next(iter(PLACES)))
    return texts, positions


def _shares(values: ArrayLike, within: Extent, log: bool) -> Floats:
    ends, found = (np.asarray(v, dtype=np.float64) for v in (within, values))
    if log:
        ends, found = np.log10(np.maximum(ends, 1e-300)), np.log10(np.maximum(found, 1e-300))
    shares: Floats = (found - ends[0]) / max(float(ends[1] - ends[0]), 1e-300)
    return shares


def _box(point: Floats, letters: int, right: int, up: int) -> Box:
    """Left, right, bottom and top of a name of so many letters beside a point."""
    ends_x = point[0], point[0] + right * (letters * LETTER + GAP)
    ends_y = point[1], point[1] + up * LINE
    return min(ends_x), max(ends_x), min(ends_y), max(ends_y)


def _is_free(box: Box, taken: Sequence[Box], points: Floats) -> bool:
    left, right, bottom, top = box
    inside = (points[:, 0] > left) & (points[:, 0] < right) & (points[:, 1] > bottom) & (points[:, 1] < top)
    meets = any(left < r and right > le and bottom < t and top > b for le, r, b, t in taken)
    return not (inside.any() or meets or left < -GAP or right > 1 + LINE)
