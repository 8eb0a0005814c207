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
    """What the network computes from its hidden states: pooled, logits, classes."""
    names, width = model.names, (not model.embedding_within and model.embedding_width) or model.d_model
    ops: list[Op] = []
    if width != model.d_model:
        ops.append(linear(names.project_out, span.tokens, model.d_model, width, bias=False, inputs=(source,)))
        source = ops[-1].name
    pooled = source
    if model.pooler:
        ops += _activated(f"{names.pooler}.dense", f"{names.pooler}.activation", "tanh", span.batch, width, source)
        pooled = ops[-1].name
    if model.head:
        rows = span.batch * logits
        ops += _transformed(model, rows, source)
        read = ops[-1].name if model.transform else source
        ops.append(linear(names.head, rows, width, model.vocab, bias=model.head_bias, inputs=(read,)))
    if model.classifier:
        found = model.classifier
        rows = span.batch * found.rows(span.queries, logits)
        if not model.head:
            ops += _transformed(model, rows, pooled)
            pooled = ops[-1].name if model.transform else pooled
        ops.append(linear(found.name, rows, width, found.classes, bias=found.bias, inputs=(pooled,)))
    return ops


def _transformed(model: LanguageModel, rows: int, source: str) -> list[Op]:
    shape = model.transform
    if shape is None:
        return []
    ops = _activated(shape.dense, f"{shape.dense}.activation", shape.function, rows, model.d_model, source)
    if shape.norm:
        ops.append(normalization(shape.norm, rows, model.d_model, model.norm, source=ops[-1].name))
    return ops


def _activated(dense: str, act: str, function: str, rows: int, width: int, source: str) -> list[Op]:
    """A square linear layer and its activation."""
    return [
        linear(dense, rows, width, width, inputs=(source,)),
        activation(act, rows * width, function=function, inputs=(dense,)),
    ]
