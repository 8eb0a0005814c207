"""Two bits for most groups of a weight and four for those that gain most by them.

Li et al., Fast and Efficient 2-bit LLM Inference on GPU, arXiv 2311.16442, choose groups by sensitivity and range; here
by the squared error that the wider format takes away, weighted by the inputs' squares where they are known.
"""

from typing import TYPE_CHECKING

import numpy as np

from costmodel.formats import Format, quantize

if TYPE_CHECKING:
    import torch


def mix(
    matrix: "torch.Tensor", *, narrow: Format, wide: Format, share: float, squares: "torch.Tensor | None" = None
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return a weight [rows, columns] rounded group by group, and bool[rows, groups] of those in `wide`.

    `share` of all groups, rounded, are wide; `squares` float[columns] are means of the inputs' squares. ValueError
    unless both formats have one group size that divides the columns, and 0 <= share <= 1.
    """
    import torch

    rows, columns = matrix.shape
    size = narrow.group_size
    if not narrow.scale or wide.group_size != size or columns % size:
        raise ValueError(
            f"both formats need one group size that divides {columns} columns, got {narrow.name} and {wide.name}"
        )
    if not 0 <= share <= 1:
        raise ValueError(f"the share of wide groups must be within 0..1, got {share}")
    array = matrix.detach().double().numpy()
    weight = np.ones(columns) if squares is None else squares.detach().double().numpy()
    rounded = [quantize(array, fmt, axis=1).reshape(rows, -1, size) for fmt in (narrow, wide)]
    groups, weights = array.reshape(rows, -1, size), weight.reshape(1, -1, size)
    errors = [((part - groups) ** 2 * weights).sum(-1) for part in rounded]
    gain = errors[0] - errors[1]
    chosen = np.zeros(gain.size, dtype=bool)
    chosen[np.argsort(-gain, axis=None, kind="stable")[: round(share * gain.size)]] = True
    is_wide = chosen.reshape(gain.shape)
    mixed = np.where(is_wide[..., None], rounded[1], rounded[0]).reshape(rows, columns)
    return torch.from_numpy(mixed).to(matrix), torch.from_numpy(is_wide)
