"""GPTQ: round a weight column by column, and let the columns still open make up for what each rounding lost.

Frantar, Ashkboos, Hoefler, Alistarh, GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers,
arXiv 2210.17323, algorithm 1, with the columns in order of falling input energy (its authors' `act-order`) and scales
searched for below the largest magnitude (their `mse`).
"""

from typing import TYPE_CHECKING

from costmodel.formats import Format
from dse.compression.rows import as_weight, has_row_scale, nearest, patches, rows
from dse.compression.scale_search import best_scale, output_error
from dse.sensitivity.round_trip import round_weight

if TYPE_CHECKING:
    import torch

DAMPING = 0.01
"""Added to the diagonal, as a share of its mean: the paper's value (section 3.3)."""

EMBEDDING_ROWS = 512
"""Rows of an embedding at a time, so that they stay in cache (a judgement)."""

BLOCK = 128
"""Columns between updates of all later ones (the paper's lazy batches, section 3.3)."""


def gptq(part: "torch.nn.Module", fmt: Format, x: "torch.Tensor") -> "torch.Tensor":
    """Return the layer's weight rounded to the format for its inputs `x`: a `Repair` for `layer_by_layer.quantise`.

    The squared error of the outputs on `x` is at most that of rounding to nearest, row by row, as the better of the two
    is kept. An embedding's rows are looked up, not summed: its scales alone are searched for. Layers and formats that
    the method does not cover (transposed convolutions; group scales) are rounded to nearest.
    """
    import torch

    if not has_row_scale(fmt):
        return round_weight(part, fmt)
    if isinstance(part, torch.nn.Embedding):
        found = [best_scale(few, fmt, None)[0] for few in rows(part).split(EMBEDDING_ROWS)]
        return as_weight(part, torch.cat(found))
    seen = patches(part, x)
    if seen is None:
        return round_weight(part, fmt)
    matrix = rows(part).unflatten(0, (len(seen), -1))
    done = [_rounded(weight, fmt, inputs.T @ inputs / len(inputs)) for weight, inputs in zip(matrix, seen, strict=True)]
    return as_weight(part, torch.cat(done))


def _rounded(weight: "torch.Tensor", fmt: Format, gram: "torch.Tensor") -> "torch.Tensor":
    import torch

    best, scale = best_scale(weight, fmt, gram)
    compensated = _compensated(weight, fmt, gram, scale)
    lower = output_error(compensated - weight, gram) < output_error(best - weight, gram)
    return torch.where(lower[:, None], compensated, best)


def _compensated(weight: "torch.Tensor", fmt: Format, gram: "torch.Tensor", scale: "torch.Tensor") -> "torch.Tensor":
    import torch

    order = gram.diagonal().argsort(descending=True)
    damped = gram[order][:, order]
    damped = damped + torch.eye(len(gram), dtype=gram.dtype) * (DAMPING * damped.diagonal().mean()).clamp_min(1e-12)
    factor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    still_exact, done = weight[:, order].clone(), torch.empty_like(weight)
    for start in range(0, len(gram), BLOCK):
        block = slice(start, min(start + BLOCK, len(gram)))
        done[:, block], errors = _block(still_exact[:, block], fmt, factor[block, block], scale)
        still_exact[:, block.stop :] -= errors @ factor[block, block.stop :]
    return done[:, order.argsort()]


def _block(
    exact: "torch.Tensor", fmt: Format, factor: "torch.Tensor", scale: "torch.Tensor"
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Round the columns of a block in turn; return them, and the errors that columns after the block make up for."""
    import torch

    done, errors = torch.empty_like(exact), torch.empty_like(exact)
    for column in range(exact.shape[1]):
        here = exact[:, column : column + 1]
        rounded = nearest(here, fmt, scale)
        error = (here - rounded) / factor[column, column]
        done[:, column : column + 1], errors[:, column : column + 1] = rounded, error
        exact[:, column + 1 :] -= error * factor[column : column + 1, column + 1 :]
    return done, errors
