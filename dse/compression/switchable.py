"""Training one set of stored integers to serve several widths, each step at widths drawn by layer.

Huang et al., Double Rounding, arXiv 2502.01199: weights are stored in the widest of the widths and rounded once more to
the narrower ones (`costmodel.strategies.double_rounding.narrow`); HASB (Algorithm 1) draws each layer's width in
proportion to it where the trace of its Hessian is at least the mean, evenly elsewhere. The paper's learned scales and
its rates by width are left out: a channel's scale is its largest weight's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from costmodel.strategies.double_rounding import narrow, storage_bits, switch_probabilities
from dse.compression.masked_training import RATE, fit
from dse.compression.straight_through import Edits, edited
from dse.sensitivity.layers import output_axis, select

if TYPE_CHECKING:
    import torch


def twice(matrix: "torch.Tensor", *, stored_bits: int, bits: int) -> "torch.Tensor":
    """Return a weight [channels, weights a channel] as its stored integers give it at a width."""
    import torch

    wide = matrix.detach().double()
    scale = wide.abs().amax(1, keepdim=True).clamp_min(1e-30) / (2 ** (stored_bits - 1) - 1)
    codes = narrow((wide / scale).round().numpy(), stored_bits=stored_bits, bits=bits)
    served: torch.Tensor = torch.from_numpy(codes) * scale * 2 ** (stored_bits - bits)
    return served.to(matrix)


def train(
    module: "torch.nn.Module",
    layers: Sequence[str],
    data: "tuple[torch.Tensor, torch.Tensor]",
    *,
    widths: Sequence[int],
    sensitivities: ArrayLike | None = None,
    epochs: int,
    rate: float = RATE,
    seed: int = 0,
) -> list[float]:
    """Train a classifier in place at drawn widths; return its mean loss an epoch.

    `sensitivities` are traces of the Hessian, one a layer; without them all layers draw evenly. ValueError as in
    `switch_probabilities`.
    """
    even = np.full((len(layers), len(widths)), 1 / len(widths))
    drawn_by = even if sensitivities is None else switch_probabilities(sensitivities, widths)
    chances = dict(zip(layers, drawn_by, strict=True))
    draw, stored = np.random.default_rng(seed), storage_bits(widths)

    def edits(name: str, part: "torch.nn.Module") -> Edits:
        def drawn(weight: "torch.Tensor") -> "torch.Tensor":
            bits = int(draw.choice(widths, p=chances[name]))
            return _at(part, weight, stored, bits)

        return Edits(weight=drawn)

    with edited(module, {name: edits(name, part) for name, part in select(module, layers).items()}):
        return fit(module, data, epochs=epochs, rate=rate, seed=seed)


def at_width(module: "torch.nn.Module", layers: Sequence[str], *, stored_bits: int, bits: int) -> "torch.nn.Module":
    """Return a twin whose layers have the weights that their stored integers give at a width."""
    import copy

    twin = copy.deepcopy(module).eval()
    for part in select(twin, layers).values():
        part.weight.data = _at(part, part.get_parameter("weight").detach(), stored_bits, bits)
    return twin


def _at(part: "torch.nn.Module", weight: "torch.Tensor", stored_bits: int, bits: int) -> "torch.Tensor":
    axis = output_axis(part)
    first = weight.detach().movedim(axis, 0)
    rounded = twice(first.reshape(len(first), -1), stored_bits=stored_bits, bits=bits)
    return rounded.reshape(first.shape).movedim(0, axis).contiguous()
