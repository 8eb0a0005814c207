"""What ONNX Runtime's operators of language models cost: its docs/ContribOperators.md."""

import math
from collections.abc import Sequence
from dataclasses import replace

from costmodel.importers import _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._onnx_rules import Call, MisfitError, by_head, seen
from costmodel.importers._value import Value
from costmodel.workload import ops
from costmodel.workload.transformer.rotary import FLOPS as ROTARY_FLOPS


def grouped_attention(call: Call, *, past: int, bias: int | None = None) -> Cost:
    """ONNX Runtime's attention over (batch, tokens, heads x features), perhaps of one input that holds all three.

    A GroupQueryAttention is causal, and turns queries and keys where it says so.
    """
    heads = call.attributes["num_heads"]
    kv_heads, grouped = call.attributes.get("kv_num_heads", heads), "kv_num_heads" in call.attributes
    if min(heads, kv_heads) < 1 or heads % kv_heads:
        raise MisfitError(f"{heads} heads of which {kv_heads} have keys")
    q, k, v = _three(call, heads, kv_heads)
    earlier = call[past].dims[-2] if call.given(past) else 0
    tokens, turned = k.dims[2], call.attributes.get("do_rotary", 0)
    k, v = (replace(x, shape=(*x.dims[:2], tokens + earlier, x.dims[3]), distinct=math.inf) for x in (k, v))
    queries, keys, window = q.dims[2], k.dims[2], call.attributes.get("local_window_size", -1)
    density = 1.0
    if grouped or call.attributes.get("unidirectional", 0):
        most = min(window, keys) if window > 0 else keys
        density = seen(queries, earlier, most=most) / (queries * keys)
    cost = _shapes.attention(q, k, v, density=density)
    flops = ROTARY_FLOPS * q.dims[0] * tokens * q.dims[3] * (heads + kv_heads) if turned else 0
    extra = call.given(bias) if bias is not None else ()
    op = replace(cost.op, vector_flops=cost.op.vector_flops + flops + sum(x.elements for x in extra) * tokens)
    return Cost(op, reads=(*call.given(0, 1, 2), *extra, *call.given(past, past + 1)))


def _three(call: Call, heads: int, kv_heads: int) -> tuple[Value, Value, Value]:
    """Queries, keys and values by head."""
    x = call[0]
    batch, tokens, width = x.dims
    if call.given(1):
        q, k, v = (by_head(value, n) for value, n in zip(call.given(0, 1, 2), (heads, kv_heads, kv_heads), strict=True))
        return q, k, v
    features, left = divmod(width, heads + 2 * kv_heads)
    if left:
        raise MisfitError(f"{width} features of {heads} heads and {kv_heads} with keys and values")
    one, other = (replace(x, shape=(batch, n, tokens, features)) for n in (heads, kv_heads))
    return one, other, other


def rotary(call: Call) -> Cost:
    """Each element turned with another by a table of sines and cosines, which is not counted."""
    return replace(_shapes.elementwise(call.given(0), call.out, flops=ROTARY_FLOPS), reads=call.given(0))


def norm_of_sum(call: Call, *, style: str, weights: Sequence[int], bias: int) -> Cost:
    """A norm of the sum of two inputs, and of a bias perhaps."""
    op = ops.norm("", call[0].elements, 0, style=style, affine=False)
    terms = call.given(0, 1, bias)
    summed = sum(value.stored for value in terms if value.sources)
    flops = op.vector_flops + (len(terms) - 1) * call[0].elements
    return Cost(replace(op, input_elements=summed, vector_flops=flops), reads=(*terms, *call.given(*weights)))
