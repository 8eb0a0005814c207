"""Linear attention by the gated delta rule as ops: transformers' Qwen3NextGatedDeltaNet."""

from dataclasses import replace

from costmodel.workload.attention_shapes import DeltaNet
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, conv, delta_rule, linear, norm
from costmodel.workload.transformer.attention_layer import gate
from costmodel.workload.transformer.span import Span

GATE_VECTORS = 2
"""Learned values a head: of how fast its state decays, and of its step."""


def delta_net_layer(layer: str, shape: DeltaNet, span: Span, *, d_model: int, source: str) -> list[Op]:
    """Return projections, the convolution, norms of queries and keys, the recurrence, its gated norm, and the output.

    Of earlier tokens the states alone are read, not the few that the convolution looks back on.
    """
    module, tokens = f"{layer}.linear_attn", span.tokens
    keys, values = shape.key_heads * shape.key_dim, shape.heads * shape.value_dim
    mixed = 2 * keys + values
    wide = {"qkv": mixed, "z": values} if shape.separate else {"qkvz": mixed + values}
    narrow = {"b": shape.heads, "a": shape.heads} if shape.separate else {"ba": 2 * shape.heads}
    projected = [
        linear(f"{module}.in_proj_{part}", tokens, d_model, features, bias=False, inputs=(source,))
        for part, features in (wide | narrow).items()
    ]
    project, by = projected[0], projected[len(wide) - 1]
    steps = tuple(op.name for op in projected[len(wide) :])
    moved = conv(
        f"{module}.conv1d",
        span.batch,
        mixed,
        mixed,
        input_size=(1, span.queries),
        kernel=(1, shape.kernel),
        padding=(0, shape.kernel - 1, 0, 0),
        groups=mixed,
        inputs=(project.name,),
    )
    act = activation(f"{module}.act", tokens * mixed, function="silu", inputs=(moved.name,))
    decay = activation(f"{module}.decay", 2 * tokens * shape.heads, function="softplus", inputs=steps)
    decay = replace(decay, vector_elements=GATE_VECTORS * shape.heads)
    normed = norm(f"{module}.qk_norm", 2 * tokens * keys, shape.key_dim, style="rms", affine=False, inputs=(act.name,))
    core = delta_rule(
        f"{module}.delta_rule",
        span.batch,
        tokens=span.queries,
        heads=shape.heads,
        key_dim=shape.key_dim,
        value_dim=shape.value_dim,
        cached=span.causal and span.caches,
        inputs=(normed.name, act.name, decay.name),
    )
    scaled = norm(f"{module}.norm", tokens * values, shape.value_dim, style="rms", bias=False, inputs=(core.name,))
    gated = gate(f"{module}.gate", tokens * values, value=scaled.name, by=by.name, function="silu")
    out = linear(f"{module}.out_proj", tokens, values, d_model, bias=False, inputs=(gated[-1].name,))
    return [*projected, moved, act, decay, normed, core, scaled, *gated, out]
