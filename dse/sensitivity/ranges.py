"""Ranges of the layers' inputs over calibration data: min-max, per tensor."""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dse.sensitivity.calls import Inputs, run, split
from dse.sensitivity.layers import edit_input, select

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of a tensor over calibration data.

    limits  {format name: magnitude at which inputs in that format are cut off}, a number, or an array that broadcasts
            to the layer's input (a limit a channel), as `clipping` finds them; without one, the largest magnitude
    """

    low: float
    high: float
    limits: "Mapping[str, float | NDArray[np.float64]]" = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"a range needs finite low <= high, got low={self.low}, high={self.high}")

    @property
    def absmax(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))

    @property
    def nonnegative(self) -> bool:
        """Whether no value was negative, as after a ReLU."""
        return self.low >= 0


def observe(
    module: "torch.nn.Module", layers: Iterable[str], inputs: Inputs, *, batch_size: int = 256
) -> dict[str, Range]:
    """Return the range of each layer's input over all its calls, in evaluation mode and full precision.

    inputs: a tensor of examples, or a tuple or mapping of such tensors, one an argument of the module. A layer that is
    never called is absent from the result. UnknownNameError on an unknown layer; ValueError where an input or a weight
    is not finite.
    """
    import torch

    _require_finite(module)
    twin = copy.deepcopy(module).eval()
    seen: dict[str, list[float]] = {}
    for name, part in select(twin, layers).items():
        edit_input(part, partial(_note, name, seen))
    with torch.no_grad():
        for arguments in split(inputs, batch_size):
            run(twin, arguments)
    return {name: Range(min(extremes), max(extremes)) for name, extremes in seen.items()}


def _require_finite(module: "torch.nn.Module") -> None:
    for name, weights in module.named_parameters():
        if not bool(weights.isfinite().all()):
            raise ValueError(f"the weights of layer {name.rpartition('.')[0]!r} must be finite, got nan or inf")


def _note(name: str, seen: dict[str, list[float]], x: "torch.Tensor") -> None:
    if not x.numel():
        return
    extremes = [float(extreme) for extreme in x.aminmax()]
    if not all(map(math.isfinite, extremes)):
        raise ValueError(f"the calibration inputs of layer {name!r} must be finite, got {extremes}")
    seen.setdefault(name, []).extend(extremes)
