"""Grow oblivious trees on residuals by gradient boosting, with whole groups of rows left out of each tree.

Prokhorenkova et al., arXiv 1706.09516 (oblivious trees); Friedman, Stochastic gradient boosting, doi
10.1016/S0167-9473(01)00065-2 (subsampling, here by group); Huber loss, so that a few odd rows do not steer the trees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.boosted import ObliviousTrees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Growth:
    """How trees are grown: rows beyond `huber` pull no harder, leaves shrink as if `ridge` more rows of zero joined."""

    trees: int = 600
    depth: int = 7
    rate: float = 0.15
    ridge: float = 5.0
    huber: float = 0.1
    bins: int = 64
    feature_share: float = 0.4
    group_share: float = 0.7
    seed: int = 0


def grow(features: Floats, target: Floats, groups: NDArray[np.generic], how: Growth) -> ObliviousTrees:
    """Fit float[F, N] features to a target float[N]; each tree sees a share of the groups and of the features."""
    rng = np.random.default_rng(how.seed)
    edges = bin_edges(features, how.bins)
    codes = np.stack([np.searchsorted(e, x) for e, x in zip(edges, features, strict=True)])
    names, group = np.unique(groups, return_inverse=True)
    predicted = np.zeros_like(target)
    grown = []
    for _ in range(how.trees):
        gradient = np.clip(target - predicted, -how.huber, how.huber)
        rows = np.flatnonzero((rng.random(len(names)) < how.group_share)[group])
        chosen = rng.choice(len(codes), max(1, round(len(codes) * how.feature_share)), replace=False)
        feature, cut, values = _tree(codes, gradient, rows, np.sort(chosen), how)
        predicted += values[_leaf(codes, feature, cut)]
        grown.append((feature, cut, values))
    return ObliviousTrees(
        edges,
        np.array([f for f, _, _ in grown], dtype=np.uint8),
        np.array([c for _, c, _ in grown], dtype=np.uint8),
        np.array([v for _, _, v in grown]),
    )


def bin_edges(features: Floats, bins: int) -> Floats:
    """Edges float[F, bins - 1] midway between values that occur, at quantiles where too many; padded with inf."""
    edges = np.full((len(features), bins - 1), np.inf)
    for row, column in zip(edges, features, strict=True):
        values = np.unique(column)
        middles = (values[1:] + values[:-1]) / 2
        if len(middles) > bins - 1:
            at = np.searchsorted(values, np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))
            middles = np.unique(middles[np.clip(at - 1, 0, len(middles) - 1)])
        middles = np.unique(middles.astype(np.float32).astype(np.float64))
        row[: len(middles)] = middles
    return edges


def _tree(codes: Ints, gradient: Floats, rows: Ints, chosen: Ints, how: Growth) -> tuple[list[int], list[int], Floats]:
    feature: list[int] = []
    cut: list[int] = []
    pull = gradient[rows]
    seen = {f: codes[f, rows] for f in chosen.tolist()}
    leaf = np.zeros(len(rows), dtype=np.int64)
    for _ in range(how.depth):
        gains = {f: _gains(leaf, column, pull, how, 1 << len(feature)) for f, column in seen.items()}
        best = max(gains, key=lambda f: float(gains[f].max()))
        feature.append(best)
        cut.append(int(gains[best].argmax()))
        leaf = leaf * 2 + (seen[best] > cut[-1])
    leaves = 1 << how.depth
    total, count = np.bincount(leaf, pull, leaves), np.bincount(leaf, minlength=leaves)
    return feature, cut, how.rate * total / (count + how.ridge)


def _gains(leaf: Ints, column: Ints, pull: Floats, how: Growth, leaves: int) -> Floats:
    """Squared-error gain of every cut of one feature, summed over the leaves that it splits together."""
    at = leaf * how.bins + column
    size = leaves * how.bins
    total = np.bincount(at, pull, size).reshape(leaves, -1).cumsum(axis=1)
    count = np.bincount(at, minlength=size).reshape(leaves, -1).cumsum(axis=1)
    right, rest = total[:, -1:] - total, count[:, -1:] - count
    gain: Floats = (total**2 / (count + how.ridge) + right**2 / (rest + how.ridge)).sum(axis=0)[:-1]
    return gain


def _leaf(codes: Ints, feature: list[int], cut: list[int]) -> Ints:
    leaf = np.zeros(codes.shape[1], dtype=np.int64)
    for f, c in zip(feature, cut, strict=True):
        leaf = leaf * 2 + (codes[f] > c)
    return leaf
