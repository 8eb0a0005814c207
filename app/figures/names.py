"""Names beside points, placed where each can be read as its own point's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]

SIZE = np.array([480.0, 300.0])
"""Pixels between the axes of the smallest figure that has names: in a larger one they take less, and are freer."""
LETTER, HEIGHT, GAP = 6.6, 10.0, 7.0
"""Width and height of a letter in type of 10 pixels, and from where beside its point a name begins."""
EDGE = 20.0
"""Pixels by which a name may reach beyond the extents of the axes, which plots pad."""
SAME, NEAR = 3.0, 10.0
"""Pixels within which points look like one, and within which of a name there is no other point than its own."""
NEAR_LEVEL = 6.0
"""The same of a name that begins level with its point, and is nearer to it."""
PLACES = {
    "top right": (1, 16.0), "bottom right": (1, -11.0), "top left": (-1, 16.0), "bottom left": (-1, -11.0),
    "middle right": (1, 2.0), "middle left": (-1, 2.0),
}  # fmt: skip
"""Sides of a point in order of preference: in which direction a name grows there, and how many pixels above the point
the middle of its letters is, as plotly.js places them beside a marker of 10 pixels."""
HIGHEST = max(above for _, above in PLACES.values()) + HEIGHT / 2
"""How far from its point a name reaches upwards, and at most downwards."""
Extent = tuple[float, float]


def placed(
    x: ArrayLike, y: ArrayLike, names: Sequence[str], *, within: tuple[Extent, Extent], log: Sequence[bool],
    others: tuple[ArrayLike, ArrayLike] = ((), ()),
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return (names, positions), plotly's text and textposition of points at x, y: float[points].

    within  the extents of both axes; log says which of them are logarithmic
    others  x, y of further points, which have no names here
    A name that at every side of its point would cover another name, leave the figure, or be near a point that is not
    seen as its own is "".
    """
    at, around = (
        np.stack([_shares(v, w, is_log) for v, w, is_log in zip(points, within, log, strict=False)], axis=1) * SIZE
        for points in ((x, y), others)
    )
    every = np.concatenate([at, around])
    taken: list[Box] = []
    texts, positions = [], []
    seen = ((at >= -EDGE) & (at <= SIZE + EDGE)).all(axis=1)
    for point, name, is_seen in zip(at, names, seen, strict=True):
        found = {place: _box(point, len(name), *way) for place, way in PLACES.items()} if name and is_seen else {}
        near = {place: NEAR_LEVEL if place.startswith("middle") else NEAR for place in found}
        away = np.abs(every - point)
        reach = GAP + NEAR + len(name) * LETTER, HIGHEST + NEAR
        strangers = every[(away <= reach).all(axis=1) & (away.max(axis=1) > SAME)]
        place = next((p for p, box in found.items() if _is_free(box, taken, strangers, near[p])), "")
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


def _box(point: Floats, letters: int, right: int, above: float) -> Box:
    """Left, right, bottom and top of a name of so many letters beside a point."""
    ends_x = point[0] + right * GAP, point[0] + right * (GAP + letters * LETTER)
    low = point[1] + above - HEIGHT / 2
    return min(ends_x), max(ends_x), low, low + HEIGHT


def _is_free(box: Box, taken: Sequence[Box], strangers: Floats, near: float) -> bool:
    left, right, bottom, top = box
    if left < -EDGE or right > SIZE[0] + EDGE:
        return False
    if any(left < r and right > le and bottom < t and top > b for le, r, b, t in taken):
        return False
    beyond = np.maximum(np.maximum([left, bottom] - strangers, strangers - [right, top]), 0.0)
    return not (np.hypot(*beyond.T) < near).any()
