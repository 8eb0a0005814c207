"""Problem: the layers of a network, the options of each, and what each option costs on a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.catalog import require
from costmodel.estimators import fpga
from costmodel.estimators.estimate import Estimate, estimate, grid
from costmodel.estimators.fpga import Folding
from costmodel.hardware import Device, Fpga
from costmodel.precision import Precision
from costmodel.record import stack
from costmodel.workload import Workload
from dse.metric import METRICS

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """A choice of one option a layer.

    layers       names of the ops that have a choice; an op without weights follows the layer before it (the first
                 layer's choice where none is before)
    rest         the index of the option that ops with weights but without a choice take: the widest
    loss         float[layers, options], at least 0
    costs        {metric: float[layers, options]}: sums over the ops that follow a layer, of the same grid that
                 `costmodel.estimate` reports; a metric that is not known for every op is absent
    loss_source  how the loss was found
    follows      the index of the layer that each op of the workload follows, -1 for those at the option of `rest`
    """

    workload: Workload
    device: Device
    layers: tuple[str, ...]
    options: tuple[Precision, ...]
    loss: Floats
    costs: Mapping[str, Floats]
    loss_source: str
    follows: NDArray[np.int64] = field(repr=False)
    rest: int
    folding: Folding | None = field(default=None, repr=False)

    def assignment(self, choice: ArrayLike) -> dict[str, str]:
        """The chosen option of each layer by name."""
        return {layer: precision.name for layer, precision in self.precisions(choice).items()}

    def precisions(self, choice: ArrayLike) -> dict[str, Precision]:
        """The chosen precision of each layer."""
        return {layer: self.options[o] for layer, o in zip(self.layers, np.asarray(choice).tolist(), strict=True)}

    def estimate(self, choice: ArrayLike) -> Estimate:
        """What the whole network costs under a choice."""
        every_op = dict(zip((op.name for op in self.workload.ops), self.per_op(choice), strict=True))
        return estimate(self.workload, every_op, self.device, folding=self.folding)

    def per_op(self, choice: ArrayLike) -> tuple[Precision, ...]:
        """The precision of every op of the workload under a choice."""
        by_layer = [self.options[o] for o in np.asarray(choice).tolist()]
        return tuple(by_layer[i] if i >= 0 else self.options[self.rest] for i in self.follows.tolist())

    def total_loss(self, choice: ArrayLike) -> float:
        """The summed loss of a choice."""
        return float(self.loss[np.arange(len(self.layers)), np.asarray(choice)].sum())

    def uniform(self, option: int) -> NDArray[np.int64]:
        """The choice of one option for every layer."""
        return np.full(len(self.layers), option)

    def groups(self, ties: Sequence[Sequence[str]]) -> list[list[int]]:
        """Groups of layer names as indices; UnknownNameError lists near names."""
        index = {layer: i for i, layer in enumerate(self.layers)}
        return [[index[require("layer", name, index)] for name in group] for group in ties]

    def without(self, unavailable: NDArray[np.bool_]) -> "Problem":
        """The problem with the options where `unavailable` [layers, options] holds taken away."""
        return replace(self, loss=np.where(unavailable, np.inf, self.loss))


def build(
    workload: Workload,
    device: Device,
    *,
    layers: tuple[str, ...],
    options: tuple[Precision, ...],
    loss: Floats,
    loss_source: str,
    folding: Folding | None = None,
) -> Problem:
    """Return the problem with its costs evaluated; an FPGA is folded once, at its widest option, unless told how.

    ValueError where the device lacks the pipe or the formula that an option needs.
    """
    rest = max(range(len(options)), key=lambda i: options[i].weight.bits + options[i].activation.bits)
    if isinstance(device, Fpga):
        for option in options:
            fpga.check(workload, (option,) * len(workload.ops))
        folding = folding or fpga.fold(workload, stack([options[rest]] * len(workload.ops)), device)
    columns = grid(workload.ops, options, device, folding=folding)
    follows = _follows(workload, layers)
    shape = len(workload.ops), len(options)
    costs = {
        name: _by_layer(np.broadcast_to(column, shape), follows, rest, METRICS[name].over)
        for name, column in columns.items()
        if name in METRICS and (name == "latency_s" or not np.isnan(column).any())
    }
    _require_known(costs, options, device)
    return Problem(workload, device, layers, options, loss, costs, loss_source, follows, rest, folding)


def _follows(workload: Workload, layers: tuple[str, ...]) -> NDArray[np.int64]:
    index = {layer: i for i, layer in enumerate(layers)}
    starts = {op.name: index.get(op.name, -1) for op in workload.ops if op.name in index or op.weight_elements > 0}
    current = next(iter(starts.values()))
    follows = []
    for op in workload.ops:
        current = starts.get(op.name, current)
        follows.append(current)
    return np.array(follows)


def _by_layer(column: NDArray[Any], follows: NDArray[np.int64], rest: int, over: str) -> Floats:
    """Combine ops into the layers that they follow; what has no choice costs the first layer the same at any option."""
    combine = np.maximum if over == "max" else np.add
    combined = np.zeros((follows.max() + 1, column.shape[1]))
    combine.at(combined, np.maximum(follows, 0), np.where(follows[:, None] >= 0, column, column[:, [rest]]))
    return combined


def _require_known(costs: Mapping[str, Floats], options: tuple[Precision, ...], device: Device) -> None:
    lacking = np.flatnonzero(np.isnan(costs["latency_s"]).any(axis=0))
    if lacking.size and not isinstance(device, Fpga):
        option = options[lacking[0]]
        pipes = {option.math_pipe, option.attention_pipe}
        missing = sorted(pipe for pipe in pipes if np.isnan(device.peak_flops.of(pipe)))
        raise ValueError(f"{device.name} has no {' and no '.join(missing)} pipe, which {option.name} needs")
