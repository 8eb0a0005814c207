"""GPT-J: transformers' GPTJConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.architectures import gpt2
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel, Norm

NAMES = replace(
    gpt2.NAMES,
    q="attn.q_proj",
    k="attn.k_proj",
    v="attn.v_proj",
    out="attn.out_proj",
    up="mlp.fc_in",
    down="mlp.fc_out",
)


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GPT-J: attention and MLP read one layer norm, biases in the MLP and the head."""
    d_model, heads = fields.count("n_embd"), fields.count("n_head")
    if d_model % heads:
        fields.reject("n_embd", f"a multiple of n_head ({heads})")
    width = d_model // heads
    mlp = Mlp(
        fields.count("n_inner", 4 * d_model),
        fields.choice("activation_function", ACTIVATIONS, "gelu_new"),
        gated=False,
        bias=True,
    )
    fields.accept("rotary", True)
    fields.accept("n_positions", fields.values.get("n_positions"))
    blocks = (Block(Attention(heads, heads, width), mlp),) * fields.count("n_layer", high=MAX_LAYERS)
    return LanguageModel(
        name,
        fields.count("vocab_size"),
        d_model,
        blocks,
        norm=Norm("layer", "parallel"),
        rotary=min(1.0, fields.count("rotary_dim", 64) / width),
        tied=fields.flag("tie_word_embeddings", False),
        head_bias=True,
        names=NAMES,
    )
