"""Ops from the shapes of their tensors, whichever framework's graph they come from. Names and parameters come later."""

import math
from collections.abc import Sequence
from dataclasses import replace

from costmodel.importers._assembly import Cost
from costmodel.importers._value import Shape, Value
from costmodel.workload import Op, Window, ops
from costmodel.workload.ops.attention import kept_fraction


def convolution(
    x: Value,
    weight: Value,
    out: Shape,
    *,
    stride: Sequence[int],
    groups: int,
    dilation: Sequence[int] = (1,),
    padding: Sequence[int] | str = (),
    transposed: bool = False,
) -> Cost:
    """Return a convolution of any rank: weight (out, in / groups, *kernel), or (in, out / groups, *kernel) transposed.

    A transposed one multiplies every input pixel by the whole kernel: m = input pixels, n = the kernel's outputs.
    """
    kernel = weight.dims[2:]
    size = x.dims[-len(kernel) :]
    channels, per_group = weight.dims[:2]
    pixels = x.elements // (x.dims[-len(kernel) - 1]) if transposed else math.prod(out) // out[-len(kernel) - 1]
    area = math.prod(kernel)
    kind = "conv" + ("" if len(kernel) < 3 else "3d") + ("_transpose" if transposed else "")
    op = Op(
        "",
        kind,
        b=groups,
        m=pixels,
        n=per_group * area if transposed else channels // groups,
        k=channels // groups if transposed else per_group * area,
        input_elements=x.stored,
        weight_elements=weight.elements,
        output_elements=math.prod(out),
    )
    if not transposed and len(kernel) < 3:
        slide = window(kernel, stride, size, out[-len(kernel) :], dilation=dilation, padding=padding)
        op = replace(op, window=slide)
    return Cost(op, weight)


