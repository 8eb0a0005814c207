"""Calls that PyTorch makes beside the ops that a workload counts, read off this folder's modules; needs no torch."""

from costmodel.record import changed
from costmodel.workload import Op, ops

HALVES, WHOLES = 12, 4
"""Kernels of a rotary embedding (llama.py): of queries and of keys four products of halves with sine or cosine, a sum
and a difference, and both halves joined; keys and values are then written into the cache."""


def rotation(op: Op) -> list[Op]:
    """The calls in place of a rotary embedding."""
    halves = ops.elementwise(f"{op.name}.halves", op.output_elements / 4.0)
    wholes = ops.elementwise(f"{op.name}.wholes", op.output_elements / 2.0, operands=1)
    return [changed(halves, count=op.count * HALVES), changed(wholes, count=op.count * WHOLES)]


def narrowing(op: Op, fmt: str) -> list[Op]:
    """The calls around a linear layer in a narrow format (narrow.py), its product left out.

    int8 finds each row's largest value, divides by it, rounds and casts; the product is multiplied by the scales. What
    fp8 does to its input is within the measured product. Biases are added after all three. A factor a row or a bias
    takes the same kernel as a batch norm: operands that repeat keep loads narrow.
    """
    rows, inward, outward = float(op.m), float(op.m * op.k), float(op.m * op.n)
    made: list[Op] = []
    if fmt == "int8":
        made += [
            changed(ops.elementwise(f"{op.name}.quantise", inward, operands=1), count=3.0),
            ops.pooling(f"{op.name}.largest", inward, rows),
            changed(ops.elementwise(f"{op.name}.scales", rows, operands=1), count=2.0),
            ops.norm(f"{op.name}.divide", inward, 0.0, style="batch", affine=False),
            ops.norm(f"{op.name}.rescale", outward, 0.0, style="batch", affine=False),
        ]
    if op.vector_elements > 0:
        made.append(ops.norm(f"{op.name}.bias", outward, float(op.n), style="batch", bias=False))
    return [changed(one, count=one.count * op.count) for one in made]
