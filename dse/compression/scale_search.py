"""The scale of each row of a weight, below the one that meets its largest magnitude, that loses least.

Nahshan et al., Loss Aware Post-training Quantization, arXiv 1911.07190: at few bits a smaller scale, which cuts off the
largest weights, changes a layer less.
"""

from typing import TYPE_CHECKING

from costmodel.formats import Format
from dse.compression.rows import nearest, scale_of

if TYPE_CHECKING:
    import torch

SHRINKS = tuple(1 - 0.05 * step for step in range(13))
"""Scales tried, as shares of the one that meets the largest magnitude (a judgement: at 2 bits the best is near 0.5)."""


def output_error(change: "torch.Tensor", gram: "torch.Tensor | None") -> "torch.Tensor":
    """Return the mean squared output error of each row [rows] for a weight change [rows, k] and X^T X / n [k, k].

    Without a gram matrix, the squared change of the weight itself.
    """
    return ((change if gram is None else change @ gram) * change).sum(1)


def best_scale(weight: "torch.Tensor", fmt: Format, gram: "torch.Tensor | None") -> "tuple[torch.Tensor, torch.Tensor]":
    """The weight rounded to nearest at each row's scale of least output error among SHRINKS, and the scales."""
    plain = scale_of(weight, fmt)
    best, scale = nearest(weight, fmt, plain), plain.clone()
    error = output_error(best - weight, gram)
    for shrink in SHRINKS[1:]:
        tried = nearest(weight, fmt, plain * shrink)
        now = output_error(tried - weight, gram)
        lower = now < error
        best[lower], scale[lower], error[lower] = tried[lower], (plain * shrink)[lower], now[lower]
    return best, scale
