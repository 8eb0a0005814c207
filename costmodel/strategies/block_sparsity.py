"""Block sparsity: squares of weights are zero together, so that a kernel skips them and stores one place a square.

Gray, Radford, Kingma, GPU Kernels for Block-Sparse Weights, OpenAI 2017; storage is block CSR, as in PyTorch,
docs/source/sparse.rst, BSR.
"""

from dataclasses import dataclass, replace

from costmodel.strategies._kept import Kept
from costmodel.strategies._places import places
from costmodel.workload import Op


@dataclass(frozen=True)
class BlockSparsity(Kept):
    """Keep the fraction `density` of the `block` x `block` squares of the layers that a glob of `layers` matches.

    Every row of squares keeps equally many, at least one: the product is one over a shorter k. Layers whose n or k is
    no multiple of the block stay dense; `storage` is over squares. ValueError as for `Kept`, and for a block below 1.
    """

    storage: str = "csr"
    block: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block < 1:
            raise ValueError(f"block must be at least 1, got {self.block}")

    def takes(self, op: Op) -> bool:
        """Whether an op is one of the layers, dense or not, and made of whole squares."""
        return super().takes(op) and bool(op.n % self.block == op.k % self.block == 0)

    def prune(self, op: Op) -> Op:
        """The op with that fraction of its squares."""
        squares = op.k / self.block
        kept = max(1, round(squares * self.density))
        if kept == squares:
            return op
        bits = places(op, self.storage, self.index_width, self.block).index_bits(kept / squares)
        stored = op.weight_elements / squares * kept
        return replace(op, k=kept * self.block, weight_elements=stored, index_bits=float(bits), full_width=op.k)


CLAIMS = ()

EXAMPLES = (
    BlockSparsity(0.5, block=16),
    BlockSparsity(0.25, "bitmask"),
    BlockSparsity(0.1, block=64, layers=("*.mlp.*",)),
)
IDENTITIES = (BlockSparsity(1.0),)
