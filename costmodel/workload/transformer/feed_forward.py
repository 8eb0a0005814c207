"""The MLP of a block as ops."""

from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, elementwise, linear
from costmodel.workload.transformer.normalization import rms_norm
from costmodel.workload.transformer.span import Span


def feed_forward(layer: str, shape: Mlp, span: Span, *, d_model: int, names: ModuleNames, source: str) -> list[Op]:
    """Return the linear layers, activation and gate of an MLP."""
    tokens, bias = span.tokens, shape.bias
    up_name, act_name, down_name = f"{layer}.{names.up}", f"{layer}.{names.act}", f"{layer}.{names.down}"
    if not shape.gated:
        ops = [linear(up_name, tokens, d_model, shape.d_ff, bias=bias, inputs=(source,))]
        ops.append(activation(act_name, tokens * shape.d_ff, function=shape.function, inputs=(up_name,)))
    else:
        gate_name = f"{layer}.{names.gate_up if shape.fused else names.gate}"
        ops = [linear(gate_name, tokens, d_model, shape.d_ff * (1 + shape.fused), bias=bias, inputs=(source,))]
        if not shape.fused:
            ops.append(linear(up_name, tokens, d_model, shape.d_ff, bias=bias, inputs=(source,)))
        value = ops[-1].name
        ops.append(activation(act_name, tokens * shape.d_ff, function=shape.function, inputs=(gate_name,)))
        ops.append(elementwise(f"{act_name}.gate", tokens * shape.d_ff, product=True, inputs=(act_name, value)))
    if shape.inner_norm:
        ops.append(rms_norm(f"{layer}.{shape.inner_norm}", tokens, shape.d_ff, source=ops[-1].name))
    return [*ops, linear(down_name, tokens, shape.d_ff, d_model, bias=bias, inputs=(ops[-1].name,))]
