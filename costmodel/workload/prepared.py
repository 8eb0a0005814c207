"""Ops on parameters alone, which a training step runs with the others."""

from dataclasses import replace

from costmodel.workload.op import Op
from costmodel.workload.workload import Workload

UNCOUNTED = "uncounted"
"""The kind of a prepared op of which nothing is known but that it runs."""


def among_others(workload: Workload) -> Workload:
    """The workload with its prepared ops among the others, each before the first that reads its result."""
    waiting = {op.name: i for i, op in enumerate(workload.prepared)}
    ops: list[Op] = []
    for op in workload.ops:
        wanted, found = [*op.inputs, *op.prepared], set[int]()
        while wanted:
            i = waiting.pop(wanted.pop(), None)
            if i is not None:
                found.add(i)
                wanted += workload.prepared[i].inputs
        ops += [*(workload.prepared[i] for i in sorted(found)), op]
    left = tuple(op.name for op in ops if op.kind == UNCOUNTED)
    known = tuple(replace(op, kind="elementwise") if op.kind == UNCOUNTED else op for op in ops)
    return replace(workload, ops=known, uncounted=(*workload.uncounted, *left))
