"""Draw calls over the shapes that networks have: sides log-uniform, rounded as layers are.

No network is named here: a prediction of one is not a lookup of its own layers.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from costmodel.workload import Op, gradients, ops
from costmodel.workload.op import Window
from profilers.operations import build, build_gradients
from profilers.operations.build_gradients import BY_INPUT, BY_WEIGHT
from profilers.operations.call import Build

Draw = Callable[[np.random.Generator, float], tuple[Op, Build]]
"""(generator, scale) -> an op and its builder; `scale` multiplies the largest counts: 1 for a CPU, more for a GPU."""

WIDTHS = (32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1152, 1536, 2048, 3072)
CHANNELS = (16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768)
GROUP_WIDTHS = (4, 8, 8, 16, 16, 24, 32, 40, 48, 64, 64, 112, 128)
"""Channels of a group where groups have several."""

WIDE_CHANNELS = (*CHANNELS, 144, 240, 288, 336, 480, 576, 672, 960, 1152, 1344, 1632)
PLANES = (7, 14, 28, 56, 112)
TOKENS = (1, 4, 8, 16, 32, 64, 96, 128, 160, 197, 224, 256, 384, 512, 577)
MOST_MACS = 6e8
"""Of one call at scale 1: about 10 ms on a core at 100 GFLOP/s."""

MOST_ELEMENTS = 6e6
"""Read and written by one call at scale 1."""


def draw(family: str, rng: np.random.Generator, scale: float = 1.0) -> tuple[Op, Build]:
    """Draw an op of a family (a key of DRAWS) and its builder, not above MOST_MACS and MOST_ELEMENTS times `scale`."""
    while True:
        op, made = DRAWS[family](rng, scale)
        elements = op.input_elements + op.output_elements
        if float(op.macs) <= MOST_MACS * scale and elements <= MOST_ELEMENTS * scale:
            return op, made


def _of(rng: np.random.Generator, values: tuple[int, ...]) -> int:
    return int(values[rng.integers(len(values))])


def _linear(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    tokens, wide, out = _of(rng, TOKENS) * _of(rng, (1, 1, 1, 2, 4)), _of(rng, WIDTHS), _of(rng, (*WIDTHS, 1000))
    tokens = int(tokens * (scale if rng.random() < 0.5 else 1.0))
    return ops.linear("linear", tokens, wide, out), build.linear(tokens, wide, out)


Shape = tuple[int, int, int, int, int, int, int, int]
"""Of a square convolution: batch, channels, results, plane, kernel, stride, padding, groups."""


def _dense_shape(rng: np.random.Generator, scale: float) -> Shape:
    plane, kernel, batch = _of(rng, PLANES), _of(rng, (1, 3, 3, 3, 5, 7)), _batch(rng, scale)
    stride = _of(rng, (1, 1, 1, 2)) if kernel < 7 else 2
    depth, out = _of(rng, CHANNELS), _of(rng, CHANNELS)
    if rng.random() < 0.15:  # the first layer of a network, or its patches
        depth = 3
        plane, kernel, stride = [(224, 7, 2), (224, 3, 2), (224, 16, 16), (112, 7, 2), (224, 4, 4)][rng.integers(5)]
    pad = 0 if stride >= kernel else kernel // 2
    return batch, depth, out, plane, kernel, stride, pad, 1


def _depthwise_shape(rng: np.random.Generator, scale: float) -> Shape:
    plane, kernel, batch, depth = _of(rng, PLANES), _of(rng, (3, 3, 5, 7)), _batch(rng, scale), _of(rng, WIDE_CHANNELS)
    return batch, depth, depth, plane, kernel, _of(rng, (1, 1, 2)), kernel // 2, depth


def _wide_groups_shape(rng: np.random.Generator, scale: float) -> Shape:
    plane, batch, width = _of(rng, PLANES), _batch(rng, scale), _of(rng, GROUP_WIDTHS)
    groups = max(int(2.0 ** rng.uniform(1.0, np.log2(max(2048 / width, 2.1)))), 2)
    return batch, width * groups, width * groups, plane, 3, _of(rng, (1, 1, 1, 2)), 1, groups


def _op(shape: Shape) -> Op:
    batch, depth, out, plane, kernel, stride, pad, groups = shape
    return ops.conv(
        "conv", batch, depth, out, input_size=(plane, plane), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(pad, pad), groups=groups,
    )  # fmt: skip


def _forward(
    shape: Callable[[np.random.Generator, float], Shape], rng: np.random.Generator, scale: float
) -> tuple[Op, Build]:
    drawn = shape(rng, scale)
    return _op(drawn), build.conv(*drawn[:-1], groups=drawn[-1])


def _conv_gradient(
    shape: Callable[[np.random.Generator, float], Shape], mask: tuple[bool, bool, bool], rng: np.random.Generator,
    scale: float,
) -> tuple[Op, Build]:  # fmt: skip
    drawn = shape(rng, scale)
    made = build_gradients.conv(*drawn[:-1], groups=drawn[-1], mask=mask)
    return (_by_input if mask[0] else _by_weight)(_op(drawn)), made


def _by_input(op: Op) -> Op:
    return gradients.by_input(op, (), gradients.factors(op, [True]), share=1.0, more=0.0, starts=0)


def _by_weight(op: Op) -> Op:
    return gradients.by_weight(op, (), share=1.0, more=0.0, again=0.0)


def _norm_training(rng: np.random.Generator, scale: float, *, backward: bool) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    op = ops.norm("norm", batch * depth * plane * plane, depth, style="batch")
    return (_by_input(op) if backward else op), build_gradients.batch_norm(batch, depth, plane, backward=backward)


def _norm_statistics_grad(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    return _by_input(ops.norm("norm", rows * width, width, style="layer")), build_gradients.layer_norm(rows, width)


def _activation_grad(function: str, rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    count = int(np.prod(_map(rng, scale))) * 7 if function == "relu" else rows * width
    return _by_input(ops.activation(function, count, function=function)), build_gradients.activation(count, function)


def _attention_grad(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, tokens = _batch(rng, scale), max(_of(rng, TOKENS), 8)
    heads, head_dim = _of(rng, (2, 3, 4, 6, 8, 12, 16)), _of(rng, (32, 32, 64, 64, 80, 128))
    op = ops.attention("attention", batch, queries=tokens, keys=tokens, heads=heads, kv_heads=heads, head_dim=head_dim)
    return _by_input(op), build_gradients.attention(batch, tokens, heads, head_dim)


def _pooling_grad(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    side = (plane - 1) // 2 + 1
    window = Window(3, 3, 2, 2, plane, plane, 1, 1, 1, 1, 1, 1)
    op = ops.pooling("pool", batch * depth * plane * plane, batch * depth * side * side, window=window)
    return _by_input(op), build_gradients.max_pool(batch, depth, plane)


def _attention(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, tokens = _batch(rng, scale), max(_of(rng, TOKENS), 8)
    heads, head_dim = _of(rng, (2, 3, 4, 6, 8, 12, 16)), _of(rng, (32, 32, 64, 64, 80, 128))
    op = ops.attention("attention", batch, queries=tokens, keys=tokens, heads=heads, kv_heads=heads, head_dim=head_dim)
    return op, build.attention(batch, tokens, heads, head_dim)


def _map(rng: np.random.Generator, scale: float) -> tuple[int, int, int]:
    return _batch(rng, scale), _of(rng, CHANNELS), _of(rng, PLANES)


def _norm(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    op = ops.norm("norm", batch * depth * plane * plane, depth, style="batch")
    return op, build.batch_norm(batch, depth, plane)


def _rows(rng: np.random.Generator, scale: float) -> tuple[int, int]:
    return _of(rng, TOKENS) * _batch(rng, scale), _of(rng, WIDTHS)


def _norm_statistics(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    return ops.norm("norm", rows * width, width, style="layer"), build.layer_norm(rows, width)


def _activation(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    count = batch * depth * plane * plane
    return ops.activation("relu", count, function="relu"), build.activation(count, "relu")


def _activation_rich(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    return ops.activation("silu", rows * width, function="silu"), build.activation(rows * width, "silu")


def _activation_gelu(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    return ops.activation("gelu", rows * width, function="gelu"), build.activation(rows * width, "gelu")


def _elementwise(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    count = int(np.prod(_map(rng, scale))) * 7 if rng.random() < 0.5 else int(np.prod(_rows(rng, scale)))
    return ops.elementwise("add", count), build.add(count)


def _pooling(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    side = (plane - 1) // 2 + 1
    window = Window(3, 3, 2, 2, plane, plane, 1, 1, 1, 1, 1, 1)
    op = ops.pooling("pool", batch * depth * plane * plane, batch * depth * side * side, window=window)
    return op, build.max_pool(batch, depth, plane)


def _pooling_global(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    batch, depth, plane = _map(rng, scale)
    op = ops.pooling("pool", batch * depth * plane * plane, batch * depth)
    return op, build.mean_pool(batch, depth, plane)


def _softmax(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    rows, width = _rows(rng, scale)
    return ops.softmax("softmax", rows * width), build.softmax(rows, width)


def _embedding(rng: np.random.Generator, scale: float) -> tuple[Op, Build]:
    tokens, width, entries = _of(rng, TOKENS) * _batch(rng, scale), _of(rng, WIDTHS), _of(rng, (512, 8192, 30522))
    return ops.embedding("embedding", tokens, entries, width), build.embedding(tokens, entries, width)


def _batch(rng: np.random.Generator, scale: float) -> int:
    return int(2 ** rng.integers(0, 3 + int(np.log2(scale))) if rng.random() < 0.5 else 1)


SHAPES = {"conv": _dense_shape, "conv_grouped": _depthwise_shape, "conv_wide_groups": _wide_groups_shape}

DRAWS: Mapping[str, Draw] = {
    **{name: partial(_forward, shape) for name, shape in SHAPES.items()},
    **{f"{name}_grad_weight": partial(_conv_gradient, shape, BY_WEIGHT) for name, shape in SHAPES.items()},
    **{f"{name}_grad_input": partial(_conv_gradient, shape, BY_INPUT) for name, shape in SHAPES.items()},
    "norm_training": partial(_norm_training, backward=False), "norm_grad": partial(_norm_training, backward=True),
    "norm_statistics_grad": _norm_statistics_grad, "activation_grad": partial(_activation_grad, "relu"),
    "activation_rich_grad": partial(_activation_grad, "silu"),
    "activation_gelu_grad": partial(_activation_grad, "gelu"),
    "attention_grad": _attention_grad, "pooling_grad": _pooling_grad,
    "linear": _linear, "attention": _attention, "norm": _norm,
    "norm_statistics": _norm_statistics, "activation": _activation, "activation_rich": _activation_rich,
    "activation_gelu": _activation_gelu, "pooling_global": _pooling_global,
    "elementwise": _elementwise, "pooling": _pooling, "softmax": _softmax, "embedding": _embedding,
}  # fmt: skip
