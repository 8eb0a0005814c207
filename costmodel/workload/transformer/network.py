"""A whole language model's pass as ops."""

from costmodel.workload.language_model import Conformer, Encoder, LanguageModel, TextEncoder
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, linear
from costmodel.workload.transformer.audio_encoder import audio_encoder
from costmodel.workload.transformer.block import block
from costmodel.workload.transformer.conformer import conformer
from costmodel.workload.transformer.embeddings import embeddings
from costmodel.workload.transformer.normalization import normalization
from costmodel.workload.transformer.span import Span
from costmodel.workload.transformer.text_encoder import distances, text_encoder


def network(model: LanguageModel, span: Span, *, logits: int) -> list[Op]:
    """Return the ops of a pass over `span` that computes logits for the last `logits` tokens of each sequence.

    The encoder of an encoder-decoder runs unless the pass decodes.
    """
    ops: list[Op] = []
    memory, memory_positions = "", 0
    if model.encoder:
        memory, memory_positions = model.encoder.names.final_norm, model.encoder.positions
        if not span.decodes:
            ops += _encoder(model, model.encoder, span.batch)
    ops += embeddings(model, span)
    source = ops[-1].name
    if model.relative_buckets:
        ops.append(distances(model, span, model.names))
    for i, shape in enumerate(model.blocks):
        ops += block(
            f"{model.names.layers}.{i}",
            shape,
            span,
            d_model=model.d_model,
            style=model.norm,
            rotary=model.rotary,
            names=model.names,
            source=ops[-1].name if i else source,
            memory=memory,
            memory_positions=memory_positions,
        )
    if model.final_norm:
        ops.append(normalization(model.names.final_norm, span.tokens, model.d_model, model.norm, source=ops[-1].name))
    return ops + _head(model, span, logits=logits, source=ops[-1].name)


def _encoder(model: LanguageModel, shape: Encoder | TextEncoder | Conformer, batch: int) -> list[Op]:
    if isinstance(shape, Conformer):
        return conformer(shape, batch, d_model=model.d_model)
    if isinstance(shape, TextEncoder):
        return text_encoder(model, shape, batch)
    return audio_encoder(shape, batch, d_model=model.d_model, style=model.norm)


def _head(model: LanguageModel, span: Span, *, logits: int, source: str) -> list[Op]:
    names, d_model, rows = model.names, model.d_model, span.batch * logits
    ops: list[Op] = []
    if model.pooler:
        name, elements = f"{names.pooler}.dense", span.batch * d_model
        ops.append(linear(name, span.batch, d_model, d_model, inputs=(source,)))
        ops.append(activation(f"{names.pooler}.activation", elements, function="tanh", inputs=(name,)))
    if model.head:
        width = model.embedding_width or d_model
        if width != d_model:
            ops.append(linear(names.project_out, span.tokens, d_model, width, bias=False, inputs=(source,)))
            source = ops[-1].name
        ops.append(linear(names.head, rows, width, model.vocab, bias=model.head_bias, inputs=(source,)))
    return ops
