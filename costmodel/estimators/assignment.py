"""Which precision each op runs at: one for all, or a choice by name."""

from collections.abc import Mapping
from typing import TypeAlias

from costmodel.catalog import UnknownNameError
from costmodel.precision import Precision
from costmodel.precision import precision as parse
from costmodel.workload import Workload

Assignment: TypeAlias = Precision | str | Mapping[str, Precision | str]


def per_op(workload: Workload, assignment: Assignment) -> tuple[Precision, ...]:
    """Return one precision an op.

    A mapping names ops, with "*" for the other layers; an op without weights that is not named follows the layer before
    it, or the first one. ValueError where a layer has none, UnknownNameError where a name is no op's.
    """
    if isinstance(assignment, Precision | str):
        return (_read(assignment),) * len(workload.ops)
    chosen = {name: _read(value) for name, value in assignment.items()}
    names = [op.name for op in workload.ops]
    for name in chosen:
        if name != "*" and name not in names:
            raise UnknownNameError("layer", name, names)
    default = chosen.get("*")
    of_layer = {name: chosen.get(name, default) for name in workload.layers}
    followed = next(iter(of_layer.values()), default)
    result = []
    for op in workload.ops:
        followed = of_layer.get(op.name, followed)
        used = chosen.get(op.name, followed)
        if used is None:
            raise ValueError(f'no precision for layer {op.name!r}, and no "*" for the rest')
        result.append(used)
    return tuple(result)


def _read(value: Precision | str) -> Precision:
    return parse(value) if isinstance(value, str) else value
