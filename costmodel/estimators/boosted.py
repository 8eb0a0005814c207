"""Boosted oblivious trees, evaluated in numpy for all rows and trees at once.

An oblivious tree asks the same question of every node of a level, so that a leaf's index is the level's answers read as
bits: Prokhorenkova et al., CatBoost: unbiased boosting with categorical features, arXiv 1706.09516, section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 256
"""Rows evaluated at a time: the answers of every tree for them stay in cache."""


@dataclass(frozen=True)
class ObliviousTrees:
    """An ensemble of trees of one depth, summed.

    `edges` float[F, E] bins each feature (ascending, padded with inf); `feature` and `cut` uint8[T, D] ask, first level
    first, whether the feature's bin lies above the cut; `values` float[T, 2**D] are the leaves.
    """

    edges: NDArray[np.float64]
    feature: NDArray[np.uint8]
    cut: NDArray[np.uint8]
    values: NDArray[np.float64]

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the trees for float[F, N] features; a value equal to an edge lies below it."""
        return self.of_codes(self.codes(features))

    def of_codes(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Sum the trees for binned features: ensembles with equal edges share their bins."""
        pieces = [self._sum(codes[:, i : i + ROWS]) for i in range(0, codes.shape[1], ROWS)]
        return np.concatenate(pieces) if pieces else np.zeros(0)

    def codes(self, features: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The bin of every value: how many edges lie below it."""
        if features.shape[0] != self.edges.shape[0]:
            raise ValueError(f"these trees were grown on {self.edges.shape[0]} features, got {features.shape[0]}")
        binned = [np.searchsorted(edges, column) for edges, column in zip(self.edges, features, strict=True)]
        return np.stack(binned).astype(np.uint8)

    def _sum(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        trees, depth = self.feature.shape
        leaf = np.zeros((trees, codes.shape[1]), dtype=np.uint8)
        for level in range(depth):
            np.add(leaf, leaf, out=leaf)
            leaf |= codes.take(self.feature[:, level].astype(np.intp), axis=0) > self.cut[:, level, None]
        at = leaf + (np.arange(trees) << depth)[:, None]
        found = self.values.reshape(-1).take(at)
        return np.asarray(found.sum(axis=0))  # tree after tree: a row's sum does not depend on the rows beside it


def pack(trees: ObliviousTrees) -> dict[str, NDArray[Any]]:
    """The ensemble as small arrays: leaves in 16 bits over the largest one, edges in 32."""
    step = max(float(np.abs(trees.values).max(initial=0.0)), 1e-30) / 32767
    return {
        "edges": trees.edges.astype(np.float32),
        "feature": trees.feature,
        "cut": trees.cut,
        "leaves": np.round(trees.values / step).astype(np.int16),
        "step": np.array(step),
    }


def unpack(arrays: Mapping[str, NDArray[Any]]) -> ObliviousTrees:
    """The ensemble that `pack` stored."""
    values = arrays["leaves"].astype(np.float64) * float(arrays["step"])
    return ObliviousTrees(arrays["edges"].astype(np.float64), arrays["feature"], arrays["cut"], values)
