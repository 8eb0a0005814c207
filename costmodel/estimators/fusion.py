"""Which ops an inference engine runs within the kernel of the op before: their launch and most of their traffic vanish.

Chen et al., TVM, arXiv 1802.04799, section 3: what maps elements one to one joins the kernel that makes its operand,
where nothing else reads that. Engines differ (a server may keep a gate's product apart, one without a compiler fuses
less); here every such op joins, for every engine. A batch norm at inference is a scaling, which folds into the
convolution. In training nothing joins whose operand the backward pass reads again.
"""

from collections import Counter
from collections.abc import Sequence
from math import isclose

from costmodel.record import changed
from costmodel.workload import Op
from costmodel.workload.ops import COLLECTIVES
from costmodel.workload.rerun import RERUN, layer_of, own_outputs
from costmodel.workload.training import sources

POINTWISE = ("activation", "elementwise")

CLOSED = ("attention", "scan", *COLLECTIVES)
"""Kernels that take no work after their own."""

SCALING_FLOPS = 2.0
"""Vector FLOPs an element of a norm that finds no statistics: batch norm at inference."""


def fuse(ops: Sequence[Op]) -> tuple[Op, ...]:
    """Return the ops with `launches` 0 for those that run within the kernel of the last op that they read."""
    ops = tuple(ops)
    reads = sources(ops)
    readers = Counter(i for indices in reads for i in set(indices))
    runs = Counter(layer_of(op) for op in ops)
    a_run = {op.name: op.count / runs[op.name] for op in ops if op.kind != RERUN}
    times, made = [a_run.get(layer_of(op), op.count) for op in ops], own_outputs(ops)
    alone = [readers[i] == 1 and op.kind not in CLOSED for i, op in enumerate(ops)]

    def joins(i: int) -> bool:
        if not reads[i] or not is_pointwise(ops[i]):
            return False
        last = max(reads[i])
        return alone[last] and isclose(made[last], made[i]) and bool(times[last] == times[i])

    return tuple(changed(op, launches=0.0) if joins(i) else op for i, op in enumerate(ops))


def is_pointwise(op: Op) -> bool:
    """Whether every result depends on the elements at its own place alone."""
    scaling = op.kind == "norm" and op.vector_flops <= SCALING_FLOPS * op.output_elements
    return op.kind in POINTWISE or bool(scaling)
