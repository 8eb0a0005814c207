"""ModuleNames: what a model's modules are called, so that reports read like its code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModuleNames:
    """Module paths; those from `attention` on are relative to a layer, `layers`.i. The defaults are Llama's.

    `q_norm` and `k_norm` are relative to `attention`; `distances` is whole, a table that the attention of all layers
    reads.
    """

    embedding: str = "model.embed_tokens"
    positions: str = "model.embed_positions"
    token_types: str = "model.token_type_embeddings"
    embedding_norm: str = "model.embedding_norm"
    project_in: str = "model.project_in"
    project_out: str = "model.project_out"
    layers: str = "model.layers"
    final_norm: str = "model.norm"
    head: str = "lm_head"
    pooler: str = "pooler"
    attention: str = "self_attn"
    q: str = "self_attn.q_proj"
    k: str = "self_attn.k_proj"
    v: str = "self_attn.v_proj"
    qkv: str = "self_attn.qkv_proj"
    out: str = "self_attn.o_proj"
    q_norm: str = "q_norm"
    k_norm: str = "k_norm"
    distances: str = ""
    attention_norm: str = "input_layernorm"
    attention_post_norm: str = "post_attention_layernorm"
    cross: str = "encoder_attn"
    cross_norm: str = "encoder_attn_layer_norm"
    gate: str = "mlp.gate_proj"
    up: str = "mlp.up_proj"
    gate_up: str = "mlp.gate_up_proj"
    act: str = "mlp.act_fn"
    down: str = "mlp.down_proj"
    mlp_norm: str = "post_attention_layernorm"
    mlp_post_norm: str = "post_feedforward_layernorm"


LLAMA = ModuleNames()


def shared_experts(module: str, name: str) -> ModuleNames:
    """The projections of experts that every token takes, which `name` is of within a layer's `module`."""
    parts = {part: f"{module}.{name}.{part}_proj" for part in ("gate", "up", "down")}
    return ModuleNames(**parts, act=f"{module}.{name}.act_fn")
