"""What a repair makes of each layer alone, for sensitivities of the network as it will be after the repair."""

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from costmodel.formats import Format
from dse.compression.layer_by_layer import Repair
from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.layers import edit_input, select
from dse.sensitivity.round_trip import round_weight
from dse.sensitivity.trials import Rounding

if TYPE_CHECKING:
    import torch


def alone(module: "torch.nn.Module", layers: Iterable[str], inputs: Inputs, repair: Repair) -> Rounding:
    """Return a rounding for `sensitivity.measure`: each layer repaired on the inputs that the full network gives it.

    As Hubara et al., arXiv 2006.10518, measure each layer after its calibration before their integer program chooses.
    inputs  all calibration examples, one batch, in memory once a layer; a layer that they do not reach is rounded
    """
    seen = _first_inputs(module, layers, inputs)

    def rounding(name: str, part: "torch.nn.Module", fmt: Format) -> "torch.Tensor":
        return repair(part, fmt, seen[name]).detach() if name in seen else round_weight(part, fmt)

    return rounding


def _first_inputs(module: "torch.nn.Module", layers: Iterable[str], inputs: Inputs) -> "Mapping[str, torch.Tensor]":
    import torch

    twin = copy.deepcopy(module).eval()
    seen: dict[str, torch.Tensor] = {}
    for name, part in select(twin, layers).items():

        def note(x: torch.Tensor, name: str = name) -> None:
            seen.setdefault(name, x.clone())

        edit_input(part, note)
    with torch.no_grad():
        run(twin, inputs)
    return seen
