"""Which shape to measure next: where fits that explain the measured ones alike disagree most about it.

Query by committee: Seung, Opper, Sompolinsky, doi 10.1145/130385.130417; the committee is a bootstrap of ridge
regressions of log(measured / roofline) on shapes' logarithms, their squares and products. It starts space-filling
(farthest point first), and distance to what was measured keeps a share, since all members may be wrong together.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

START = 6
"""Space-filling measurements before fits are asked."""

MEMBERS = 8
RIDGE = 0.3
DISTANCE_SHARE = 0.3


def next_index(points: Floats, measured: NDArray[np.intp], errors: Floats, *, seed: int = 0) -> int:
    """The row of `points` float[N, F] (logarithms of sizes) to measure next.

    `measured` are the indices of rows with a result and `errors` their log(measured / roofline). ValueError where none
    is left.
    """
    left = np.setdiff1d(np.arange(len(points)), measured)
    if not len(left):
        raise ValueError(f"all {len(points)} shapes are measured")
    scaled = _scaled(points)
    if not len(measured):
        return int(left[np.argmin(((scaled[left] - scaled.mean(axis=0)) ** 2).sum(axis=1))])
    far = _distance(scaled[left], scaled[measured])
    if len(measured) < START:
        return int(left[far.argmax()])
    unsure = disagreement(scaled[left], scaled[measured], errors, seed=seed)
    score = _rank(unsure) * (1.0 - DISTANCE_SHARE) + _rank(far) * DISTANCE_SHARE
    return int(left[score.argmax()])


def disagreement(asked: Floats, seen: Floats, errors: Floats, *, seed: int = 0) -> Floats:
    """Standard deviation over the committee of the log error that it predicts for each asked point."""
    rng = np.random.default_rng(seed)
    at, base = _terms(asked), _terms(seen)
    middle = float(errors.mean())
    votes = np.empty((MEMBERS, len(asked)))
    for i in range(MEMBERS):
        draw = rng.integers(0, len(seen), len(seen))
        x, y = base[draw], errors[draw] - middle
        votes[i] = at @ np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    return np.asarray(votes.std(axis=0))


def _terms(points: Floats) -> Floats:
    pairs = np.triu_indices(points.shape[1])
    products = points[:, pairs[0]] * points[:, pairs[1]]
    return np.concatenate([np.ones((len(points), 1)), points, products], axis=1)


def _scaled(points: Floats) -> Floats:
    width = points.std(axis=0)
    kept = points[:, width > 0]
    return np.asarray((kept - kept.mean(axis=0)) / width[width > 0])


def _distance(asked: Floats, seen: Floats) -> Floats:
    return np.asarray(np.sqrt(((asked[:, None] - seen[None]) ** 2).sum(axis=2).min(axis=1)))


def _rank(values: Floats) -> Floats:
    return np.asarray(values.argsort().argsort() / max(len(values) - 1, 1))
