"""A mixture-of-experts layer as ops: router, routed experts, shared experts."""

from dataclasses import replace
from functools import partial

from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.module_names import shared_experts
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, elementwise, experts, linear, softmax
from costmodel.workload.transformer.feed_forward import feed_forward
from costmodel.workload.transformer.span import Span


def mixture_of_experts(layer: str, shape: Moe, span: Span, *, d_model: int, source: str) -> list[Op]:
    """Return the router's scores, the experts that tokens take, and the sum of what they return.

    Routing is taken as balanced; choosing the largest scores is not counted.
    """
    gate = linear(f"{layer}.{shape.router}", span.tokens, d_model, shape.experts, bias=shape.bias, inputs=(source,))
    if shape.router_correction:
        gate = replace(gate, vector_elements=shape.experts)
    scores = softmax(f"{gate.name}.scores", span.tokens * shape.experts, inputs=(gate.name,))
    ops = [gate, scores, *_routed(layer, shape, span, d_model=d_model, source=source, scores=scores.name)]
    if not shape.shared_d_ff:
        return ops
    names = shared_experts(shape.module, shape.shared or ("shared_expert" if shape.shared_gate else "shared_experts"))
    shared = feed_forward(
        layer,
        Mlp(shape.shared_d_ff, shape.function, bias=shape.shared_bias),
        span,
        d_model=d_model,
        names=names,
        source=source,
    )
    if shape.shared_gate:
        shared += _gate(
            f"{layer}.{shape.module}.shared_expert_gate", span, d_model=d_model, source=source, value=shared[-1].name
        )
    both = (ops[-1].name, shared[-1].name)
    return [*ops, *shared, elementwise(f"{layer}.{shape.module}.sum", span.tokens * d_model, inputs=both)]


def _gate(name: str, span: Span, *, d_model: int, source: str, value: str) -> list[Op]:
    """The sigmoid of one score a token, and the product of the vector `value` with it."""
    score = linear(name, span.tokens, d_model, 1, bias=False, inputs=(source,))
    factor = activation(f"{name}.sigmoid", span.tokens, function="sigmoid", inputs=(name,))
    return [
        score,
        factor,
        elementwise(f"{name}.product", span.tokens * d_model, product=True, inputs=(value, factor.name)),
    ]


def _routed(layer: str, shape: Moe, span: Span, *, d_model: int, source: str, scores: str) -> list[Op]:
    module, taken = f"{layer}.{shape.module}.experts", shape.experts_per_token
    rows = span.tokens * taken
    project = partial(experts, experts=shape.experts, experts_per_token=taken, bias=shape.bias)
    up = project(f"{module}.gate_up_proj", span.tokens, d_model, 2 * shape.d_ff, inputs=(source, scores))
    act = activation(f"{module}.act_fn", rows * shape.d_ff, function=shape.function, inputs=(up.name,))
    gated = elementwise(f"{module}.act_fn.gate", rows * shape.d_ff, product=True, inputs=(act.name, up.name))
    down = project(f"{module}.down_proj", span.tokens, shape.d_ff, d_model, inputs=(gated.name,))
    combined = elementwise(
        f"{module}.combine",
        span.tokens * d_model,
        operands=taken,
        flops=2 * taken - 1,
        product=True,
        inputs=(down.name, scores),
    )
    return [up, act, gated, down, combined]
