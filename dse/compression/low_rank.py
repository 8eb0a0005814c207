"""Give back part of a rounded weight's error by a product of two narrow matrices.

Yao et al., ZeroQuant-V2, arXiv 2303.08302: LoRC, the singular vectors of the error with its greatest singular values.
What it costs is costmodel.strategies.zeroquant_fp.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from costmodel.precision import Precision
from dse.compression.rows import as_weight, rows
from dse.sensitivity.fake_quantize import apply
from dse.sensitivity.layers import select
from dse.sensitivity.ranges import Range

if TYPE_CHECKING:
    import torch


def factors(error: "torch.Tensor", rank: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return float64 [rows, rank] and [rank, columns] whose product is nearest to an error [rows, columns].

    ValueError unless 0 <= rank <= both sides.
    """
    import torch

    if not 0 <= rank <= min(error.shape):
        raise ValueError(f"the rank must be within 0..{min(error.shape)}, got {rank}")
    left, values, right = torch.linalg.svd(error.double(), full_matrices=False)
    roots = values[:rank].sqrt()
    return left[:, :rank] * roots, roots[:, None] * right[:rank]


def compensate(
    module: "torch.nn.Module", precisions: Mapping[str, Precision], ranges: Mapping[str, Range], *, rank: int
) -> "torch.nn.Module":
    """Return a twin as `sensitivity.apply` does, to whose weights the products are added; factors keep float32.

    The rank of a layer is at most half its shorter side, beyond which the factors would not be narrow.
    """
    twin = apply(module, precisions, ranges)
    rounded, whole = select(twin, precisions), select(module, precisions)
    for name, part in rounded.items():
        error = rows(whole[name]) - rows(part)
        left, right = factors(error, min(rank, min(error.shape) // 2))
        part.weight.data = as_weight(part, rows(part) + left @ right)
    return twin
