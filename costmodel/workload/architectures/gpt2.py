"""GPT-2 and GPT-3."""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    embedding="transformer.wte",
    positions="transformer.wpe",
    layers="transformer.h",
    final_norm="transformer.ln_f",
    attention="attn",
    qkv="attn.c_attn",
    out="attn.c_proj",
    attention_norm="ln_1",
    up="mlp.c_fc",
    act="mlp.act",
    down="mlp.c_proj",
    mlp_norm="ln_2",
)


def gpt2(
    name: str,
    *,
    d_model: int,
    layers: int,
    heads: int,
    vocab: int = 50257,
    positions: int = 1024,
    head_dim: int = 0,
    d_ff: int = 0,
    function: str = "gelu",
    tied: bool = True,
) -> LanguageModel:
    """Return a GPT-2: layer norms before each sublayer, learned positions, one projection for q, k and v.

    `head_dim` is d_model / heads and `d_ff` 4 d_model where 0. Radford et al., Language Models are Unsupervised
    Multitask Learners, 2019, section 2.3; transformers' modeling_gpt2.py.
    """
    attention = Attention(heads, heads, head_dim or d_model // heads, bias="qkvo", fused=True)
    mlp = Mlp(d_ff or 4 * d_model, function, gated=False, bias=True)
    return LanguageModel(
        name,
        vocab,
        d_model,
        (Block(attention, mlp),) * layers,
        norm=Norm("layer"),
        positions=positions,
        rotary=0.0,
        tied=tied,
        names=NAMES,
    )
