"""The matrix products that an einsum is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from costmodel.importers import _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._value import Shape, Value


def einsum(equation: str, operands: Sequence[Value], out: Shape) -> Cost:
    """Return the batched product over the labels that both operands have and the result lacks.

    Without such labels it is elementwise. ValueError for a label repeated in an operand, or more than two operands.
    """
    labels, result = _labels(equation, operands, out)
    if len(operands) > 2 or any(len(set(part)) < len(part) for part in labels):
        raise ValueError(f"einsum {equation!r} is no product of two tensors")
    sizes: dict[str, int] = {}
    for part, value in zip(labels, operands, strict=True):
        for label, size in zip(part, value.dims, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    if len(operands) == 1:
        return _shapes.reduction(operands[0], out)
    a, b = operands
    shared = [label for label in labels[0] if label in labels[1]]
    contracted = [label for label in shared if label not in result]
    if not contracted:
        return _shapes.elementwise(operands, out)
    k = math.prod(sizes[label] for label in contracted)
    batch = math.prod(sizes[label] for label in shared if label in result)
    m, n = (math.prod(sizes[x] for x in part if x in result and x not in shared) for part in labels)
    if b.is_parameter or a.is_parameter:
        x, weight, rows, features = (a, b, m, n) if b.is_parameter else (b, a, n, m)
        op = replace(_shapes.matmul(batch, rows, features, k, x.stored), kind="linear")
        return Cost(replace(op, weight_elements=float(batch * features * k)), weight)
    return _shapes.unweighted(a, b, batch, m=m, n=n, k=k)


def chain(
    equation: str, operands: Sequence[Value], out: Shape, *, add: Callable[[Cost, Sequence[Value]], str]
) -> tuple[str, ...]:
    """Add the products of three operands or more from left to right, as torch and ONNX Runtime take them.

    Returns the name of the last. ValueError as of `einsum`.
    """
    labels, result = _labels(equation, operands, out)
    sizes = {x: n for part, value in zip(labels, operands, strict=True) for x, n in zip(part, value.dims, strict=True)}
    value, have = operands[0], labels[0]
    for i, (part, operand) in enumerate(zip(labels[1:], operands[1:], strict=True), 2):
        wanted = "".join(labels[i:]) + result
        kept = "".join(dict.fromkeys(x for x in have + part if x in wanted)) if i < len(labels) else result
        shape = tuple(sizes[x] for x in kept)
        cost = einsum(f"{have},{part}->{kept}", (value, operand), shape)
        value, have = Value(shape, (add(cost, (value, operand)),)), kept
    return value.sources


def _labels(equation: str, operands: Sequence[Value], out: Shape) -> tuple[list[str], str]:
    """Labels of each operand and of the result, `...` spelled out in letters that no equation uses."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    unused = [chr(i) for i in range(0x100, 0x140)]
    spelled = []
    for part, value in zip(parts, operands, strict=True):
        more = len(value.dims) - len(part.replace("...", ""))
        spelled.append(part.replace("...", "".join(unused[-more:] if more else [])))
    if not arrow:
        letters = "".join(parts).replace("...", "")
        right = ("..." if "..." in left else "") + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    more = len(out) - len(right.replace("...", ""))
    return spelled, right.replace("...", "".join(unused[-more:] if more else []))
