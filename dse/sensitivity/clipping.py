"""Where to cut off a layer's inputs: at the largest magnitude, a percentile, or the limit of least squared error.

Clipping trades the few values cut off against a finer grid for all the others: Banner, Nahshan, Soudry, Post Training
4-bit Quantization of Convolutional Networks for Rapid-Deployment, arXiv 1810.05723; Wu, Judd, Zhang, Isaev,
Micikevicius, Integer Quantization for Deep Learning Inference, arXiv 2004.09602, section 3.2, compares these rules.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format, get, largest, quantize
from dse.sensitivity.calls import Inputs, run, split
from dse.sensitivity.layers import channel_axis, edit_input, select
from dse.sensitivity.ranges import Range
from dse.sensitivity.round_trip import input_format, is_static

if TYPE_CHECKING:
    import torch

Floats: TypeAlias = NDArray[np.float64]
Rule: TypeAlias = Callable[[Floats, Format], Floats]
"""Maps values [groups, values], rows of which share a limit, and the format they are kept in, to limits [groups]."""

VALUES = 1 << 18
"""Values of a layer's input looked at in a batch, evenly spaced examples and positions (a judgement)."""

RATIOS = np.linspace(0.05, 1.0, 39)
"""Limits tried, as shares of the largest magnitude (a judgement)."""


def clip(
    module: "torch.nn.Module",
    ranges: Mapping[str, Range],
    inputs: Inputs,
    formats: Iterable[Format | str],
    rule: Rule,
    *,
    channels: int | None = None,
    batch_size: int = 256,
) -> dict[str, Range]:
    """Return ranges with a limit for each of the formats, by a rule: `min_max`, `percentile(99.9)`, `least_squares`.

    ranges    of the layers' inputs, from `observe` on the same inputs
    channels  how many neighbouring channels share a limit: None for all (a limit a tensor), 1 for a limit a channel,
              which cannot be moved out of an integer sum: the hardware scales each product, or the weights take it in
    Formats whose scales are not fixed by calibration are left out. ValueError on channels below 1.
    """
    if channels is not None and channels < 1:
        raise ValueError(f"channels must be at least 1, or None for one limit a tensor, got {channels}")
    wanted = [fmt for fmt in (get(f) if isinstance(f, str) else f for f in formats) if is_static(fmt)]
    seen = _values(module, ranges, inputs, batch_size)
    parts = select(module, seen)
    found = dict(ranges)
    for name, values in seen.items():
        rows = _grouped(values, channels)
        limits = {fmt.name: rule(rows, input_format(fmt, ranges[name])) for fmt in wanted}
        spread = {key: _broadcast(parts[name], limit, values.shape[1], channels) for key, limit in limits.items()}
        found[name] = replace(ranges[name], limits={**ranges[name].limits, **spread})
    return found


def min_max(values: Floats, fmt: Format) -> Floats:
    """The largest magnitude, or the largest value of an unsigned format: nothing is cut off."""
    magnitudes: Floats = (np.abs(values) if fmt.signed else np.maximum(values, 0.0)).max(axis=1)
    return magnitudes


def percentile(percent: float) -> Rule:
    """The rule by which that many percent of the magnitudes are not cut off; ValueError outside (0, 100]."""
    if not 0 < percent <= 100:
        raise ValueError(f"percent must be above 0 and at most 100, got {percent}")

    def rule(values: Floats, fmt: Format) -> Floats:
        magnitudes = np.abs(values) if fmt.signed else np.maximum(values, 0.0)
        return np.asarray(np.percentile(magnitudes, percent, axis=1))

    return rule


def least_squares(values: Floats, fmt: Format) -> Floats:
    """The limit, among RATIOS of the largest magnitude, at which rounding changes the values least."""
    top = min_max(values, fmt)
    tried = [_squared_change(values, fmt, ratio * top) for ratio in RATIOS]
    return np.asarray(top * RATIOS[np.argmin(tried, axis=0)])


def _squared_change(values: Floats, fmt: Format, limit: Floats) -> Floats:
    scale = np.where(limit > 0, limit, 1.0)[:, None] / largest(fmt)
    return np.asarray(((quantize(values, fmt, scale=scale) - values) ** 2).sum(axis=1))


def _values(module: "torch.nn.Module", names: Iterable[str], inputs: Inputs, batch_size: int) -> dict[str, Floats]:
    """Values [examples and positions, channels] of each layer's input, where it is numbers."""
    import copy

    import torch

    twin = copy.deepcopy(module).eval()
    seen: dict[str, list[Floats]] = {}
    for name, part in select(twin, names).items():
        edit_input(part, partial(_note, seen.setdefault(name, []), channel_axis(part)))
    with torch.no_grad():
        for arguments in split(inputs, batch_size):
            run(twin, arguments)
    return {name: np.concatenate(batches) for name, batches in seen.items() if batches}


def _note(batches: list[Floats], axis: int, x: "torch.Tensor") -> None:
    if not x.is_floating_point() or not x.numel():
        return
    rows = x.movedim(axis, -1).flatten(0, -2)
    step = -(-x.numel() // VALUES)
    batches.append(rows[::step].double().cpu().numpy())


def _grouped(values: Floats, channels: int | None) -> Floats:
    """Rows of values that share a limit; a short last group is filled up with its last channel."""
    if channels is None:
        return values.reshape(1, -1)
    filled = np.pad(values, ((0, 0), (0, -values.shape[1] % channels)), mode="edge")
    return filled.reshape(len(values), -1, channels).transpose(1, 0, 2).reshape(-1, len(values) * channels)


def _broadcast(part: "torch.nn.Module", limit: Floats, width: int, channels: int | None) -> float | Floats:
    if channels is None:
        return float(limit[0])
    return np.repeat(limit, channels)[:width].reshape(-1, *[1] * (-channel_axis(part) - 1))
