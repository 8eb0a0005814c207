"""From token ids to the vectors that enter the first block, as ops."""

from costmodel.workload.language_model import LanguageModel
from costmodel.workload.op import Op
from costmodel.workload.ops import elementwise, embedding, linear
from costmodel.workload.transformer.normalization import normalization
from costmodel.workload.transformer.span import Span


def embeddings(model: LanguageModel, span: Span) -> list[Op]:
    """Return the table lookups, their sum and its norm; positions are looked up once for all sequences."""
    names, d_model = model.names, model.d_model
    width = model.embedding_width or d_model
    within = width if model.embedding_within else d_model
    shares = names.head if model.tied and model.head else ""
    ops = [embedding(names.embedding, span.tokens, model.vocab, width, shares=shares, inputs=("input_ids",))]
    if width != within:
        ops.append(linear(names.project_in, span.tokens, width, d_model, bias=False, inputs=(names.embedding,)))
    terms = [ops[-1].name]
    if model.positions:
        ops.append(embedding(names.positions, span.queries, model.positions, within, inputs=("position_ids",)))
        terms.append(names.positions)
    if model.token_types:
        ops.append(embedding(names.token_types, span.tokens, model.token_types, within, inputs=("token_type_ids",)))
        terms.append(names.token_types)
    if len(terms) > 1:
        ops.append(
            elementwise(
                f"{names.embedding}.sum",
                span.tokens * within,
                operands=len(terms),
                flops=len(terms) - 1,
                inputs=tuple(terms),
            )
        )
    if model.embedding_norm:
        ops.append(normalization(names.embedding_norm, span.tokens, within, model.norm, source=ops[-1].name))
    if within != d_model:
        ops.append(linear(names.project_in, span.tokens, within, d_model, inputs=(ops[-1].name,)))
    return ops
