"""Boosted oblivious trees, evaluated in numpy for all rows and trees at once.

An oblivious tree asks the same question of every node of a level, so that a leaf's index is the level's answers read as
bits: Prokhorenkova et al., CatBoost: unbiased boosting with categorical features, arXiv 1706.09516, section 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        questions, asked = np.unique((self.feature.astype(np.intp) << 8) + self.cut, return_inverse=True)
        of_level = np.ascontiguousarray(asked.reshape(self.cut.shape).T)
        pieces = [self._sum(codes[:, i : i + ROWS], questions, of_level) for i in range(0, codes.shape[1], ROWS)]
        return np.concatenate(pieces) if pieces else np.zeros(0)

    def moved(self, by: float) -> "ObliviousTrees":
        """The ensemble whose every sum is larger by so much."""
        return replace(self, values=self.values + by / len(self.values))

    def knowing(self, last: Sequence[float]) -> "ObliviousTrees":
        """The ensemble of all features but the last ones, whose values are these."""
        count = len(self.edges) - len(last)
        bins = [np.searchsorted(edges, value) for edges, value in zip(self.edges[count:], last, strict=True)]
        feature, cut, values = self.feature.copy(), self.cut.copy(), self.values
        depth = feature.shape[1]
        for level in range(depth):
            asked = np.flatnonzero(feature[:, level] >= count)
            above = np.array([bins[feature[t, level] - count] > cut[t, level] for t in asked], dtype=np.intp)
            leaves = values.reshape(len(values), 2**level, 2, 2 ** (depth - 1 - level)).copy()
            leaves[asked] = leaves[asked, :, above, :][:, :, None, :]
            feature[asked, level] = cut[asked, level] = 0
            values = leaves.reshape(self.values.shape)
        return ObliviousTrees(self.edges[:count], feature, cut, values)

    @classmethod
    def constant(cls, features: int) -> "ObliviousTrees":
        """One tree of so many features that says nothing."""
        asks = np.zeros((1, 1), dtype=np.uint8)
        return cls(np.full((features, 1), np.inf), asks, asks, np.zeros((1, 2)))

    def codes(self, features: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The bin of every value: how many edges lie below it."""
        if features.shape[0] != self.edges.shape[0]:
            raise ValueError(f"these trees were grown on {self.edges.shape[0]} features, got {features.shape[0]}")
        binned = np.empty(features.shape, dtype=np.uint8)
        for row, edges, column in zip(binned, self.edges, features, strict=True):
            row[:] = np.searchsorted(edges, column)
        return binned

    def _sum(
        self, codes: NDArray[np.uint8], questions: NDArray[np.intp], of_level: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """The sum for a few rows: each of the `questions` is answered once, however many trees ask it."""
        answers = (codes.take(questions >> 8, axis=0) > (questions & 255).astype(np.uint8)[:, None]).view(np.uint8)
        leaf = np.zeros((len(self.cut), codes.shape[1]), dtype=np.uint8)
        for asked in of_level:
            np.add(leaf, leaf, out=leaf)
            leaf |= answers.take(asked, axis=0)
        at = leaf + (np.arange(len(self.cut)) << len(of_level))[:, None]
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
