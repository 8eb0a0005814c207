"""Bits that say where kept weights stand: the storage formats of sparse matrices, one row an output.

PyTorch, docs/source/sparse.rst, memory consumption of the COO, CSR and BSR layouts; a bitmask has one bit a weight.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.record import Real
from costmodel.workload import Op

STORAGES = ("bitmask", "csr", "coo")


@dataclass(frozen=True)
class Places:
    """Overhead of a storage format, linear in what is kept: `kept_bits` a kept weight, `all_bits` a weight."""

    kept_bits: Real
    all_bits: Real

    def index_bits(self, density: Real) -> Real:
        """Bits a kept weight at a density."""
        return self.kept_bits + self.all_bits / density


def places(op: Op, storage: str, index_width: int = 0, block: int = 1) -> Places:
    """Return the overhead of an op's weights in a member of STORAGES, where squares of `block` weights go together.

    An index has `index_width` bits, 0 as few as number the columns; a row's pointer 32, or `index_width` where that is
    more. ValueError for another storage or a negative width.
    """
    if storage not in STORAGES or index_width < 0:
        raise ValueError(f"storage must be one of {', '.join(STORAGES)}, with an index of bits, got {storage!r}, "
                         f"{index_width}")  # fmt: skip
    rows, columns, area = op.weight_elements / op.k / block, op.k / block, block * block
    column_bits, row_bits = (index_width or np.ceil(np.log2(np.maximum(n, 2))) for n in (columns, rows))
    if storage == "bitmask":
        return Places(0.0, 1.0 / area)
    if storage == "coo":
        return Places((row_bits + column_bits) / area, 0.0)
    return Places(column_bits / area, max(32, index_width) / columns / area)
