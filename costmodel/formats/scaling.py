"""Quantise a tensor: choose the scales its elements share, then round.

Microscaling: OCP Microscaling Formats (MX) Specification v1.0, 2023; Rouhani et al., arXiv 2310.10537, whose reference
library microxcaling also keeps mxint8 symmetric. NVFP4: NVIDIA, Pretraining Large Language Models with NVFP4,
arXiv 2509.25149; the scales are those of compute_fp4_scales in NVIDIA's Model Optimizer. Binary: Rastegari et al.,
XNOR-Net, arXiv 1603.05279, equation 6; ternary: Li et al., Ternary Weight Networks, arXiv 1605.04711, equations 5, 6.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.formats.format import Format
from costmodel.formats.grid import largest
from costmodel.formats.lookup import get, resolve
from costmodel.formats.rounding import as_numbers, cast

FEW_LEVELS = 3
"""Levels up to which the largest value says little of a tensor, so that scales are of means."""

TERNARY_THRESHOLD = 0.7
"""Over mean |x|, what exceeds it is not 0 (Ternary Weight Networks, equation 6)."""


@np.errstate(all="ignore")  # huge, tiny and nan inputs have a defined result
def quantize(
    x: Any, fmt: Format | str, *, axis: int | None = None, scale: ArrayLike | None = None, overflow: str = "saturate"
) -> NDArray[np.float64]:
    """Return `x` after a round trip through `fmt`: scale * cast(x / scale), float64 of the same shape.

    integer   scale = absmax / (2^(b-1) - 1), codes symmetric, of the tensor, or of each index of `axis` (per channel);
              unsigned formats spread max(x, 0) over [0, 2^b - 1].
    minifloat scale 1 without `axis`, a plain cast; with it each index's absmax meets the largest value. Formats of 16
              bits and more are always a plain cast.
    binary    scale = mean |x|, likewise, and 0 becomes a scale; ternary: mean |x| of what exceeds 0.7 times that.
    groups    (int4_g128, mx*, nvfp4, nf4) one stored scale every `group_size` elements along `axis`, the last one by
              default; the last group may be short.
    `scale` overrides: positive numbers that broadcast to x's shape. `overflow` is that of `cast`; MX requires the
    default. Scales look at finite elements alone; nan stays nan. ValueError on a bad axis, scale or overflow.
    """
    fmt = resolve(fmt)
    numbers = as_numbers(x)
    axis = _checked_axis(axis, numbers.ndim)
    if scale is not None:
        return _through(numbers, fmt, _checked_scale(scale, numbers), overflow)
    if fmt.scale:
        return _grouped(numbers, fmt, -1 if axis is None else axis, overflow)
    if fmt.is_float and (axis is None or fmt.bits >= 16):
        return cast(numbers, fmt, overflow=overflow)
    others = None if axis is None else tuple(i for i in range(numbers.ndim) if i != axis)
    if fmt.encoding == "codebook" and len(fmt.codebook) <= FEW_LEVELS:
        return _through(numbers, fmt, _mean_scale(numbers, fmt, others), overflow)
    ratio = _absmax(numbers, fmt, others) / largest(fmt)
    return _through(numbers, fmt, np.where(ratio > 0, ratio, 1.0), overflow, symmetric=True)


def _mean_scale(x: NDArray[np.float64], fmt: Format, axes: tuple[int, ...] | None) -> NDArray[np.float64]:
    """The scale of a binary or ternary tensor, over the axes, which stay with length 1; 0 where all is 0, 1 of none."""
    top = _absmax(x, fmt, axes)
    share = np.abs(x) / np.where(top > 0, top, 1.0)
    kept = np.isfinite(x)
    some = kept.any(axis=axes, keepdims=True)
    if len(fmt.codebook) > 2:
        mean = np.sum(share, axis=axes, keepdims=True, where=kept) / np.maximum(kept.sum(axis=axes, keepdims=True), 1)
        kept = kept & (share > TERNARY_THRESHOLD * mean)
    count = np.maximum(kept.sum(axis=axes, keepdims=True), 1)
    return np.where(some, np.sum(share, axis=axes, keepdims=True, where=kept) / count * top, 1.0)


def _grouped(x: NDArray[np.float64], fmt: Format, axis: int, overflow: str) -> NDArray[np.float64]:
    rows = np.moveaxis(np.atleast_1d(x), axis, -1)
    length = rows.shape[-1]
    size = max(1, min(fmt.group_size, length))
    padding = -length % size
    if padding:
        rows = np.concatenate([rows, np.zeros((*rows.shape[:-1], padding))], axis=-1)
    groups = rows.reshape(*rows.shape[:-1], rows.shape[-1] // size, size)
    scale = _stored_scale(_absmax(groups, fmt, (-1,)), fmt)
    done = _through(groups, fmt, scale, overflow, symmetric=True).reshape(rows.shape)[..., :length]
    back: NDArray[np.float64] = np.moveaxis(done, -1, axis).reshape(x.shape)
    return back


def _stored_scale(absmax: NDArray[np.float64], fmt: Format) -> NDArray[np.float64]:
    """The scale of each group, rounded to the format that stores it; it may underflow to 0, as it would in storage."""
    if fmt.scale == "e8m0":
        exponent = np.frexp(absmax)[1] - np.frexp(largest(fmt))[1]
        return np.asarray(np.ldexp(1.0, np.clip(exponent, -127, 127)))
    ratio = absmax / largest(fmt)
    if get(fmt.scale).bits > 8:
        return np.where(absmax > 0, cast(ratio, fmt.scale), 1.0)
    tensor = cast(np.max(ratio, initial=0.0) / largest(fmt.scale), "fp32")
    if tensor == 0:
        return np.zeros_like(ratio)
    return np.where(absmax > 0, cast(ratio / tensor, fmt.scale) * tensor, 1.0)


def _through(
    x: NDArray[np.float64], fmt: Format, scale: NDArray[np.float64], overflow: str, symmetric: bool = False
) -> NDArray[np.float64]:
    ratio = x / np.where(scale > 0, scale, 1.0)
    if symmetric and fmt.encoding == "integer":
        ratio = np.clip(ratio, -largest(fmt), largest(fmt))
    done = cast(ratio, fmt, overflow=overflow)
    done *= scale
    return done


def _absmax(x: NDArray[np.float64], fmt: Format, axes: tuple[int, ...] | None) -> NDArray[np.float64]:
    """The largest finite magnitude over the axes, which stay with length 1; 0 where there is none."""
    size = np.abs(x) if fmt.signed else np.maximum(x, 0.0)
    top = np.max(size, axis=axes, keepdims=True, initial=0.0)
    if np.isfinite(top).all():
        return np.asarray(top)
    return np.asarray(np.max(size, axis=axes, keepdims=True, initial=0.0, where=np.isfinite(size)))


def _checked_axis(axis: int | None, rank: int) -> int | None:
    if axis is None:
        return None
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer) or not -rank <= axis < rank:
        raise ValueError(f"axis must be an integer within [-{rank}, {rank}) or None, got {axis!r}")
    return int(axis) % rank


def _checked_scale(scale: ArrayLike, x: NDArray[np.float64]) -> NDArray[np.float64]:
    factors = as_numbers(scale)
    if not (np.isfinite(factors) & (factors > 0)).all():
        raise ValueError(f"scale must be positive and finite, got {str(factors.tolist())[:60]}")
    return np.broadcast_to(factors, x.shape)
