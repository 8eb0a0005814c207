"""What options of a network's layers cost, as columns: of each op at each option, and summed into the layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.evaluate import grid
from costmodel.estimators.fit import in_l2
from costmodel.estimators.footprint import footprint_bytes
from costmodel.estimators.fpga import Design
from costmodel.estimators.supported import holds_codes, require_code_bits
from costmodel.hardware import Device, Fpga
from costmodel.precision import Precision
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Workload
from costmodel.workload.rerun import layer_of

Floats = NDArray[np.float64]


def of(
    workload: Workload,
    options: tuple[Precision, ...],
    device: Device,
    folding: Design | None,
    strategies: tuple[NMSparsity | None, ...],
) -> dict[str, NDArray[Any]]:
    """The grid [ops, options], each option on the workload that its strategy leaves.

    A pass of which the L2 holds some choices alone costs as much as if it held none.
    """
    shape = len(workload.ops), len(options)
    resident = bool(in_l2(max(footprint_bytes(workload, option) for option in options), device))
    found = {
        strategy: grid((strategy(workload) if strategy else workload).ops, options, device, folding=folding,
                       resident=resident)
        for strategy in dict.fromkeys(strategies or (None,))
    }  # fmt: skip
    if len(found) == 1:
        return {name: np.broadcast_to(column, shape) for name, column in next(iter(found.values())).items()}
    names = set.intersection(*(set(columns) for columns in found.values()))
    whole = {s: {name: np.broadcast_to(columns[name], shape) for name in names} for s, columns in found.items()}
    return {name: np.column_stack([whole[s][name][:, i] for i, s in enumerate(strategies)]) for name in names}


def impossible(
    workload: Workload,
    layers: tuple[str, ...],
    options: tuple[Precision, ...],
    strategies: tuple[NMSparsity | None, ...],
) -> NDArray[np.bool_]:
    """Where an option's strategy cannot prune the layer, or its format not hold its codes: bool[layers, options].

    UnsupportedError for a layer whose codes no option holds.
    """
    ops = [workload.op(name) for name in layers]
    taken = list(zip(options, strategies or (None,) * len(options), strict=True))
    for op in ops:
        if not any(holds_codes(op, option) for option in options):
            require_code_bits([op], options[:1])
    return np.array([[not holds_codes(op, o) or (s is not None and not s.touches(op)) for o, s in taken] for op in ops])


def followed(workload: Workload, layers: tuple[str, ...]) -> NDArray[np.int64]:
    """The index of the layer that each op follows, -1 for those of ops with weights that have no choice: int[ops]."""
    index = {layer: i for i, layer in enumerate(layers)}
    starts = {op.name: index.get(op.name, -1) for op in workload.ops if op.name in index or op.weight_elements > 0}
    current = next(iter(starts.values()))
    follows = []
    for op in workload.ops:
        current = starts.get(layer_of(op), current)
        follows.append(starts.get(op.shares, current))
    return np.array(follows)


def by_layer(column: NDArray[Any], follows: NDArray[np.int64], rest: int) -> Floats:
    """Sum ops into the layers that they follow; what has no choice costs the first layer the same at any option."""
    combined = np.zeros((follows.max() + 1, column.shape[1]))
    np.add.at(combined, np.maximum(follows, 0), np.where(follows[:, None] >= 0, column, column[:, [rest]]))
    return combined


def require_known(costs: Mapping[str, Floats], options: tuple[Precision, ...], device: Device) -> None:
    """ValueError that names the pipes that a device lacks for an option of unknown latency."""
    lacking = np.flatnonzero(np.isnan(costs["latency_s"]).any(axis=0))
    if lacking.size and not isinstance(device, Fpga):
        option = options[lacking[0]]
        pipes = {option.math_pipe, option.attention_pipe}
        missing = sorted(pipe for pipe in pipes if np.isnan(device.peak_flops.of(pipe)))
        raise ValueError(f"{device.name} has no {' and no '.join(missing)} pipe, which {option.name} needs")
