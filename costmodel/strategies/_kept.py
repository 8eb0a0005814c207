"""Sparse weights as stored: a fraction of each layer's weights stays, with its places. Storage formats: `_places`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from costmodel.strategies._graph import named
from costmodel.strategies._layers import is_dense, sparsified
from costmodel.strategies._places import places
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload

KINDS = ("linear", "conv", "experts")
"""Kinds of ops whose weights are left out."""


@dataclass(frozen=True)
class Kept(Shown, ABC):
    """Keep the fraction `density` of the weights of the dense layers that a glob of `layers` matches.

    A training pass keeps its mask. `storage` is bitmask, csr or coo, an index has `index_width` bits (0: as few as
    number the columns). ValueError unless 0 < density <= 1, for another storage and a negative width;
    density 1 changes nothing.
    """

    density: float
    storage: str = "bitmask"
    index_width: int = 0
    layers: tuple[str, ...] = ("*",)
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density must be in (0, 1], got {self.density}")
        places(Op("any", "linear", weight_elements=1), self.storage, self.index_width)

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers pruned."""
        return sparsified(workload, self.prune, self.takes, self.layers) if self.density < 1 else workload

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are pruned: a workload's that are sparse already are refused."""
        return self.takes(op) and is_dense(op)

    def takes(self, op: Op) -> bool:
        """Whether an op is one of the layers, dense or not."""
        return op.kind in KINDS and bool(op.weight_elements > 0) and named(op, self.layers)

    @abstractmethod
    def prune(self, op: Op) -> Op:
        """The op with that fraction of its weights."""
