"""The lower convex hull of a front: the points that some weighted sum of the columns finds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOLERANCE = 1e-9
"""Distance from a face, in spans of the columns, within which a point is on it."""
_AWAY = 10.0
"""How far up each column, in its spans, the hull is drawn out, so that only its lower side faces down."""


def supported(points: Floats) -> NDArray[np.bool_]:
    """Return bool[points]: whether a non-dominated point float[points, columns] is on the lower hull of all."""
    span = np.ptp(points, axis=0)
    varied = (points[:, span > 0] - points[:, span > 0].min(axis=0)) / span[span > 0]
    if varied.shape[1] < 2:
        return np.ones(len(points), dtype=bool)
    if varied.shape[1] == 2:
        return _lower_chain(varied)
    return _lower_faces(varied)


def _lower_chain(points: Floats) -> NDArray[np.bool_]:
    """Andrew's chain, Information Processing Letters 9(5), 1979, doi 10.1016/0020-0190(79)90072-3, with its edges."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    chain: list[int] = []
    rows = points.tolist()
    for i in order.tolist():
        x, y = rows[i]
        while len(chain) > 1:
            (x0, y0), (x1, y1) = rows[chain[-2]], rows[chain[-1]]
            if (x1 - x0) * (y - y0) >= (y1 - y0) * (x - x0) - _TOLERANCE * (x - x0) * 1e-3:
                break
            chain.pop()
        chain.append(i)
    found = np.zeros(len(points), dtype=bool)
    found[chain] = True
    return found


def _lower_faces(points: Floats) -> NDArray[np.bool_]:
    """By the hull's faces that face down in every column: Barber et al., Quickhull, doi 10.1145/235815.235821."""
    from scipy.spatial import ConvexHull

    away = [points + _AWAY * axis for axis in np.eye(points.shape[1])]
    hull = ConvexHull(np.concatenate([points, *away]))
    faces = hull.equations[(hull.equations[:, :-1] <= _TOLERANCE).all(axis=1)]
    distance = points @ faces[:, :-1].T + faces[:, -1]
    return np.asarray((np.abs(distance) <= _TOLERANCE).any(axis=1))
