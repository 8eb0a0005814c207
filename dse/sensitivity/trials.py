"""The loss of a network with some of its layers quantised, for many such changes in turn."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format
from costmodel.precision import Precision
from dse.sensitivity.calls import Data, LossFn, batches, checked, run
from dse.sensitivity.fake_quantize import quantise_input, require_agreement
from dse.sensitivity.layers import select
from dse.sensitivity.ranges import Range
from dse.sensitivity.replay import CACHE_BYTES, recorded
from dse.sensitivity.round_trip import round_weight
from dse.sensitivity.tasks import decide

if TYPE_CHECKING:
    import torch

Trial: TypeAlias = Mapping[str, Precision]
Rounding: TypeAlias = "Callable[[str, torch.nn.Module, Format], torch.Tensor]"
"""Maps a layer's name, the layer and a format to the weight that stands for its own in that format."""

WEIGHTS_BYTES = 1 << 30
"""Rounded weights that several trials share are kept up to this size (a judgement)."""


def losses(
    module: "torch.nn.Module",
    data: Data,
    trials: Sequence[Trial],
    ranges: Mapping[str, Range],
    *,
    around: Trial | None = None,
    loss_fn: "LossFn | None" = None,
    rounding: "Rounding | None" = None,
    batch_size: int = 256,
    cache_bytes: int = CACHE_BYTES,
    finite: int | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> NDArray[np.float64]:
    """Return float64 [trials]: the mean loss with each trial's layers at its precisions and the others untouched.

    around         precisions that the other layers have instead of being untouched
    data, loss_fn  as in `evaluate`; ranges as in `fake_quantize.apply`, which gives the same losses one by one
    rounding       rounds weights; `round_weight` by default
    cache_bytes    what recorded outputs of a batch may take: what a change cannot reach is replayed, not computed, with
                   equal results (`replay`); 0 computes all
    finite         how many of the first trials must have a finite loss (all by default); other losses become inf
    `progress` is told (step, steps), a step a trial and batch. ValueError where a loss is not finite, naming the trial.
    """
    import torch

    twin = copy.deepcopy(module).eval()
    base = around or {}
    parts = select(twin, dict.fromkeys(name for trial in (base, *trials) for name in trial))
    weights = _Weights(rounding or (lambda _, part, fmt: round_weight(part, fmt)))
    targets = checked(data)[1]
    totals, score = np.zeros(len(trials)), loss_fn or decide(twin, data).loss
    steps = len(trials) * -(-len(targets) // max(batch_size, 1))
    for batch, (arguments, answers) in enumerate(batches(data, batch_size)):
        with torch.no_grad(), ExitStack() as stack:
            with _changed(parts, base, ranges, weights):
                recording = stack.enter_context(recorded(twin, arguments, parts, cache_bytes))
            for index, trial in enumerate(trials):
                with _changed(parts, {**base, **trial}, ranges, weights):
                    recording.before(*trial)
                    loss = float(score(run(twin, arguments), answers))
                required = finite is None or index < finite
                totals[index] += (_finite(loss, trial) if required or math.isfinite(loss) else math.inf) * len(answers)
                if progress:
                    progress(batch * len(trials) + index + 1, steps)
    return totals / len(targets)


class _Weights:
    """Rounded weights, kept while there is room: several trials and batches need the same ones."""

    def __init__(self, rounding: "Rounding") -> None:
        self._rounding = rounding
        self._kept: dict[tuple[str, Format], torch.Tensor] = {}
        self._room = WEIGHTS_BYTES

    def get(self, name: str, part: "torch.nn.Module", fmt: Format) -> "torch.Tensor":
        if (name, fmt) in self._kept:
            return self._kept[name, fmt]
        rounded = self._rounding(name, part, fmt)
        if rounded.nbytes <= self._room:
            self._room -= rounded.nbytes
            self._kept[name, fmt] = rounded
        return rounded


@contextmanager
def _changed(
    parts: "Mapping[str, torch.nn.Module]", trial: Trial, ranges: Mapping[str, Range], weights: _Weights
) -> Iterator[None]:
    """The trial's layers quantised in the body, and as they were after it."""
    owners = require_agreement({name: parts[name] for name in trial}, trial)
    originals = {weight: weight.data for weight in owners}
    rounded = {weight: weights.get(name, parts[name], trial[name].weight) for weight, name in owners.items()}
    handles = []
    try:
        for weight, values in rounded.items():
            weight.data = values
        for name, choice in trial.items():
            handles.append(quantise_input(name, parts[name], choice.activation, ranges))
        yield
    finally:
        for handle in handles:
            handle.remove()
        for weight, values in originals.items():
            weight.data = values


def _finite(loss: float, trial: Trial) -> float:
    if math.isfinite(loss):
        return loss
    named = [f"layer {name!r} at {choice.name}" for name, choice in trial.items()]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    raise ValueError(f"the loss with {', '.join(named[:3])}{more} must be finite, got {loss}")
