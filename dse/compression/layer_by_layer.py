"""Quantise a network in one pass over calibration data, each layer when the data first reach it.

A layer is repaired on the inputs that the layers before it give as they are now, quantised and repaired, so that later
layers make up for what earlier ones lost (the sequential order of GPTQ, AdaRound and AdaQuant).
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from costmodel.formats import Format
from costmodel.precision import Precision
from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.fake_quantize import quantise_input, require_agreement, rounded_input
from dse.sensitivity.layers import edit_input, select
from dse.sensitivity.ranges import Range
from dse.sensitivity.round_trip import round_weight

if TYPE_CHECKING:
    import torch

Repair: TypeAlias = "Callable[[torch.nn.Module, Format, torch.Tensor], torch.Tensor]"
"""Maps a layer in full precision, a format and the layer's inputs, rounded as they will be, to its rounded weight."""


def quantise(
    module: "torch.nn.Module",
    precisions: Mapping[str, Precision],
    ranges: Mapping[str, Range],
    inputs: Inputs,
    repair: Repair,
) -> "torch.nn.Module":
    """Return a twin as `sensitivity.apply` does, with weights from `repair` in place of those rounded to nearest.

    inputs  all calibration examples, one batch; a layer called twice is repaired on its first call
    Layers that the data do not reach are rounded to nearest. `repair` may set a layer's bias. Errors as in `apply`.
    """
    import torch

    twin = copy.deepcopy(module).eval()
    parts = select(twin, precisions)
    waiting = {name: parts[name] for name in require_agreement(parts, precisions).values()}
    handles = []
    for name, part in parts.items():
        rounded = rounded_input(name, part, precisions[name].activation, ranges)
        handles.append(edit_input(part, partial(_visit, name, rounded, precisions[name].weight, repair, waiting)))
    with torch.no_grad():
        run(twin, inputs)
    for handle in handles:
        handle.remove()
    for name, part in waiting.items():
        part.weight.data = round_weight(part, precisions[name].weight)
    for name, part in parts.items():
        quantise_input(name, part, precisions[name].activation, ranges)
    return twin


def _visit(
    name: str,
    rounded: "Callable[[torch.Tensor], torch.Tensor | None]",
    fmt: Format,
    repair: Repair,
    waiting: "dict[str, torch.nn.Module]",
    x: "torch.Tensor",
) -> "torch.Tensor | None":
    """Round a layer's input, and repair its weight if it is still waiting for that."""
    seen = rounded(x)
    if name in waiting:
        layer = waiting.pop(name)
        layer.weight.data = repair(layer, fmt, x if seen is None else seen).detach()
    return seen
