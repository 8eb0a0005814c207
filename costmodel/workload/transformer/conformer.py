"""FastConformer's audio encoder as ops.

Rekesh et al., Fast Conformer with Linearly Scalable Attention, arXiv 2305.05084, section 2; layers are those of
NVIDIA-NeMo/Speech, nemo/collections/asr/modules/conformer_encoder.py: attention with relative positions, whose scores
are a product of their own.
"""

from math import ceil

from costmodel.workload.language_model import Conformer
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, attention, conv, elementwise, linear, norm

EXPANSION = 4
STRIDES = 3  # halvings of frames and mel bins
KERNEL = 3


def conformer(shape: Conformer, batch: int, *, d_model: int) -> list[Op]:
    """Return subsampling, layers, and the projection to `d_model` where the encoder has another width."""
    ops = _subsampling(shape, batch)
    for i in range(shape.layers):
        ops += _layer(f"{shape.names.layers}.{i}", shape, batch, ops[-1].name)
    if shape.width != d_model:
        tokens = batch * shape.positions
        ops.append(linear(shape.names.final_norm, tokens, shape.width, d_model, inputs=(ops[-1].name,)))
    return ops


def _subsampling(shape: Conformer, batch: int) -> list[Op]:
    """One full and two depthwise separable convolutions, each of stride 2 both ways, and a linear layer."""
    height, width = shape.positions * 2**STRIDES, shape.mel_bins
    ops: list[Op] = []
    source = "input_features"
    for i in range(STRIDES):
        first, channels = i == 0, shape.channels
        name = f"encoder.pre_encode.conv.{i}"
        ops.append(
            conv(
                name, batch, 1 if first else channels, channels, input_size=(height, width), kernel=(KERNEL, KERNEL),
                stride=(2, 2), padding=(1, 1), groups=1 if first else channels, bias=True, inputs=(source,),
            )
        )  # fmt: skip
        height, width = ceil(height / 2), ceil(width / 2)
        if not first:
            size = (height, width)
            ops.append(
                conv(
                    f"{name}.pointwise", batch, channels, channels, input_size=size, kernel=(1, 1), bias=True,
                    inputs=(name,),
                )
            )  # fmt: skip
        ops.append(activation(f"{name}.relu", ops[-1].output_elements, function="relu", inputs=(ops[-1].name,)))
        source = ops[-1].name
    out = linear("encoder.pre_encode.out", batch * height, shape.channels * width, shape.width, inputs=(source,))
    return [*ops, out]


def _layer(layer: str, shape: Conformer, batch: int, source: str) -> list[Op]:
    """Half a feed-forward, attention, convolution, the other half, each added to what it reads, and a norm."""
    ops: list[Op] = []
    parts = (("feed_forward1", _feed_forward), ("self_attn", _attention), ("conv", _convolution),
             ("feed_forward2", _feed_forward))  # fmt: skip
    elements = batch * shape.positions * shape.width
    for part, build in parts:
        read = ops[-1].name if ops else source
        ops.append(norm(f"{layer}.norm_{part}", elements, shape.width, style="layer", inputs=(read,)))
        ops += build(f"{layer}.{part}", shape, batch, ops[-1].name)
        ops.append(elementwise(f"{layer}.{part}.residual", elements, inputs=(read, ops[-1].name)))
    return [*ops, norm(f"{layer}.norm_out", elements, shape.width, style="layer", inputs=(ops[-1].name,))]


def _feed_forward(module: str, shape: Conformer, batch: int, source: str) -> list[Op]:
    tokens, inner = batch * shape.positions, EXPANSION * shape.width
    up = linear(f"{module}.linear1", tokens, shape.width, inner, bias=shape.bias, inputs=(source,))
    act = activation(f"{module}.activation", tokens * inner, function="silu", inputs=(up.name,))
    return [up, act, linear(f"{module}.linear2", tokens, inner, shape.width, bias=shape.bias, inputs=(act.name,))]


def _attention(module: str, shape: Conformer, batch: int, source: str) -> list[Op]:
    """Scores are q k + q p over 2 T - 1 relative positions p, with a learned offset to q a head and sum."""
    positions, head_dim = shape.positions, shape.width // shape.heads
    tokens, distances = batch * positions, 2 * positions - 1
    q, k, v = (
        linear(f"{module}.linear_{part}", tokens, shape.width, shape.width, bias=shape.bias, inputs=(source,))
        for part in "qkv"
    )
    p = linear(f"{module}.linear_pos", distances, shape.width, shape.width, bias=False, inputs=("position_ids",))
    rows = batch * shape.heads * positions
    scores = Op(
        f"{module}.matrix_bd", "matmul", (q.name, p.name), b=batch * shape.heads, m=positions, n=distances, k=head_dim,
        input_elements=q.output_elements + p.output_elements, vector_elements=2 * shape.width,
        output_elements=rows * distances,
    )  # fmt: skip
    attended = attention(
        f"{module}.attention", batch, queries=positions, keys=positions, heads=shape.heads, kv_heads=shape.heads,
        head_dim=head_dim, inputs=(q.name, k.name, v.name, scores.name),
    )  # fmt: skip
    out = linear(f"{module}.linear_out", tokens, shape.width, shape.width, bias=shape.bias, inputs=(attended.name,))
    return [q, k, v, p, scores, attended, out]


def _convolution(module: str, shape: Conformer, batch: int, source: str) -> list[Op]:
    width, tokens = shape.width, batch * shape.positions
    first = linear(f"{module}.pointwise_conv1", tokens, width, 2 * width, bias=shape.bias, inputs=(source,))
    gated = elementwise(f"{module}.glu", tokens * width, flops=5, product=True, inputs=(first.name,))
    along = conv(
        f"{module}.depthwise_conv", batch, width, width, input_size=(1, shape.positions), kernel=(1, shape.kernel),
        padding=(0, shape.kernel // 2), groups=width, bias=shape.bias, inputs=(gated.name,),
    )  # fmt: skip
    normed = norm(f"{module}.batch_norm", tokens * width, width, style="batch", inputs=(along.name,))
    act = activation(f"{module}.activation", tokens * width, function="silu", inputs=(normed.name,))
    return [
        first, gated, along, normed, act,
        linear(f"{module}.pointwise_conv2", tokens, width, width, bias=shape.bias, inputs=(act.name,)),
    ]  # fmt: skip
