"""What another option for one layer changes while all the others have theirs: a second look at a plan.

A sum of what each option costs alone misses how layers' errors combine. Here each layer's options are measured with the
others at a plan. The mean of the two, alone (first of all) and in context (last of all), stands between: a Shapley
value estimated from two of the orders in which layers can be quantised (Castro, Gomez, Tejada, Polynomial calculation
of the Shapley value based on sampling, 2009, DOI 10.1016/j.cor.2008.04.004, draw more of them).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from dse.sensitivity.calls import Data, LossFn
from dse.sensitivity.ranges import Range
from dse.sensitivity.trials import Rounding, losses

if TYPE_CHECKING:
    import torch


def in_context(
    module: "torch.nn.Module",
    data: Data,
    plan: Mapping[str, Precision],
    options: Sequence[Precision],
    ranges: Mapping[str, Range],
    *,
    layers: Sequence[str] | None = None,
    loss_fn: "LossFn | None" = None,
    rounding: "Rounding | None" = None,
    batch_size: int = 256,
    progress: Callable[[int, int], Any] | None = None,
) -> NDArray[np.float64]:
    """Return float64 [layers, options]: the loss with one layer at the option, less that of the plan.

    `layers` are all those of the plan by default. The plan's own options cost nothing there; better ones are negative.
    Other arguments as in `trials.losses`.
    """
    names = tuple(plan if layers is None else layers)
    trials: list[dict[str, Precision]] = [{}, *({name: option} for name in names for option in options)]
    found = losses(
        module,
        data,
        trials,
        ranges,
        around=plan,
        loss_fn=loss_fn,
        rounding=rounding,
        batch_size=batch_size,
        progress=progress,
    )
    return np.asarray(found[1:] - found[0]).reshape(len(names), len(options))


def halfway(alone: NDArray[np.float64], context: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of losses alone and in context [layers, options], each layer's least at 0."""
    mean = (np.maximum(alone, 0.0) + context) / 2
    return np.asarray(mean - mean.min(axis=1, keepdims=True))
