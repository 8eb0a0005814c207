"""The products that a chain of matrices takes, in the order of fewest multiplications."""

from collections.abc import Callable, Sequence
from functools import cache

from costmodel.importers import _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._value import Value

OPERATORS = {"linalg_multi_dot": "tensors", "chain_matmul": "matrices"}
"""The aten operators with their argument: its first matrix may be a row vector, its last a column vector."""


def aten(matrices: Sequence[Value], *, add: Callable[[Cost, Sequence[Value]], str]) -> tuple[str, ...]:
    """Add the products of a chain and return the name of the last; ValueError where shapes are not known.

    Cormen et al., Introduction to Algorithms, section 15.2, as torch orders them.
    """
    first, *rest = (value.dims for value in matrices)
    sizes = [first[0] if len(first) > 1 else 1, first[-1], *(dims[1] if len(dims) > 1 else 1 for dims in rest)]

    @cache
    def best(i: int, j: int) -> tuple[int, int]:
        """Multiplications of matrices i to j, and the last of the left part."""
        if i == j:
            return 0, i
        return min((best(i, s)[0] + best(s + 1, j)[0] + sizes[i] * sizes[s + 1] * sizes[j + 1], s) for s in range(i, j))

    def product(i: int, j: int) -> Value:
        if i == j:
            value = matrices[i]
            return Value((sizes[i], sizes[i + 1]), value.sources, value.parameters, value.distinct)
        split = best(i, j)[1]
        operands = product(i, split), product(split + 1, j)
        return Value((sizes[i], sizes[j + 1]), (add(_shapes.product(*operands), operands),))

    return product(0, len(matrices) - 1).sources
