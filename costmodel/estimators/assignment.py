"""Which precision each op runs at: one for all, or a choice by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from costmodel.catalog import UnknownNameError, UnmatchedError
from costmodel.estimators.passed_on import BEFORE, BEHIND, placed
from costmodel.formats import Format
from costmodel.precision import Precision
from costmodel.precision import precision as parse
from costmodel.record import Real
from costmodel.workload import Workload
from costmodel.workload.rerun import layer_of

Assignment: TypeAlias = Precision | str | Mapping[str, Precision | str]


def per_op(workload: Workload, assignment: Assignment) -> tuple[Precision, ...]:
    """Return one precision an op.

    A mapping names ops or globs of them, the last that matches counts, with "*" for the other layers; an op without
    weights that is not named follows the layer whose weights it shares, else reads what the layer before it writes, or
    follows the first one.
    ValueError where a layer has none, UnknownNameError where a name is no op's, UnmatchedError where a glob is of none.
    """
    if isinstance(assignment, Precision | str):
        read = _read(assignment)
        if read.output is None:
            return (read,) * len(workload.ops)
        assignment = {"*": read}
    if not isinstance(assignment, Mapping):
        raise TypeError(
            f"a precision is a Precision, its spelling, or a mapping of layers to these, got {assignment!r}"
        )
    names = [op.name for op in workload.ops]
    default = _read(assignment["*"]) if "*" in assignment else None
    chosen: dict[str, Precision] = {}
    for spelled, value in assignment.items():
        chosen |= dict.fromkeys(_matched(spelled, names) if spelled != "*" else (), _read(value))
    of_layer = {name: chosen.get(name, default) for name in workload.layers}
    first = next(iter(of_layer.values()), default)
    followed = first and placed(first, BEFORE)
    result = []
    for op in workload.ops:
        layer = layer_of(op)
        used = chosen.get(op.name, of_layer.get(op.shares, of_layer.get(layer, followed)))
        if used is None:
            raise ValueError(f'no precision for layer {op.name!r}, and no "*" for the rest')
        own = of_layer.get(layer)
        followed = placed(own, BEHIND) if own else followed
        result.append(used)
    return tuple(result)


def written(workload: Workload, assignment: Assignment) -> dict[str, Format]:
    """The formats that an assignment states of what ops write, by name: of each named, of all layers beside."""
    each = assignment if isinstance(assignment, Mapping) else {"*": assignment}
    names, found = [op.name for op in workload.ops], dict[str, Format | None]()
    for spelled, value in sorted(each.items(), key=lambda item: item[0] != "*"):
        stated = workload.layers if spelled == "*" else _matched(spelled, names)
        found |= dict.fromkeys(stated, _read(value).output)
    return {name: output for name, output in found.items() if output is not None}


def passing(assignment: Assignment, passes: Callable[[Format], Real]) -> Assignment:
    """An assignment without the outputs that do not pass: those layers write what is read."""
    if isinstance(assignment, Mapping):
        return {spelled: _passing(_read(value), passes) for spelled, value in assignment.items()}
    return _passing(_read(assignment), passes) if isinstance(assignment, Precision | str) else assignment


def _passing(read: Precision, passes: Callable[[Format], Real]) -> Precision:
    return read if read.output is None or passes(read.output) else replace(read, output=None)


def named(workload: Workload, assignment: Assignment) -> frozenset[str]:
    """The ops that an assignment names, itself or by a glob other than "*"."""
    names = [op.name for op in workload.ops]
    spelled = assignment if isinstance(assignment, Mapping) else ()
    return frozenset(name for each in spelled if each != "*" for name in _matched(each, names))


def _matched(spelled: str, names: Sequence[str]) -> list[str]:
    """The names that a name or a glob stands for."""
    if spelled in names:
        return [spelled]
    if not any(sign in spelled for sign in "*?["):
        raise UnknownNameError("layer", spelled, names)
    found = [name for name in names if fnmatchcase(name, spelled)]
    if not found:
        raise UnmatchedError("layer", spelled, names)
    return found


def _read(value: Precision | str) -> Precision:
    return parse(value) if isinstance(value, str) else value
