"""What strategies ask of a workload's graph: who reads whom, spelled out."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from costmodel.workload import Op
from costmodel.workload.training import sources


def named(op: Op, globs: Sequence[str]) -> bool:
    """Whether one of the globs matches the op's name."""
    return any(fnmatchcase(op.name, glob) for glob in globs)


def spelled_out(ops: Sequence[Op]) -> tuple[Op, ...]:
    """Return the ops with the op before named in `inputs` where they are empty, so that others can be put between."""
    ops = tuple(ops)
    return tuple(
        op if op.inputs or not reads else replace(op, inputs=tuple(ops[i].name for i in reads))
        for op, reads in zip(ops, sources(ops), strict=True)
    )


def readers(ops: Sequence[Op]) -> list[list[int]]:
    """Return for each op the indices of the ops that read it, in order."""
    found: list[list[int]] = [[] for _ in ops]
    for i, reads in enumerate(sources(tuple(ops))):
        for j in dict.fromkeys(reads):
            found[j].append(i)
    return found


def renamed(op: Op, names: dict[str, str]) -> Op:
    """The op reading what `names` says instead."""
    if not any(name in names for name in op.inputs):
        return op
    return replace(op, inputs=tuple(names.get(name, name) for name in op.inputs))
