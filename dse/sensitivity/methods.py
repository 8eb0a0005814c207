"""Ways to say what each option of a layer costs in quality, by name: measured on data, or foretold from weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.precision import Precision
from dse.sensitivity.additivity import Additivity, random_assignments
from dse.sensitivity.calls import Data, LossFn
from dse.sensitivity.cutoffs import cut
from dse.sensitivity.data_free import sqnr_loss
from dse.sensitivity.evaluate import evaluate
from dse.sensitivity.fisher import drawn, fisher_diagonal, fisher_loss
from dse.sensitivity.hessian import hessian_loss, hessian_trace
from dse.sensitivity.interactions import Interactions, interactions
from dse.sensitivity.layers import select
from dse.sensitivity.loss import Sensitivity, measure
from dse.sensitivity.predictions import outputs, own, squared_error
from dse.sensitivity.ranges import Range, observe
from dse.sensitivity.tasks import BINARY, CLASSES, VALUES, Task, decide
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
    "sqnr": "data-free proxy: noise-to-signal of weights, inputs and caches on normal values, arXiv 1511.06393",
}
"""What each way is, as a result states it of a network whose outputs are classes."""

BY_KIND = {
    CLASSES: "cross entropy",
    BINARY: "cross entropy of each",
    VALUES: "squared error relative to the variance of targets",
}
"""The loss on labels, by what outputs are."""

MEASURED = ("loss", "kl", "mse")
LABELLED = ("loss", "hessian")


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
    loss_fn  of "loss", "hessian" and "fisher": by default what suits the task (`tasks.decide`), which `source` names
    assignments  random whole ones, measured, which say how well the sum orders them
    UnknownNameError on another method; ValueError where it does not apply to the network or the data.
    """
    require("sensitivity", method, SOURCES)
    if data[1] is None and method in LABELLED:
        raise ValueError(f"{method} sensitivity needs targets; kl, mse, fisher and sqnr do without")
    names = [op.name for op in ops]
    plain = observe(module, names, data[0])
    found = cut(module, data, options, plain, ranges)
    layers = [op for op in ops if op.name in plain]
    if method in MEASURED:
        targets, score, source = aims(module, data, method, loss_fn)
        table = measure(
            module, targets, options, layers=tuple(plain), ranges=found, loss_fn=score, assignments=assignments,
            progress=progress,
        )  # fmt: skip
        return replace(table, source=source)
    increases, source = _foretold(module, data, options, layers, method, loss_fn, progress)
    targets, score, _ = aims(module, data, "loss" if loss_fn else "kl", loss_fn)
    base = evaluate(module, targets, loss_fn=score)
    result = Sensitivity(
        tuple(op.name for op in layers), tuple(options), increases, base.loss, base.accuracy, found, source=source
    )
    return replace(result, additivity=_checked(module, targets, score, result, assignments)) if assignments else result


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
    targets, score, _ = aims(module, data, method, loss_fn)
    return interactions(module, targets, options, ranges, loss_fn=score, progress=progress)


def aims(
    module: "torch.nn.Module", data: Data, method: str, loss_fn: "LossFn | None" = None
) -> "tuple[Data, LossFn, str]":
    """Return the data with the targets of a measured way, the loss to them, and what that is in words."""
    if method == "mse":
        return (data[0], outputs(module, data[0])), squared_error, SOURCES[method]
    if method == "loss" and loss_fn:
        return data, loss_fn, _source(method, None)
    if method == "loss":
        task = decide(module, data)
        return data, task.loss, _source(method, task)
    answers, task = own(module, data)
    return answers, task.loss, _source(method, task)


def _source(method: str, task: Task | None) -> str:
    """What a way measures or foretells, and what outputs were taken as; by a loss_fn where there is no task."""
    if task is None:
        return f"{SOURCES[method]}; loss by the loss_fn given"
    if method != "kl":
        return f"{SOURCES[method]}; outputs taken as {task.told}, loss {BY_KIND[task.kind]}"
    named = SOURCES[method]
    if task.kind == VALUES:
        named = named.replace(
            "KL divergence from the unquantised outputs",
            "squared error to the unquantised outputs, relative to their variance,",
        )
    return f"{named}; outputs taken as {task.told}"


def _foretold(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision],
    ops: "Sequence[Op]",
    method: str,
    loss_fn: "LossFn | None",
    progress: Progress | None,
) -> tuple[NDArray[np.float64], str]:
    """Increases [layers, options] of a way that quantises nothing, and what they are in words."""
    names = [op.name for op in ops]
    if method == "sqnr":
        return sqnr_loss(ops, options), SOURCES[method]
    task = None if loss_fn else decide(module, data)
    source = _source(method, task)
    if method == "fisher":
        labels = drawn(module, data, task) if task else data
        score = loss_fn or (task.loss if task else None)
        diagonal = fisher_diagonal(module, labels, names, loss_fn=score, progress=progress)
        return fisher_loss(module, diagonal, options), source
    try:
        return hessian_loss(module, hessian_trace(module, data, names, loss_fn=loss_fn), options), source
    except RuntimeError as error:
        told = str(error).partition("\n")[0]
        raise ValueError(f"a Hessian needs second derivatives of every part of the network: {told}") from None


def _checked(
    module: "torch.nn.Module", data: Data, loss_fn: LossFn, found: Sensitivity, assignments: int
) -> Additivity:
    """How well the sums of a foretold table order the measured loss of random whole assignments."""
    together = random_assignments(select(module, found.layers), found.options, assignments)
    measured = losses(module, data, together, found.ranges, loss_fn=loss_fn, finite=0) - found.baseline
    return Additivity(np.array([found.predicted(assignment) for assignment in together]), measured)
