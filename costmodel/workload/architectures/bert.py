"""BERT."""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    embedding="embeddings.word_embeddings",
    positions="embeddings.position_embeddings",
    token_types="embeddings.token_type_embeddings",
    embedding_norm="embeddings.LayerNorm",
    layers="encoder.layer",
    attention="attention.self",
    q="attention.self.query",
    k="attention.self.key",
    v="attention.self.value",
    out="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    up="intermediate.dense",
    act="intermediate.intermediate_act_fn",
    down="output.dense",
    mlp_norm="output.LayerNorm",
)


def bert(
    name: str,
    *,
    d_model: int,
    layers: int,
    heads: int,
    d_ff: int,
    vocab: int = 30522,
    positions: int = 512,
    token_types: int = 2,
    function: str = "gelu",
) -> LanguageModel:
    """Return BERT's encoder and pooler, without a task's head: transformers' BertModel.

    Devlin et al., arXiv 1810.04805, section 3; layer norms follow the residual sums.
    """
    attention = Attention(heads, heads, d_model // heads, bias="qkvo")
    return LanguageModel(
        name,
        vocab,
        d_model,
        (Block(attention, Mlp(d_ff, function, gated=False, bias=True)),) * layers,
        norm=Norm("layer", "post"),
        positions=positions,
        rotary=0.0,
        token_types=token_types,
        embedding_norm=True,
        final_norm=False,
        causal=False,
        head=False,
        tied=True,
        pooler=True,
        names=NAMES,
    )
