"""Designs of a space that a strategy refuses, a device or a number format: they have no value, and why is told."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from costmodel.estimators.supported import UnsupportedError, coded, require_code_bits, require_supported
from costmodel.hardware import Device
from costmodel.precision import precision
from costmodel.workload import Op
from dse.axes import label
from dse.chunk import corners
from dse.design_columns import takes_cells
from dse.devices import first_devices
from dse.passes import Pass, RefusedError, build, key_of
from dse.sketches import Sketch, sketch
from dse.space import Space

MOST_WORKLOADS = 2**10
"""Workloads of a space up to which each is asked; of more those at the ends of the axes are."""


def refusals(space: Space) -> list[dict[str, Any]]:
    """Return {"strategy", "reason", "designs"} of what strategies refuse or devices of them, the most designs first.

    Of a space of more than MOST_WORKLOADS `designs` are those at the ends of its axes. What limits on axes exclude is
    among them too.
    """
    if space.hash not in _KEPT:
        _KEPT.clear()
        _KEPT[space.hash] = _refusals(space)
    return _KEPT[space.hash]


_KEPT: dict[str, list[dict[str, Any]]] = {}
"""Those of the last space that was asked for, as a page asks again and again."""


def _refusals(space: Space) -> list[dict[str, Any]]:
    axes = [axis for axis in space.axes if axis.name != "precision" and not axis.name.startswith("device")]
    precisions, devices = space.inner()
    cells = takes_cells(space)
    whole = space.size // (precisions * devices) <= MOST_WORKLOADS
    every = (dict(zip((a.name for a in axes), values, strict=True)) for values in product(*(a.values for a in axes)))
    found = Counter[tuple[str, str]]()
    for values in every if whole else corners(space):
        try:
            by_device, by_format = _of_a_workload(space, values, cells=cells)
        except RefusedError as error:
            by_device, by_format = [error] * len(space.devices), []
        for one in by_device:
            found[one.strategy, one.reason] += precisions * devices // len(space.devices)
        runs = len(space.devices) - len(by_device)
        for one in by_format:
            found[one.strategy, one.reason] += runs * devices // len(space.devices)
    return [{"strategy": s, "reason": why, "designs": n} for (s, why), n in found.most_common()]


def runnable(space: Space, values: Mapping[str, Any]) -> Pass:
    """Return the pass of a design's values; RefusedError where the strategy refuses it, or all devices or formats."""
    done = build(values)
    refused = unsupported(done, values, first_devices(space))
    if len(refused) == len(space.devices):
        raise refused[0]
    _require_a_format(space, done.workload.ops, values)
    return done


def sketched(space: Space, values: Mapping[str, Any]) -> Sketch:
    """Return the sketch of a design's values; RefusedError where the strategy refuses it, or all formats do."""
    found = sketch(values)
    _require_a_format(space, _ops(found), values)
    return found


def of_other_bits(space: Space, ops: Iterable[Op], values: Mapping[str, Any]) -> list[RefusedError]:
    """Return why each of the precisions whose weight format has other bits than the codes of ops is refused."""
    found, codes = [], coded(ops)
    for name in space.axis("precision").values if codes else ():
        try:
            require_code_bits(codes, [precision(name)] * len(codes))
        except UnsupportedError as error:
            found.append(RefusedError(str(label(key_of(values)[1])), str(error)))
    return found


def _require_a_format(space: Space, ops: Iterable[Op], values: Mapping[str, Any]) -> None:
    refused = of_other_bits(space, ops, values)
    if refused and len(refused) == len(space.axis("precision").values):
        raise refused[0]


def _ops(of: Sketch) -> list[Op]:
    return [op for part in of.passes for op in part.ops]


def unsupported(done: Pass, values: Mapping[str, Any], devices: Sequence[Device]) -> list[RefusedError]:
    """Return why each of the devices that have no link or decoder for a pass refuses it."""
    found = []
    for device in devices:
        try:
            require_supported(done.workload, device)
        except UnsupportedError as error:
            found.append(RefusedError(str(label(key_of(values)[1])), str(error)))
    return found


def _of_a_workload(
    space: Space, values: Mapping[str, Any], *, cells: bool
) -> tuple[list[RefusedError], list[RefusedError]]:
    """Why devices refuse a workload, none where GPUs are evaluated together, and why precisions do."""
    if cells:
        return [], of_other_bits(space, _ops(sketch(values)), values)
    done = build(values)
    return unsupported(done, values, first_devices(space)), of_other_bits(space, done.workload.ops, values)
