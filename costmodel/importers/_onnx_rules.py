"""What an ONNX operator costs, from its inputs and attributes: one function a kind of operator."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from costmodel.importers import _einsum, _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._value import Shape, Value
from costmodel.workload import ops


@dataclass(frozen=True)
class Call:
    """An operator's inputs (None where left out), its attributes, and the shape of its first result."""

    inputs: Sequence[Value | None]
    attributes: Mapping[str, Any]
    shape: Shape | None

    @property
    def out(self) -> Shape:
        """The shape of the first result; ValueError where it is not known."""
        return Value(self.shape).dims

    @property
    def elements(self) -> int:
        """Elements of the first result."""
        return math.prod(self.out)

    def __getitem__(self, i: int) -> Value:
        value = self.inputs[i] if i < len(self.inputs) else None
        if value is None:
            raise ValueError(f"input {i} is missing")
        return value

    def given(self, *positions: int) -> tuple[Value, ...]:
        """The inputs at these positions that are there."""
        found = (self.inputs[i] for i in positions if i < len(self.inputs))
        return tuple(value for value in found if value is not None)


class MisfitError(ValueError):
    """Shapes that an operator cannot have: the file is malformed, not its operator unknown."""


Rule = Callable[[Call], Cost]


def convolution(call: Call, *, w: int = 1, bias: int = 2, transposed: bool = False) -> Cost:
    """A convolution whose weight and bias are at these positions; MisfitError where there is none of these shapes."""
    x, weight = call[0], call[w]
    stride = call.attributes.get("strides") or [1] * (len(weight.dims) - 2)
    groups = call.attributes.get("group", 1)
    channels = weight.dims[0] if transposed else weight.dims[1] * groups
    if groups < 1 or weight.dims[0] % groups or x.dims[1] != channels:
        raise MisfitError(f"a weight {weight.dims} of {groups} groups does not fit an input {x.dims}")
    dilation = call.attributes.get("dilations") or (1,)
    padding = _padding(call, len(stride))
    cost = _shapes.convolution(
        x, weight, call.out, stride=stride, groups=groups, dilation=dilation, padding=padding, transposed=transposed
    )
    return replace(cost, reads=(x, *call.given(bias)))


def _padding(call: Call, rank: int) -> Sequence[int] | str:
    """The pads before each dimension and after each, or how they are found; MisfitError for another number of them."""
    pads, told = call.attributes.get("pads") or [0] * (2 * rank), call.attributes.get("auto_pad", "NOTSET")
    if len(pads) != 2 * rank:
        raise MisfitError(f"pads {list(pads)} of {rank} dimensions")
    return pads if told == "NOTSET" else str(told)


def product(call: Call, *, a: int = 0, b: int = 1) -> Cost:
    """A matrix product of the inputs at these positions; MisfitError where their shapes have none."""
    return replace(_product(call[a], call[b]), reads=(call[a], call[b]))


def gemm(call: Call) -> Cost:
    """A product of two matrices, each perhaps transposed, plus a bias."""
    a, b = (
        replace(call[i], shape=call[i].dims[::-1]) if call.attributes.get(flag) else call[i]
        for i, flag in enumerate(("transA", "transB"))
    )
    return replace(_product(a, b), reads=(a, b, *call.given(2)))


def _product(a: Value, b: Value) -> Cost:
    if not (a.dims and b.dims):
        raise MisfitError(f"a product needs tensors, got {a.dims} and {b.dims}")
    try:
        return _shapes.product(a, b)
    except ValueError as problem:
        raise MisfitError(str(problem)) from None


def einsum(call: Call) -> Cost:
    """A product of two tensors over shared labels."""
    return _einsum.einsum(call.attributes["equation"], call.given(*range(len(call.inputs))), call.out)


def attention(call: Call) -> Cost:
    """Fused attention over (batch, heads, tokens, features) or (batch, tokens, heads x features), past keys first."""
    counts = ("q_num_heads", "kv_num_heads", "kv_num_heads")
    q, k, v = (by_head(call[i], call.attributes.get(count, 0)) for i, count in enumerate(counts))
    past = call[4].dims[-2] if call.given(4) else 0
    k, v = (replace(x, shape=(*x.dims[:2], x.dims[2] + past, x.dims[3]), distinct=math.inf) for x in (k, v))
    queries, keys = q.dims[2], k.dims[2]
    kept = seen(queries, past, most=keys) if call.attributes.get("is_causal") else queries * keys
    return replace(_shapes.attention(q, k, v, density=kept / (queries * keys)), reads=call.given(0, 1, 2, 3, 4, 5))


