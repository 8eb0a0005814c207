"""Block sparsity: squares of weights are zero together, so that a kernel skips them and stores one place a square.

Gray, Radford, Kingma, GPU Kernels for Block-Sparse Weights, OpenAI 2017; storage is block CSR, as in PyTorch,
docs/source/sparse.rst, BSR.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel.strategies._graph import named
from costmodel.strategies._layers import is_dense, sparsified
from costmodel.strategies._places import places
from costmodel.workload import Op, Workload

KINDS = ("linear", "conv", "experts")


@dataclass(frozen=True)
class BlockSparsity:
    """Keep the fraction `density` of the `block` x `block` squares of the layers that a glob of `layers` matches.

    Every row of squares keeps equally many, at least one: the product is one over a shorter k. Layers whose n or k is
    no multiple of the block stay dense. `storage` is csr, bitmask or coo, over squares. ValueError unless
    0 < density <= 1, for a block below 1 and another storage; density 1 changes nothing.
    """

    density: float
    block: int = 32
    storage: str = "csr"
    index_width: int = 0
    layers: tuple[str, ...] = ("*",)
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"density must be in (0, 1], got {self.density}")
        if self.block < 1:
            raise ValueError(f"block must be at least 1, got {self.block}")
        places(Op("any", "linear", weight_elements=1), self.storage, self.index_width)

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers pruned."""
        return sparsified(workload, self.prune, self._takes, self.layers) if self.density < 1 else workload

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are pruned: a workload's that are sparse already are refused."""
        return self._takes(op) and is_dense(op)

    def _takes(self, op: Op) -> bool:
        dense = op.kind in KINDS and op.weight_elements > 0
        return bool(dense) and op.n % self.block == op.k % self.block == 0 and named(op, self.layers)

    def prune(self, op: Op) -> Op:
        """The op with that fraction of its squares."""
        squares = op.k / self.block
        kept = max(1, round(squares * self.density))
        if kept == squares:
            return op
        bits = places(op, self.storage, self.index_width, self.block).index_bits(kept / squares)
        stored = op.weight_elements / squares * kept
        return replace(op, k=kept * self.block, weight_elements=stored, index_bits=float(bits))


CLAIMS = ()

EXAMPLES = (BlockSparsity(0.5, 16), BlockSparsity(0.25, 32, "bitmask"), BlockSparsity(0.1, 64, layers=("*.mlp.*",)))
IDENTITIES = (BlockSparsity(1.0),)
