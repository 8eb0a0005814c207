"""OpenELM 270M, 450M, 1.1B and 3B: attention and MLP widen from the first layer to the last.

Mehta et al., OpenELM, arXiv 2404.14619; shapes are those of apple/corenet's
corenet/modeling/models/language_modeling/general_gpt.py.
"""

from functools import partial

import numpy as np

from costmodel.claim import Claim
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.serving import forward
from costmodel.zoo._mbconv import round_channels
from costmodel.zoo._member import member

VOCAB = 32_000
QUERY_GROUPS = 4
NAMES = ModuleNames(
    embedding="transformer.token_embeddings", layers="transformer.layers", final_norm="transformer.norm",
    attention="attn", qkv="attn.qkv_proj", out="attn.out_proj", attention_norm="attn_norm", mlp_norm="ffn_norm",
    gate_up="ffn.proj_1", act="ffn.act", down="ffn.proj_2",
)  # fmt: skip


def _shape(name: str, layers: int, d_model: int, head_dim: int) -> LanguageModel:
    blocks = tuple(
        _block(d_model, head_dim, round(queries, 2), round(widths, 2))
        for queries, widths in zip(np.linspace(0.5, 1.0, layers), np.linspace(0.5, 4.0, layers), strict=True)
    )
    return LanguageModel(name, VOCAB, d_model, blocks, tied=True, names=NAMES)


def _block(d_model: int, head_dim: int, queries: float, widths: float) -> Block:
    """A layer with `queries` times d_model query elements and an MLP `widths` times as wide, rounded to multiples."""
    heads = round_channels(d_model * queries, divisor=QUERY_GROUPS * head_dim) // head_dim
    attention = Attention(heads, heads // QUERY_GROUPS, head_dim, fused=True, qk_norm="rms")
    return Block(attention, Mlp(round_channels(d_model * widths, divisor=256), fused=True))


MODELS = {
    model.name: model
    for model in (
        _shape("openelm-270m", 16, 1280, 64),
        _shape("openelm-450m", 20, 1536, 64),
        _shape("openelm-1.1b", 28, 2048, 64),
        _shape("openelm-3b", 36, 3072, 128),
    )
}


def openelm(name: str) -> LanguageModel:
    """Return a member by the part of its name after "openelm-", as in openelm("1.1b")."""
    return member("openelm", MODELS, name)


def params(model: LanguageModel) -> float:
    """Stored parameters, a shared table once."""
    return float(sum(op.params for op in forward(model, 1, 1).ops))


def _millions(name: str) -> float:
    return params(MODELS[name]) / 1e6


CLAIMS = tuple(
    Claim("KV Prediction", f"params-{name}", f"parameters of {name} with 32k tokens, millions",
          "apple/corenet, general_gpt.py, summed", "analytic", millions, partial(_millions, name),
          rtol=2e-5, how="evaluated")
    for name, millions in (("openelm-270m", 271.53), ("openelm-450m", 457.18), ("openelm-1.1b", 1079.89))
)  # fmt: skip
