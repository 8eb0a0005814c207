"""A decode pass of several times as many sequences, as parallel samples of one answer make."""

from dataclasses import replace

from costmodel.record import changed
from costmodel.workload.dequantisation import DEQUANTISATION, reread
from costmodel.workload.op import Op
from costmodel.workload.several_tokens import RULES, repeated
from costmodel.workload.workload import Workload

POSITIONS = ("position_ids",)
"""What a look-up of positions reads: it is done once for all sequences."""


def more_sequences(workload: Workload, times: int) -> Workload:
    """Return the decode of `times` as many sequences, each with a cache of its own; ValueError for another pass."""
    if times < 1 or times != int(times):
        raise ValueError(f"times must be a whole number of at least 1, got {times}")
    if workload.phase != "decode":
        raise ValueError(f"only a decode has sequences side by side, {workload.name} is a {workload.phase} pass")
    if times == 1:
        return workload
    ops = tuple(_repeated(op, times, workload.batch) for op in workload.ops)
    ops = reread(workload.ops, ops)
    return replace(workload, ops=ops, batch=workload.batch * times, covers=f"{times} times {workload.covers}")


def _repeated(op: Op, times: int, batch: int) -> Op:
    if op.inputs == POSITIONS or op.kind == DEQUANTISATION:
        return op
    if op.kind == "send" and op.name.endswith(".load"):
        raise ValueError(f"{op.name} brings what its batch misses; take more sequences before experts leave memory")
    if op.kind not in RULES:
        raise ValueError(f"no rule says what more sequences make of {op.kind} {op.name}")
    wide = repeated(op, times)
    if op.kind != "attention":
        return RULES[op.kind](wide, times, batch)
    heads = replace(op.heads, batch=op.heads.batch * times)
    return changed(wide, b=op.b * times, kv_elements=op.kv_elements * times, heads=heads)
