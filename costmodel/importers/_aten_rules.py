"""What an aten operator costs, from its arguments: one function a kind of operator."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costmodel.importers import _einsum, _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._value import Shape, Value
from costmodel.workload import ops

MOST_ROWS_ONE_BY_ONE, ALWAYS_A_PRODUCT, NEVER_A_PRODUCT = 25, 1, 2
"""When cdist is a product: its rows, and its `compute_mode`."""


@dataclass(frozen=True)
class Call:
    """An operator's arguments by their name in its schema, tensors as Values, and the shape of its first result."""

    arguments: Mapping[str, Any]
    shape: Shape | None

    @property
    def out(self) -> Shape:
        """The shape of the first result; ValueError where it depends on data."""
        return Value(self.shape).dims

    @property
    def elements(self) -> int:
        """Elements of the first result."""
        return math.prod(self.out)

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    @property
    def tensors(self) -> tuple[Value, ...]:
        """Every tensor among the arguments, in order."""
        return tuple(values_in(self.arguments.values()))


Rule = Callable[[Call], Cost]


def values_in(arguments: Any) -> Sequence[Value]:
    """The Values among arguments and in lists of them."""
    found: list[Value] = []
    for argument in arguments:
        if isinstance(argument, Value):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            found += values_in(argument)
    return found


def linear(call: Call) -> Cost:
    """y = x W^T + b."""
    weight: Value = call["weight"]
    return _shapes.linear(
        call["input"], weight, features_out=weight.elements // weight.dims[-1], features_in=weight.dims[-1]
    )


def convolution(call: Call, *, transposed: bool = False) -> Cost:
    """A convolution of any rank."""
    transposed = transposed or bool(call["transposed"])
    x, weight = call["input"], call["weight"]
    stride = _shapes.pair(call["stride"] or 1, len(weight.dims) - 2)
    groups, dilation = call["groups"] or 1, call["dilation"] or 1
    return _shapes.convolution(
        x,
        weight,
        call.out,
        stride=stride,
        groups=groups,
        dilation=_shapes.pair(dilation, len(weight.dims) - 2),
        padding=_padding(call["padding"], len(weight.dims) - 2),
        transposed=transposed,
    )


def _padding(given: int | Sequence[int] | str | None, rank: int) -> Sequence[int] | str:
    """Torch's padding, as much on both sides; of an odd total its "same" has less before, as SAME_UPPER has."""
    if isinstance(given, str):
        return {"same": "SAME_UPPER", "valid": "VALID"}[given]
    return _shapes.pair(given or 0, rank) * 2


def product(call: Call, *, a: str = "self", b: str = "mat2") -> Cost:
    """A matrix product of the arguments called `a` and `b`."""
    return _shapes.product(call[a], call[b])


def inner(call: Call) -> Cost:
    """Products of all pairs of rows."""
    other = call["other"]
    return _shapes.product(call["self"], replace(other, shape=other.dims[::-1]))


def einsum(call: Call) -> Cost:
    """A product of two tensors over shared labels."""
    return _einsum.einsum(call["equation"], call["tensors"], call.out)


def tensordot(call: Call) -> Cost:
    """A product of two tensors over the dimensions that pair up."""
    a, b = call["self"], call["other"]
    paired = zip(call["dims_self"], call["dims_other"], strict=True)
    same = {j % len(b.dims): i % len(a.dims) for i, j in paired}
    left = [chr(0x100 + i) for i in range(len(a.dims))]
    right = [left[same[j]] if j in same else chr(0x140 + j) for j in range(len(b.dims))]
    result = [x for x in left if x not in right] + [x for x in right if x not in left]
    return _einsum.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", (a, b), call.out)


def attention(call: Call) -> Cost:
    """Fused attention; torch aligns its causal mask with the first key."""
    q, k, v = call["query"], call["key"], call["value"]
    queries, keys = q.dims[-2], k.dims[-2]
    kept = sum(min(i + 1, keys) for i in range(queries)) if call["is_causal"] else queries * keys
    return _shapes.attention(q, k, v, density=kept / (queries * keys))


def experts(call: Call) -> Cost:
    """A product of rows sorted by expert with their experts' matrices (experts, in, out), in balance."""
    rows, *weights = call.tensors
    count, features_in, features_out = weights[0].dims
    tokens = rows.elements / features_in
    op = ops.experts("", tokens, features_in, features_out, experts=count, experts_per_token=1)
    return Cost(op, weights[0], reads=(rows, *weights[1:]))


def norm(call: Call, *, style: str) -> Cost:
    """A norm; one that takes batch statistics finds them as a group norm does."""
    x = call["input"]
    if style == "batch" and (call["training"] or call["use_input_stats"]):
        style = "group"
    reads = tuple(v for v in (x, call["weight"], call["bias"]) if v is not None)
    return Cost(ops.norm("", x.elements, 0, style=style, affine=False), reads=reads)


