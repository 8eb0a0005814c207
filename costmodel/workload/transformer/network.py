"""A whole language model's pass as ops."""

from costmodel.workload.language_model import LanguageModel
from costmodel.workload.op import Op
from costmodel.workload.ops import embedding, linear, norm
from costmodel.workload.transformer.block import block
from costmodel.workload.transformer.span import Span


def network(model: LanguageModel, span: Span, *, logits: int) -> list[Op]:
    """Return the ops of a pass over `span` that computes logits for the last `logits` tokens of each sequence."""
    names, d_model = model.names, model.d_model
    ops = [embedding(names.embedding, span.tokens, model.vocab, d_model, tied=model.tied, inputs=("input_ids",))]
    for i, shape in enumerate(model.blocks):
        ops += block(
            f"{names.layers}.{i}", shape, span, d_model=d_model, style=model.norm, rotary=model.rotary, names=names,
            source=ops[-1].name,
        )  # fmt: skip
    style = model.norm.style
    ops.append(norm(names.final_norm, span.tokens * d_model, d_model, style=style, bias=style == "layer"))
    ops.append(linear(names.head, span.batch * logits, d_model, model.vocab, bias=model.head_bias))
    return ops
