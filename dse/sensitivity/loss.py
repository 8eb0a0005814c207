"""What each option costs in loss, measured: one layer at one option, the rest in full precision."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision, precision
from dse.sensitivity.additivity import Additivity, random_assignments
from dse.sensitivity.calls import Data, LossFn, checked
from dse.sensitivity.evaluate import evaluate
from dse.sensitivity.layers import quantisable, select
from dse.sensitivity.ranges import Range, observe
from dse.sensitivity.replay import CACHE_BYTES
from dse.sensitivity.tasks import decide
from dse.sensitivity.trials import Rounding, losses

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The increase of the mean calibration loss for each layer and option.

    loss      float64 [layers, options], as measured: small negative values are noise of the calibration sample
    baseline  the loss of the module as it is, `accuracy` its accuracy on the same data (None unless classification)
    ranges    of the layers' inputs, which `fake_quantize.apply` takes to evaluate a whole assignment
    additivity  how well the losses add up, where `measure` was asked for random assignments
    source    what the losses are and how they were found, in words, where `methods.sensitivity` did
    """

    layers: tuple[str, ...]
    options: tuple[Precision, ...]
    loss: NDArray[np.float64]
    baseline: float
    accuracy: float | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    additivity: Additivity | None = None
    source: str = ""

    def clipped(self) -> NDArray[np.float64]:
        """The increases with negative ones set to 0: what an allocation sums, so that noise is never a gain."""
        return np.maximum(self.loss, 0.0)

    def predicted(self, assignment: Mapping[str, Precision]) -> float:
        """The summed increases of an assignment of options to layers."""
        rows = {name: row for row, name in enumerate(self.layers)}
        table = self.clipped()
        return float(sum(table[rows[name], self.options.index(option)] for name, option in assignment.items()))


def measure(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision | str],
    *,
    layers: Iterable[str] | None = None,
    ranges: Mapping[str, Range] | None = None,
    loss_fn: "LossFn | None" = None,
    rounding: "Rounding | None" = None,
    batch_size: int = 256,
    cache_bytes: int = CACHE_BYTES,
    assignments: int = 0,
    progress: Callable[[int, int], Any] | None = None,
) -> Sensitivity:
    """Measure each layer at each option on calibration data; the module stays as it is.

    data     (inputs, targets) as in `evaluate`, `loss_fn` too: that of the task by default
    options  precisions or their spellings
    layers   names; by default all with a weight matrix that the data reach
    ranges   of the layers' inputs; by default the smallest and largest values on the same data (`observe`)
    rounding, cache_bytes  as in `trials.losses`
    assignments  random whole ones to measure too, which say how well the losses add up
    `progress` is told (step, steps). UnknownNameError on an unknown layer; ValueError without options or layers, where
    a named layer is never called, and where a loss is not finite, naming layer and option.
    """
    choices = tuple(precision(option) if isinstance(option, str) else option for option in options)
    if not choices:
        raise ValueError("options must name at least one precision, got none")
    found = _ranges(module, data, layers, batch_size) | dict(ranges or {})
    names = tuple(found if layers is None else dict.fromkeys(layers))
    loss_fn = loss_fn or decide(module, data).loss
    base = evaluate(module, data, loss_fn=loss_fn, batch_size=batch_size)
    if not math.isfinite(base.loss):
        raise ValueError(f"the loss of the module before quantisation must be finite, got {base.loss}")
    alone: list[dict[str, Precision]] = [{name: choice} for name in names for choice in choices]
    together = random_assignments(select(module, names), choices, assignments)
    increases = losses(
        module,
        data,
        [*alone, *together],
        found,
        loss_fn=loss_fn,
        rounding=rounding,
        batch_size=batch_size,
        cache_bytes=cache_bytes,
        finite=len(alone),
        progress=progress,
    )
    increases -= base.loss
    table = increases[: len(alone)].reshape(len(names), len(choices))
    sensitivity = Sensitivity(names, choices, table, base.loss, base.accuracy, found)
    if not assignments:
        return sensitivity
    predicted = np.array([sensitivity.predicted(assignment) for assignment in together])
    return replace(sensitivity, additivity=Additivity(predicted, increases[len(alone) :]))


def _ranges(module: "torch.nn.Module", data: Data, layers: Iterable[str] | None, batch_size: int) -> dict[str, Range]:
    """The input range of each layer to measure, in the order asked for."""
    names = tuple(quantisable(module) if layers is None else dict.fromkeys(layers))
    ranges = observe(module, names, checked(data)[0], batch_size=batch_size)
    missing = [name for name in names if name not in ranges]
    if missing and layers is not None:
        raise ValueError(f"layer {missing[0]!r} is never called on the calibration data")
    if not ranges:
        raise ValueError(f"{type(module).__name__} has no layer to measure: none with a weight matrix is called")
    return {name: ranges[name] for name in names if name in ranges}
