"""Ways to say what each option of a layer costs in quality, by name: measured on data, or foretold from weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.precision import Precision
from dse.sensitivity.additivity import Additivity, random_assignments
from dse.sensitivity.cutoffs import cut
from dse.sensitivity.data_free import sqnr_loss
from dse.sensitivity.evaluate import Data, LossFn, cross_entropy, evaluate
from dse.sensitivity.fisher import drawn, fisher_diagonal, fisher_loss
from dse.sensitivity.hessian import hessian_loss, hessian_trace
from dse.sensitivity.interactions import Interactions, interactions
from dse.sensitivity.layers import select
from dse.sensitivity.loss import Sensitivity, measure
from dse.sensitivity.predictions import outputs, predictions, squared_error
from dse.sensitivity.ranges import Range, observe
from dse.sensitivity.trials import losses

if TYPE_CHECKING:
    import torch

    from costmodel.workload import Op

Progress = Callable[[int, int], Any]

SOURCES = {
    "loss": "measured: increase of the calibration loss on labels, one layer quantised at a time",
    "kl": "measured: KL divergence from the unquantised outputs on calibration data, one layer quantised at a time",
    "mse": "measured: squared error to the unquantised outputs on calibration data, one layer quantised at a time",
    "hessian": "foretold: Hessian trace times squared change of the weights (arXiv 1911.03852), activations left out",
    "fisher": "foretold: Fisher diagonal times squared change of each weight (arXiv 2306.07629), activations left out",
    "sqnr": "data-free proxy: noise-to-signal of weights and inputs on normal values, arXiv 1511.06393",
}
"""What each way is, as a result states it."""

MEASURED = ("loss", "kl", "mse")


def sensitivity(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision],
    ops: "Sequence[Op]",
    *,
    method: str = "kl",
    ranges: str = "min-max",
    loss_fn: "LossFn | None" = None,
    assignments: int = 0,
    progress: Progress | None = None,
) -> Sensitivity:
    """Return what each option costs each layer that the data reach, by one of SOURCES.

    ops      of the layers in question, which "sqnr" reads
    ranges   how inputs are cut off: "min-max", "percentile", "percentile:99.9", "mse" or "learned" (`cutoffs`)
    loss_fn  of "loss", "hessian" and "fisher": cross entropy by default
    assignments  random whole ones, measured, which say how well the sum orders them
    UnknownNameError on another method; ValueError where it does not apply to the network.
    """
    require("sensitivity", method, SOURCES)
    names = [op.name for op in ops]
    plain = observe(module, names, data[0])
    found = cut(module, data[0], options, plain, ranges)
    layers = [op for op in ops if op.name in plain]
    if method in MEASURED:
        targets, score = aims(module, data, method, loss_fn)
        return measure(
            module, targets, options, layers=tuple(plain), ranges=found, loss_fn=score, assignments=assignments,
            progress=progress,
        )  # fmt: skip
    table = _foretold(module, data, options, layers, method, loss_fn, progress)
    base = evaluate(module, data, loss_fn=loss_fn)
    result = Sensitivity(tuple(op.name for op in layers), tuple(options), table, base.loss, base.accuracy, found)
    return replace(result, additivity=_checked(module, data, result, assignments)) if assignments else result


def pairwise(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision],
    ranges: Mapping[str, Range],
    *,
    method: str = "kl",
    loss_fn: "LossFn | None" = None,
    progress: Progress | None = None,
) -> Interactions:
    """Return `interactions` by one of the measured ways; ValueError for a foretold one, which has no pairs."""
    if require("sensitivity", method, SOURCES) not in MEASURED:
        raise ValueError(f"interactions are measured, by {', '.join(MEASURED)}; {method} foretells each layer alone")
    targets, score = aims(module, data, method, loss_fn)
    return interactions(module, targets, options, ranges, loss_fn=score, progress=progress)


def aims(
    module: "torch.nn.Module", data: Data, method: str, loss_fn: "LossFn | None" = None
) -> "tuple[Data, LossFn | None]":
    """Return the data with the targets of a measured way, and the loss to them."""
    if method == "loss":
        return data, loss_fn or cross_entropy
    if method == "kl":
        return _own(module, data), None
    return (data[0], outputs(module, data[0])), squared_error


def _own(module: "torch.nn.Module", data: Data) -> Any:
    return data[0], predictions(module, data[0])


def _foretold(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision],
    ops: "Sequence[Op]",
    method: str,
    loss_fn: "LossFn | None",
    progress: Progress | None,
) -> NDArray[np.float64]:
    """Increases [layers, options] of a way that quantises nothing."""
    names = [op.name for op in ops]
    if method == "sqnr":
        return sqnr_loss(ops, options)
    if method == "fisher":
        labels = drawn(module, data) if loss_fn is None else data
        diagonal = fisher_diagonal(module, labels, names, loss_fn=loss_fn, progress=progress)
        return fisher_loss(module, diagonal, options)
    try:
        return hessian_loss(module, hessian_trace(module, data, names, loss_fn=loss_fn), options)
    except RuntimeError as error:
        told = str(error).partition("\n")[0]
        raise ValueError(f"a Hessian needs second derivatives of every part of the network: {told}") from None


def _checked(module: "torch.nn.Module", data: Data, found: Sensitivity, assignments: int) -> Additivity:
    """How well the sums of a foretold table order the KL divergence of random whole assignments."""
    together = random_assignments(select(module, found.layers), found.options, assignments)
    own = _own(module, data)
    measured = losses(module, own, together, found.ranges, finite=0) - evaluate(module, own).loss
    return Additivity(np.array([found.predicted(assignment) for assignment in together]), measured)
