"""A decode pass of several times as many sequences, as parallel samples of one answer make."""

from dataclasses import replace

from costmodel.record import changed
from costmodel.workload.op import Op
from costmodel.workload.wider_decode import wider_decode
from costmodel.workload.workload import Workload

POSITIONS = ("position_ids",)
"""What a look-up of positions reads: it is done once for all sequences."""


def more_sequences(workload: Workload, times: int) -> Workload:
    """Return the decode of `times` as many sequences, each with a cache of its own.

    Errors are those of `wider_decode`.
    """
    ops = wider_decode(workload, times, _attention, what="sequences")
    if times == 1:
        return workload
    ops = tuple(old if old.inputs == POSITIONS else new for old, new in zip(workload.ops, ops, strict=True))
    return replace(workload, ops=ops, batch=workload.batch * times, covers=f"{times} times {workload.covers}")


def _attention(op: Op, times: int, batch: int) -> Op:  # noqa: ARG001
    heads = replace(op.heads, batch=op.heads.batch * times)
    return changed(op, b=op.b * times, kv_elements=op.kv_elements * times, heads=heads)