def seen(queries: int, past: int, *, most: int) -> int:
    """The keys that causal queries behind `past` tokens see together, each of them `most` at most."""
    growing = max(0, min(queries, most - past))
    return growing * past + growing * (growing + 1) // 2 + (queries - growing) * most


def by_head(x: Value, heads: int) -> Value:
    """A tensor (batch, tokens, heads x features) by head, or as it is where it has four dimensions."""
    if len(x.dims) == 4:
        return x
    batch, tokens, width = x.dims
    if width % heads:
        raise MisfitError(f"{width} features of {heads} heads")
    return replace(x, shape=(batch, heads, tokens, width // heads))


def norm(call: Call, *, style: str) -> Cost:
    """A norm with a scale and perhaps a shift; running statistics are no parameters."""
    style = "group" if call.attributes.get("training_mode") else style
    return Cost(ops.norm("", call[0].elements, 0, style=style, affine=False), reads=call.given(0, 1, 2))


def activation(call: Call, *, function: str) -> Cost:
    """A pointwise nonlinearity, its slope perhaps learned, or a bias added before."""
    return Cost(ops.activation("", call.elements, function=function), reads=call.given(0, 1))


def softmax(call: Call) -> Cost:
    """A softmax or its logarithm."""
    return Cost(ops.softmax("", call.elements), reads=call.given(0))


def embedding(call: Call) -> Cost:
    """Rows of a table of parameters; ValueError where that is not what is gathered."""
    table, indices = call[0], call[1]
    if not table.is_parameter or len(table.dims) != 2 or call.attributes.get("axis", 0) not in (0, -2):
        raise ValueError("it gathers from something else than a table")
    return Cost(ops.embedding("", indices.elements, *table.dims), table, reads=(indices,))


def pooling(call: Call) -> Cost:
    """A pooling over windows."""
    kernel = call.attributes["kernel_shape"]
    stride = call.attributes.get("strides") or [1] * len(kernel)
    dilation, padding = call.attributes.get("dilations") or (1,), _padding(call, len(kernel))
    cost = _shapes.pooling(call[0], call.out, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
    return replace(cost, reads=call.given(0))


def reduction(call: Call, *, flops: float = 1.0) -> Cost:
    """A reduction of the first input."""
    return replace(_shapes.reduction(call[0], call.out, flops=flops), reads=call.given(0))


def elementwise(
    call: Call, *, flops: float = 1.0, product: bool = True, positions: Sequence[int] | None = None
) -> Cost:
    """Arithmetic on every element of the result; scalars that the file stores are no parameters."""
    given = call.given(*(positions or range(len(call.inputs))))
    if call.shape is None and all(value.shape is not None for value in given):
        _require_broadcast(given)
    reads = tuple(value for value in given if not (value.is_parameter and value.elements == 1))
    return replace(_shapes.elementwise(reads, call.out, flops=flops, product=product), reads=reads)


def _require_broadcast(given: Sequence[Value]) -> None:
    try:
        reduce(_shapes.broadcast, (value.dims for value in given))
    except ValueError as problem:
        raise MisfitError(str(problem)) from None


def scaled(call: Call) -> Cost:
    """A product or quotient, of one tensor with a number perhaps."""
    cost = elementwise(call)
    return replace(cost, op=replace(cost.op, keeps_inputs=len(cost.reads or ()) > 1))


def grid_sample(call: Call) -> Cost:
    """Pixels at places that a tensor gives, interpolated."""
    mode = str(call.attributes.get("mode", "linear")).removeprefix("bi")
    width = {"linear": 2, "cubic": 4, "nearest": 1}[mode]
    return replace(_shapes.grid_sample(call[0], call[1], call.out, width=width), reads=call.given(0, 1))


def resize(call: Call) -> Cost:
    """An interpolation that weighs and adds the nearest 2 or 4 pixels along each resized axis."""
    width = {"linear": 2, "cubic": 4}.get(call.attributes.get("mode", "nearest"), 1)
    axes = sum(a != b for a, b in zip(call[0].dims, call.out, strict=True))
    flops = 2 * width**axes - 1 if width > 1 else 0
    return replace(_shapes.elementwise(call.given(0), call.out, flops=flops, product=False), reads=call.given(0))
