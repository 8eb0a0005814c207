"""T5's encoder and its scores by distance as ops: Raffel et al., arXiv 1910.10683, section 2.1."""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.language_model import LanguageModel, TextEncoder
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import embedding
from costmodel.workload.transformer.block import block
from costmodel.workload.transformer.normalization import normalization
from costmodel.workload.transformer.span import Span


def text_encoder(model: LanguageModel, shape: TextEncoder, batch: int) -> list[Op]:
    """Return the lookup of the tokens, in the table that the decoder stores, the blocks and the last norm."""
    names, width = shape.names, model.d_model
    span = Span(batch, queries=shape.positions, keys=shape.positions, causal=False)
    shares = model.names.head if model.tied and model.head else model.names.embedding
    table = embedding(names.embedding, span.tokens, model.vocab, width, shares=shares, inputs=("encoder_input_ids",))
    ops, source = [table, distances(model, span, names)], table.name
    for i, part in enumerate(shape.blocks):
        layer = f"{names.layers}.{i}"
        ops += block(layer, part, span, d_model=width, style=model.norm, rotary=0.0, names=names, source=source)
        source = ops[-1].name
    return [*ops, normalization(names.final_norm, span.tokens, width, model.norm, source=source)]


def distances(model: LanguageModel, span: Span, names: ModuleNames) -> Op:
    """Return the lookup of what every query and key of a stack add to their score, one value a head, for all layers."""
    attention = model.blocks[0].attention
    assert isinstance(attention, Attention)
    return embedding(
        names.distances, span.queries * span.keys, model.relative_buckets, attention.heads, inputs=("distances",)
    )
