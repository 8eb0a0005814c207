"""How far the losses of layers quantised alone add up to the loss of them all quantised.

A plan minimises a sum; it is as good as that sum orders whole assignments. Rank correlations: Spearman, The Proof and
Measurement of Association between Two Things, 1904; Kendall, A New Measure of Rank Correlation, 1938 (tau-b).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision

if TYPE_CHECKING:
    import torch

SEED = 0
"""Of the random assignments, where none is given."""
GOOD_CORRELATION = 0.8
"""A sum that orders random assignments with a lower Spearman correlation is warned of (a judgement)."""


@dataclass(frozen=True, eq=False)
class Additivity:
    """Predicted and measured increases of the loss of random whole assignments.

    predicted  float64 [assignments], the sum of the layers' increases alone, negative ones counted as 0
    measured   float64 [assignments], of the network with all layers quantised; inf where the loss was not finite
    """

    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]

    @property
    def spearman(self) -> float:
        """The rank correlation: 1 where the sum orders the assignments as they are; nan where all are alike."""
        from scipy.stats import rankdata

        a, b = (rankdata(values) - (len(values) + 1) / 2 for values in (self.predicted, self.measured))
        spread = np.sqrt((a**2).sum() * (b**2).sum())
        return float((a * b).sum() / spread) if spread else float("nan")

    @property
    def kendall(self) -> float:
        """The share of pairs in the predicted order less that of pairs in the other, corrected for ties."""
        a, b = (np.sign(np.subtract.outer(ranks, ranks)) for ranks in map(_dense, (self.predicted, self.measured)))
        spread = np.sqrt((a**2).sum() * (b**2).sum())
        return float((a * b).sum() / spread) if spread else float("nan")

    @property
    def ratio(self) -> float:
        """The median of measured over predicted increases: above 1 where layers' errors add to each other's."""
        known = self.predicted > 0
        return float(np.median(self.measured[known] / self.predicted[known])) if known.any() else float("nan")

    @property
    def warning(self) -> str | None:
        """What to beware of, or None where the sum can be trusted to order plans."""
        if self.spearman >= GOOD_CORRELATION:
            return None
        return (
            f"layer losses do not add up well here: over {len(self.predicted)} random assignments the sum's rank "
            f"correlation with the measured loss is {self.spearman:.2f}; check the plan on the network itself"
        )


def random_assignments(
    parts: "Mapping[str, torch.nn.Module]", options: Sequence[Precision], count: int, seed: int = SEED
) -> list[dict[str, Precision]]:
    """Return assignments of a random option to each layer, evenly drawn; layers that share a weight share it."""
    random = np.random.default_rng(seed)
    owners = {name: next(o for o, p in parts.items() if p.weight is part.weight) for name, part in parts.items()}
    found = []
    for _ in range(count):
        drawn = dict(zip(parts, random.integers(len(options), size=len(parts)).tolist(), strict=True))
        found.append({name: options[drawn[owners[name]]] for name in parts})
    return found


def _dense(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.unique(values, return_inverse=True)[1])