def window(
    kernel: Sequence[int],
    stride: Sequence[int],
    size: Sequence[int],
    out: Sequence[int],
    *,
    dilation: Sequence[int] = (1,),
    padding: Sequence[int] | str = (),
) -> Window:
    """The window of one or two dimensions of `size` and `out` pixels; one has height 1.

    `padding` is that before each dimension and then after each, or ONNX's auto_pad: SAME_UPPER, SAME_LOWER, VALID.
    Where an output length was rounded up there is more after a dimension: the last window reaches beyond.
    """
    rank = len(size)
    kernel, stride, dilation = pair(kernel, rank), pair(stride or kernel, rank), pair(dilation or (1,), rank)
    lengths = zip(out, stride, kernel, dilation, size, strict=True)
    beyond = [(o - 1) * s + (k - 1) * d + 1 - x for o, s, k, d, x in lengths]
    if isinstance(padding, str):
        same, more = padding.startswith("SAME"), padding == "SAME_LOWER"
        before, after = tuple(same * (max(b, 0) + more) // 2 for b in beyond), (0,) * rank
    else:
        before, after = pair(tuple(padding[:rank]) or 0, rank), pair(tuple(padding[rank:]) or 0, rank)
    after = tuple(max(a, b - left) for a, b, left in zip(after, beyond, before, strict=True))
    given = [(1, *values)[-2:] for values in (kernel, stride, tuple(size), dilation)]
    given += [(0, *values)[-2:] for values in (before, after)]
    return Window(*(value for height_width in given for value in height_width))


def pair(values: int | Sequence[int], rank: int) -> Shape:
    """One value for each of `rank` dimensions."""
    values = (values,) if isinstance(values, int) else tuple(values)
    return values * rank if len(values) == 1 else values


def linear(x: Value, weight: Value, *, features_out: int, features_in: int) -> Cost:
    """Return a linear layer over the rows of x."""
    op = ops.linear("", x.elements // features_in, features_in, features_out, bias=False)
    return Cost(replace(op, input_elements=x.stored), weight)


def product(a: Value, b: Value) -> Cost:
    """Return a matrix product (..., m, k) x (..., k, n): a linear layer where one operand is a parameter.

    ValueError where the inner dimensions differ.
    """
    left, right = (1, *a.dims)[-max(2, len(a.dims)) :], (b.dims if len(b.dims) > 1 else (*b.dims, 1))
    (m, k), (inner, n) = left[-2:], right[-2:]
    if k != inner:
        raise ValueError(f"a product of {a.dims} and {b.dims}")
    batch = math.prod(broadcast(left[:-2], right[:-2]))
    if b.is_parameter and not a.is_parameter:
        return _weighted(a, b, matrices=math.prod(right[:-2]), rows=batch * m, n=n, k=k)
    if a.is_parameter and not b.is_parameter:
        return _weighted(b, a, matrices=math.prod(left[:-2]), rows=batch * n, n=m, k=k)
    return unweighted(a, b, batch, m=m, n=n, k=k)


def unweighted(a: Value, b: Value, batch: float, *, m: float, n: float, k: float) -> Cost:
    """Return `batch` products of tensors that are no parameters, of which one may be constant."""
    read = a.stored + b.stored
    if a.is_constant or b.is_constant:
        rows, features = (n, m) if a.is_constant else (m, n)
        return Cost(replace(matmul(batch, rows, features, k, read), trained_weights=0.0))
    return Cost(matmul(batch, m, n, k, read))


def matmul(batch: float, m: float, n: float, k: float, input_elements: float) -> Op:
    """Return `batch` products of activations."""
    outputs = batch * m * n
    return Op("", "matmul", b=batch, m=m, n=n, k=k, input_elements=input_elements, output_elements=outputs)


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape that two broadcast to; ValueError where they do not."""
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    sizes = [(x, y) for x, y in pairs]
    if any(x != y and 1 not in (x, y) for x, y in sizes):
        raise ValueError(f"{a} and {b} do not broadcast")
    return tuple(y if x == 1 else x for x, y in sizes)


def _weighted(x: Value, weight: Value, *, matrices: int, rows: float, n: int, k: int) -> Cost:
    matrices = 1 if weight.stored <= n * k else matrices
    op = Op("", "linear", b=matrices, m=rows / matrices, n=n, k=k, input_elements=x.stored, output_elements=rows * n)
    return Cost(replace(op, weight_elements=float(matrices * n * k)), weight)


def attention(q: Value, k: Value, v: Value, *, density: float = 1.0) -> Cost:
    """Return softmax(q k^T) v of tensors (..., heads, tokens, features); `density` is the part of the scores kept.

    Keys and values that were repeated for every query head are read once.
    """
    *batch, heads, queries, head_dim = (1, 1, *q.dims)[-max(3, len(q.dims)) :]
    kv_heads, keys, value_dim = (1, 1, *v.dims)[-3:]
    rows = math.prod(batch)
    unrepeated = round(k.stored / (rows * keys * head_dim))
    op = ops.attention(
        "",
        rows,
        queries=queries,
        keys=keys,
        heads=heads,
        kv_heads=unrepeated if 0 < unrepeated < kv_heads and heads % unrepeated == 0 else kv_heads,
        head_dim=head_dim,
        value_dim=value_dim,
    )
    return Cost(masked(op, density))


def masked(op: Op, density: float) -> Op:
    """Return an attention of which a mask keeps that part of the scores: as many as a causal one means causal."""
    causal = op.m <= op.n and math.isclose(density, kept_fraction(int(op.m), int(op.n), causal=True), rel_tol=1e-9)
    heads = replace(op.heads, causal=causal and density < 1.0)
    return replace(op, mask_density=density, vector_flops=op.vector_flops * density, heads=heads)


def grid_sample(x: Value, grid: Value, out: Shape, *, width: int) -> Cost:
    """Pixels at the places of a grid, each a weighted sum of the nearest `width` along each axis."""
    taps = width ** (len(x.dims) - 2)
    return elementwise((x, grid), out, flops=2 * taps - 1 if taps > 1 else 0, product=True)


def pooling(
    x: Value,
    out: Shape,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int] = (1,),
    padding: Sequence[int] | str = (),
) -> Cost:
    """Return a pooling over windows of one dimension or more; one of a single element has nothing to compute."""
    rank = len(kernel)
    size, across = x.dims[-rank:], out[-rank:]
    slide = window(kernel, stride, size, across, dilation=dilation, padding=padding) if rank < 3 else None
    op, area = ops.pooling("", x.stored, math.prod(out), window=slide), math.prod(kernel)
    return Cost(replace(op, vector_flops=float(area * math.prod(out) if area > 1 else 0.0)))


def elementwise(reads: Sequence[Value], out: Shape, *, flops: float = 1.0, product: bool = True) -> Cost:
    """Return an elementwise op with `flops` a result that reads every operand once."""
    op = ops.elementwise("", math.prod(out), operands=0, flops=flops, product=product)
    return Cost(replace(op, input_elements=sum(read.stored for read in reads if read.sources)))


def copied(reads: Sequence[Value], out: Shape) -> Cost:
    """Return a copy without arithmetic: it reads its operands, at most a result's worth of each, and writes `out`."""
    elements = math.prod(out)
    read = sum(min(value.stored, elements) for value in reads if value.sources)
    return Cost(replace(ops.elementwise("", elements, operands=0, flops=0.0), input_elements=read))


def reduction(x: Value, out: Shape, *, flops: float = 1.0) -> Cost:
    """Return a reduction with `flops` an input: a pooling over everything."""
    op = ops.pooling("", x.stored, math.prod(out))
    return Cost(replace(op, vector_flops=flops * x.elements, keeps_inputs=flops > 1))
