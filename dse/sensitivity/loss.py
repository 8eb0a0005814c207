"""What each option costs in loss, measured: one layer at one option, the rest in full precision."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format
from costmodel.precision import Precision, precision
from dse.sensitivity import round_trip
from dse.sensitivity.evaluate import Data, LossFn, checked, evaluate
from dse.sensitivity.fake_quantize import quantise_input
from dse.sensitivity.layers import quantisable, select
from dse.sensitivity.ranges import Range, observe

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The increase of the mean calibration loss for each layer and option.

    loss      float64 [layers, options], as measured: small negative values are noise of the calibration sample
    baseline  the loss of the module as it is, `accuracy` its accuracy on the same data (None unless classification)
    ranges    of the layers' inputs, which `fake_quantize.apply` takes to evaluate a whole assignment
    """

    layers: tuple[str, ...]
    options: tuple[Precision, ...]
    loss: NDArray[np.float64]
    baseline: float
    accuracy: float | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def clipped(self) -> NDArray[np.float64]:
        """The increases with negative ones set to 0: what an allocation sums, so that noise is never a gain."""
        return np.maximum(self.loss, 0.0)


def measure(
    module: "torch.nn.Module",
    data: Data,
    options: Sequence[Precision | str],
    *,
    layers: Iterable[str] | None = None,
    loss_fn: "LossFn | None" = None,
    batch_size: int = 256,
    progress: Callable[[int, int], Any] | None = None,
) -> Sensitivity:
    """Measure each layer at each option on calibration data; the module stays as it is.

    data     (inputs, targets) as in `evaluate`, `loss_fn` too: cross entropy by default
    options  precisions or their spellings
    layers   names; by default all with a weight matrix that the data reach
    `progress` is told (step, steps). UnknownNameError on an unknown layer; ValueError without options or layers, where
    a named layer is never called, and where a loss is not finite, naming layer and option.
    """
    choices = tuple(precision(option) if isinstance(option, str) else option for option in options)
    if not choices:
        raise ValueError("options must name at least one precision, got none")
    twin = copy.deepcopy(module).eval()
    ranges = _ranges(twin, data, layers, batch_size)
    base = evaluate(twin, data, loss_fn=loss_fn, batch_size=batch_size)
    if not math.isfinite(base.loss):
        raise ValueError(f"the loss of the module before quantisation must be finite, got {base.loss}")
    table = np.empty((len(ranges), len(choices)))
    for row, (name, part) in enumerate(select(twin, ranges).items()):
        for column, _ in enumerate(_in_turn(name, part, choices, ranges)):
            loss = evaluate(twin, data, loss_fn=loss_fn, batch_size=batch_size).loss
            if not math.isfinite(loss):
                raise ValueError(f"the loss with layer {name!r} at {choices[column].name} must be finite, got {loss}")
            table[row, column] = loss - base.loss
            if progress:
                progress(row * len(choices) + column + 1, table.size)
    return Sensitivity(tuple(ranges), choices, table, base.loss, base.accuracy, ranges)


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


def _in_turn(
    name: str, part: "torch.nn.Module", choices: Sequence[Precision], ranges: Mapping[str, Range]
) -> Iterator[None]:
    """Put a layer at each option in turn, and back; options that share a weight format share the rounded weight."""
    original = part.weight.data
    weights: dict[Format, torch.Tensor] = {}
    for choice in choices:
        if choice.weight not in weights:
            weights[choice.weight] = round_trip.round_weight(part, choice.weight)
        part.weight.data = weights[choice.weight]
        handle = quantise_input(name, part, choice.activation, ranges)
        yield
        handle.remove()
        part.weight.data = original
