"""The trace of the loss's Hessian for each layer, by random probes, and the loss increase that it foretells.

Dong, Yao, Arfeen, Gholami, Mahoney, Keutzer, HAWQ-V2: Hessian Aware trace-Weighted Quantization of Neural Networks,
arXiv 1911.03852: Hutchinson's estimator (algorithm 1), and the mean of the trace times the squared perturbation of the
weights (equation 11), which HAWQ-V3 (arXiv 2011.10680) sums in its integer program.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from dse.sensitivity.calls import Data, LossFn, batches, checked, run
from dse.sensitivity.layers import select
from dse.sensitivity.round_trip import round_weight
from dse.sensitivity.tasks import decide

if TYPE_CHECKING:
    import torch


class Trace(NamedTuple):
    """The trace of a layer's Hessian block, its standard error over the probes, and the number of weights."""

    trace: float
    error: float
    weights: int


def hessian_trace(
    module: "torch.nn.Module",
    data: Data,
    layers: Iterable[str],
    *,
    loss_fn: "LossFn | None" = None,
    probes: int = 32,
    batch_size: int = 256,
    seed: int = 0,
) -> dict[str, Trace]:
    """Return the trace of each layer's block of the Hessian of the mean loss: the mean of v^T H v over probes v of +-1.

    data, loss_fn as in `evaluate`; the loss must have second derivatives, which some fused attention lacks. One probe
    takes two backward passes for all layers together: blocks off the diagonal add noise to each, and no bias.
    """
    import torch

    if probes < 1:
        raise ValueError(f"probes must be at least 1, got {probes}")
    twin = copy.deepcopy(module).eval()
    parts = select(twin, layers)
    weights = [part.get_parameter("weight").requires_grad_() for part in parts.values()]
    targets, score = checked(data)[1], loss_fn or decide(twin, data).loss
    generator = torch.Generator().manual_seed(seed)
    signs = [[_signs(weight, generator) for weight in weights] for _ in range(probes)]
    found = np.zeros((probes, len(weights)))
    for arguments, answers in batches(data, batch_size):
        loss = score(run(twin, arguments), answers) * (len(answers) / len(targets))
        slopes = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
        slopes = tuple(torch.zeros_like(w) if s is None else s for s, w in zip(slopes, weights, strict=True))
        for probe, vectors in enumerate(signs):
            along = torch.stack([(s * v).sum() for s, v in zip(slopes, vectors, strict=True)]).sum()
            products = torch.autograd.grad(along, weights, retain_graph=True, allow_unused=True)
            found[probe] += [0.0 if p is None else float((p * v).sum()) for p, v in zip(products, vectors, strict=True)]
    errors = found.std(axis=0, ddof=1) / np.sqrt(probes) if probes > 1 else np.full(len(weights), np.nan)
    return {
        name: Trace(float(trace), float(error), weight.numel())
        for name, trace, error, weight in zip(parts, found.mean(axis=0), errors, weights, strict=True)
    }


def hessian_loss(
    module: "torch.nn.Module", traces: Mapping[str, Trace], options: Sequence[Precision]
) -> NDArray[np.float64]:
    """Return float64 [layers, options]: half the mean trace times the squared change of the weight, at least 0.

    The second-order increase of the loss if the Hessian block were a multiple of the identity (HAWQ-V2 leaves out the
    half, which changes no plan). Activations have no part in it: options of equal weight formats get equal values.
    """
    parts = select(module, traces)
    rows = [
        [max(traces[name].trace, 0.0) / traces[name].weights / 2 * _squared_change(part, option) for option in options]
        for name, part in parts.items()
    ]
    return np.array(rows, dtype=np.float64).reshape(len(parts), len(options))


def _squared_change(part: "torch.nn.Module", option: Precision) -> float:
    change = round_weight(part, option.weight) - part.get_parameter("weight").detach()
    return float(change.double().square().sum())


def _signs(weight: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
    import torch

    return torch.randint(0, 2, weight.shape, generator=generator).to(weight) * 2 - 1
