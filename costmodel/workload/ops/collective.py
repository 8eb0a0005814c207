"""Exchange between GPUs: an op that multiplies nothing, whose time is that of a link."""

from collections.abc import Sequence

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts

BRINGING = "load"
COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", BRINGING)
"""Kinds: sum for all, parts to all, sum in parts, parts to each, one tensor to one GPU, and from outside its memory."""

LOAD = ".load"
"""What the name of a load ends in, which brings what a layer's experts lack: it is called after their first product."""


def collective(name: str, kind: str, elements: float, ranks: int, *, inputs: tuple[str, ...] = ()) -> Op:
    """Return an exchange of a tensor of `elements` (whole, over all ranks) among `ranks` GPUs, which `m` holds.

    Its gradient is exchanged as it is, and reads nothing else.
    ValueError for a kind that is not among COLLECTIVES or for less than two ranks.
    """
    if kind not in COLLECTIVES:
        raise ValueError(f"kind must be one of {', '.join(COLLECTIVES)}, got {kind!r}")
    if ranks < 2:
        raise ValueError(f"an exchange needs at least 2 ranks, got {ranks}")
    require_counts(name, elements=elements)
    read = elements / ranks if kind == "all_gather" else elements
    written = elements / ranks if kind == "reduce_scatter" else elements
    return Op(name, kind, inputs, m=ranks, input_elements=read, output_elements=written, keeps_inputs=False)


def bringing(ops: Sequence[Op]) -> str:
    """Name of the first op that brings experts which are outside of the device's memory; "" where none does."""
    loads = (op.name for op in ops if op.fetched_elements or op.kind == BRINGING)
    return next(loads, "")
