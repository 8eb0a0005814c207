"""What makes the weights of a layer from what is stored: it reads weights rather than tokens.

Ops of their own belong to the layer; arithmetic within the layer's own op is its `weight_flops`.
"""

from collections.abc import Collection, Sequence

from costmodel.record import Real, changed
from costmodel.workload.op import Op

DEQUANTISATION = "dequantisation"
"""The kind of such an op, which is called after its layer: `LAYER.codebooks`, `LAYER.narrow`."""


def entry(ops: Sequence[Op], prepared: Collection[str] = ()) -> int:
    """Return the index of the first op that reads tokens or images, not weights alone as these and `prepared` do."""
    return next((i for i, op in enumerate(ops) if op.kind != DEQUANTISATION and op.name not in prepared), 0)


def layers_of(ops: Sequence[Op]) -> dict[int, int]:
    """Return the index of its layer for that of each dequantisation; ValueError where the layer is not there."""
    if not any(op.kind == DEQUANTISATION for op in ops):
        return {}
    index = {op.name: i for i, op in enumerate(ops)}
    found: dict[int, int] = {}
    for i, op in enumerate(ops):
        if op.kind == DEQUANTISATION:
            layer = op.name.rpartition(".")[0]
            if layer not in index:
                raise ValueError(f"{op.name} makes weights of {layer}, which is no op here any more")
            found[i] = index[layer]
    return found


def on_tokens(op: Op, factor: float) -> Real:
    """Return the vector FLOPs of an op on `factor` times as many tokens: those on its weights stay."""
    return (op.vector_flops - op.weight_flops) * factor + op.weight_flops


def reading(op: Op, weight_reads: Real) -> Op:
    """Return the op reading that share of its weights; its arithmetic on them follows."""
    flops = op.weight_flops * weight_reads / op.weight_reads
    vector_flops = op.vector_flops - op.weight_flops + flops
    return changed(op, weight_reads=weight_reads, weight_flops=flops, vector_flops=vector_flops)


def reread(before: Sequence[Op], after: Sequence[Op]) -> tuple[Op, ...]:
    """Return `after` with dequantisations that follow the share of weights that their layers read, as of experts.

    `before` are the same ops as they were, one to one. A stored copy is read whole, whatever its layer reads.
    """
    ops = list(after)
    for i, layer in layers_of(before).items():
        op = after[i]
        more = 1.0 if op.weight_elements else after[layer].weight_reads / before[layer].weight_reads
        ops[i] = changed(op, vector_flops=op.vector_flops * more, weight_reads=min(1.0, op.weight_reads * more))
    return tuple(ops)
