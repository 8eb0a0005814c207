"""Training in fixed point at the least word length of each layer that keeps its weights' distribution.

Kummer et al., Adaptive Precision Training (AdaPT), arXiv 2107.13490: between epochs, each layer takes the fewest bits
that lose no information, and zeros among the quantised weights count as sparsity. Only the abstract could be read: the
divergence of histograms and its limit here are this project's, and no layer is pushed up by its gradients' diversity.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.strategies.adapt import FULL_BITS, memory_ratio, weighted_madds
from dse.compression.masked_training import RATE, fit
from dse.compression.straight_through import Edits, edited
from dse.sensitivity.layers import quantisable

if TYPE_CHECKING:
    import torch

WIDTHS = tuple(range(2, 17))
BINS = 64
LIMIT = 0.02
"""Divergence in nats that counts as no loss of information (a judgement)."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What a run chose: `word_lengths` int[epochs, layers], `densities` of the weights alike, and its `losses`."""

    layers: tuple[str, ...]
    word_lengths: NDArray[np.int64]
    densities: NDArray[np.float64]
    losses: tuple[float, ...]

    def training_speedup(self, macs: ArrayLike) -> float:
        """Multiply-additions in float32 over the run's, weighted by word length and density: macs [layers]."""
        full = float(np.sum(macs)) * len(self.word_lengths)
        spent = sum(weighted_madds(macs, b, d) for b, d in zip(self.word_lengths, self.densities, strict=True))
        return full / spent

    def inference_speedup(self, macs: ArrayLike) -> float:
        """The same of the network that the run ends with."""
        return float(np.sum(macs)) / weighted_madds(macs, self.word_lengths[-1], self.densities[-1])

    def size_ratio(self, params: ArrayLike) -> float:
        """Bytes of the weights that the run ends with over those in float32, zeros not stored: params [layers]."""
        return memory_ratio(params, self.word_lengths[-1], self.densities[-1], master=False)


def quantised(x: "torch.Tensor", bits: int) -> "torch.Tensor":
    """Return a tensor on the symmetric grid of so many bits whose greatest value is its own; as it is from 32 bits."""
    if bits >= FULL_BITS:
        return x
    top = 2 ** (bits - 1) - 1
    scale = x.detach().abs().max().clamp_min(1e-30) / top
    rounded: torch.Tensor = (x.detach() / scale).round() * scale
    return rounded


def divergence(before: ArrayLike, after: ArrayLike, bins: int = BINS) -> float:
    """Kullback-Leibler divergence in nats of one sample's histogram from another's, a count added to every bin."""
    p, q = np.ravel(before), np.ravel(after)
    edges = np.histogram_bin_edges(np.concatenate([p, q]), bins)
    first, second = (np.histogram(x, edges)[0] + 1.0 for x in (p, q))
    first, second = first / first.sum(), second / second.sum()
    return float(np.sum(first * np.log(first / second)))


def least_word_length(weight: "torch.Tensor", limit: float = LIMIT) -> int:
    """The fewest bits among WIDTHS whose quantised weights diverge by at most `limit`; 32 where none does."""
    if not limit > 0:
        raise ValueError(f"the limit of the divergence must be positive, got {limit}")
    bins = max(4, min(BINS, weight.numel() // 8))
    master = weight.detach().double()
    for bits in WIDTHS:
        if divergence(master.numpy(), quantised(master, bits).numpy(), bins) <= limit:
            return bits
    return FULL_BITS


def train(
    module: "torch.nn.Module",
    data: "tuple[torch.Tensor, torch.Tensor]",
    *,
    epochs: int,
    limit: float = LIMIT,
    rate: float = RATE,
    seed: int = 0,
) -> Trace:
    """Train a classifier in place, each layer's weight and input at the word length that its weight takes an epoch."""
    layers = quantisable(module)
    chosen = dict.fromkeys(layers, FULL_BITS)
    lengths, densities = [], []

    def choose(_: int) -> None:
        for name in layers:
            master = _master(module, name)
            chosen[name] = least_word_length(master, limit)
        lengths.append([chosen[name] for name in layers])
        densities.append([_density(_master(module, name), chosen[name]) for name in layers])

    edits = {name: _edits(chosen, name) for name in layers}
    with edited(module, edits):
        losses = fit(module, data, epochs=epochs, rate=rate, seed=seed, each=choose)
    return Trace(layers, np.array(lengths), np.array(densities), tuple(losses))


def as_trained(module: "torch.nn.Module", trace: Trace) -> AbstractContextManager[None]:
    """A context within which the module multiplies at the word lengths that its run ended with."""
    chosen = dict(zip(trace.layers, map(int, trace.word_lengths[-1]), strict=True))
    return edited(module, {name: _edits(chosen, name) for name in trace.layers})


def _edits(chosen: dict[str, int], name: str) -> Edits:
    def narrow(x: "torch.Tensor") -> "torch.Tensor":
        return quantised(x, chosen[name])

    return Edits(narrow, narrow)


def _master(module: "torch.nn.Module", name: str) -> "torch.Tensor":
    """The float32 weight behind a layer's edited one."""
    parametrised = module.get_submodule(name).get_submodule("parametrizations").get_submodule("weight")
    return parametrised.get_parameter("original").detach()


def _density(weight: "torch.Tensor", bits: int) -> float:
    return float((quantised(weight, bits) != 0).double().mean())
