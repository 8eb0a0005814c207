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

    A mapping names layers, with "*" for the rest; an op without weights follows the layer before it. ValueError where a
    layer has none, UnknownNameError where a name is no op's.
    """
    if isinstance(assignment, Precision | str):
        return (_read(assignment),) * len(workload.ops)
    chosen = {name: _read(value) for name, value in assignment.items()}
    names = [op.name for op in workload.ops]
    for name in chosen:
        if name != "*" and name not in names:
            raise UnknownNameError("layer", name, names)
    default = chosen.get("*")
    missing = [name for name in workload.layers if name not in chosen]
    if missing and default is None:
        raise ValueError(f'no precision for layer {missing[0]!r}, and no "*" for the rest')
    current = default or chosen[next(n for n in workload.layers)]
    result = []
    for op in workload.ops:
        current = chosen.get(op.name, default or current)
        result.append(current)
    return tuple(result)


def _read(value: Precision | str) -> Precision:
    return parse(value) if isinstance(value, str) else value