def activation(call: Call, *, function: str) -> Cost:
    """A pointwise nonlinearity."""
    return Cost(ops.activation("", call.elements, function=function))


def glu(call: Call) -> Cost:
    """A sigmoid of one half of the input times the other half."""
    op = ops.activation("", call.elements, function="silu")
    return Cost(replace(op, input_elements=call["self"].stored))


def softmax(call: Call) -> Cost:
    """A softmax or its logarithm."""
    return Cost(ops.softmax("", call.elements))


def embedding(call: Call) -> Cost:
    """A table lookup."""
    weight = call["weight"]
    return Cost(ops.embedding("", call["indices"].elements, *weight.dims), weight)


def embedding_bag(call: Call) -> Cost:
    """Table lookups and the sum of each bag's rows, weighted perhaps."""
    weight, rows = call["weight"], call["indices"].elements
    flops = rows * weight.dims[1] * (1 if call["per_sample_weights"] is None else 2)
    op = replace(ops.embedding("", rows, *weight.dims), output_elements=call.elements, vector_flops=float(flops))
    return Cost(op, weight)


def distances(call: Call) -> Cost:
    """Distances of all pairs of rows, as torch's cdist computes them.

    Euclidean ones of more than 25 rows are a product of rows with their norms, (x, |x|^2, 1) (1, |y|^2, y)^T, and its
    root; others a difference, a power and a sum an element: torch's aten/src/ATen/native/Distance.cpp.
    """
    x, y = call["x1"], call["x2"]
    width = x.dims[-1]
    many = max(x.dims[-2], y.dims[-2]) > MOST_ROWS_ONE_BY_ONE and call["compute_mode"] != NEVER_A_PRODUCT
    if call["p"] not in (None, 2.0) or not (many or call["compute_mode"] == ALWAYS_A_PRODUCT):
        return _shapes.elementwise((x, y), call.out, flops=3.0 * width)
    transposed = replace(y, shape=(*y.dims[:-2], width + 2, y.dims[-2]))
    cost = _shapes.product(replace(x, shape=(*x.dims[:-1], width + 2)), transposed)
    return replace(cost, op=replace(cost.op, input_elements=x.stored + y.stored, vector_flops=float(call.elements)))


def pooling(call: Call, *, rank: int) -> Cost:
    """A pooling over windows."""
    kernel = _shapes.pair(call["kernel_size"], rank)
    stride = _shapes.pair(call["stride"] or kernel, rank)
    dilation, padding = _shapes.pair(call["dilation"] or 1, rank), _padding(call["padding"], rank)
    return _shapes.pooling(call["self"], call.out, kernel=kernel, stride=stride, dilation=dilation, padding=padding)


def reduction(call: Call, *, flops: float = 1.0) -> Cost:
    """A reduction of the first tensor."""
    return _shapes.reduction(call.tensors[0], call.out, flops=flops)


def compared(call: Call, *, flops: float) -> Cost:
    """A number for each pair of vectors, of `flops` an element."""
    op = ops.pooling("", sum(value.stored for value in call.tensors), call.elements)
    most = max(value.elements for value in call.tensors)
    return Cost(replace(op, vector_flops=flops * most, keeps_inputs=True))


def elementwise(call: Call, *, flops: float = 1.0, product: bool = True) -> Cost:
    """Arithmetic on every element of the result; a product is one of tensors."""
    return _shapes.elementwise(call.tensors, call.out, flops=flops, product=product)


def scaled(call: Call) -> Cost:
    """A product or quotient, of one tensor with a number perhaps."""
    return elementwise(call, product=len(call.tensors) > 1)


def copied(call: Call) -> Cost:
    """A result put together from moved elements; what says where they are is little beside them."""
    moved = values_in(value for name, value in call.arguments.items() if name not in ("index", "indices"))
    return _shapes.copied(moved, call.out)


def joined(call: Call) -> Cost:
    """Tensors side by side: parts of the result's gradient are theirs."""
    cost = copied(call)
    return replace(cost, op=replace(cost.op, gradient_ratio=0.0))


def written(call: Call) -> Cost:
    """Elements written into a tensor, the rest of which stays where it is: the last tensor among the arguments."""
    return _shapes.copied(call.tensors[-1:], call.tensors[-1].dims)


def added(call: Call) -> Cost:
    """Elements added to those of a tensor."""
    cost = written(call)
    return replace(cost, op=replace(cost.op, vector_flops=cost.op.output_elements))


def resize(call: Call, *, taps: int) -> Cost:
    """An interpolation that weighs and adds `taps` pixels a result."""
    return _shapes.elementwise(call.tensors, call.out, flops=2 * taps - 1, product=False)


def grid_sample(call: Call) -> Cost:
    """Pixels at places that a tensor gives, interpolated as torch numbers it: bilinear, nearest, bicubic."""
    width = (2, 1, 4)[call["interpolation_mode"]]
    x, grid, *_ = call.tensors
    return _shapes.grid_sample(x, grid, call.out, width=width)
