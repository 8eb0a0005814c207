"""The names that transformers gives to a model's modules, by architecture, so that reports read like the code."""

from dataclasses import dataclass, replace


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


LLAMA4 = ModuleNames(
    q_norm="qk_norm.q",
    k_norm="qk_norm.k",
    gate="feed_forward.gate_proj",
    up="feed_forward.up_proj",
    act="feed_forward.activation_fn",
    down="feed_forward.down_proj",
)

PHI = ModuleNames(
    final_norm="model.final_layernorm",
    out="self_attn.dense",
    q_norm="q_layernorm",
    k_norm="k_layernorm",
    up="mlp.fc1",
    act="mlp.activation_fn",
    down="mlp.fc2",
)

STABLELM = ModuleNames(q_norm="q_layernorm", k_norm="k_layernorm")

PHI3 = ModuleNames(act="mlp.activation_fn")

GLM4 = ModuleNames(
    act="mlp.activation_fn", attention_post_norm="post_self_attn_layernorm", mlp_post_norm="post_mlp_layernorm"
)

HUNYUAN = ModuleNames(q_norm="query_layernorm", k_norm="key_layernorm")

GEMMA2 = ModuleNames(mlp_norm="pre_feedforward_layernorm")

GEMMA3 = replace(
    GEMMA2,
    embedding="model.language_model.embed_tokens",
    layers="model.language_model.layers",
    final_norm="model.language_model.norm",
)

STARCODER2 = ModuleNames(up="mlp.c_fc", act="mlp.act", down="mlp.c_proj")

GPT_NEOX = ModuleNames(
    embedding="gpt_neox.embed_in",
    layers="gpt_neox.layers",
    final_norm="gpt_neox.final_layer_norm",
    attention="attention",
    qkv="attention.query_key_value",
    out="attention.dense",
    up="mlp.dense_h_to_4h",
    act="mlp.act",
    down="mlp.dense_4h_to_h",
)

BLOOM = replace(
    GPT_NEOX,
    embedding="transformer.word_embeddings",
    embedding_norm="transformer.word_embeddings_layernorm",
    layers="transformer.h",
    final_norm="transformer.ln_f",
    attention="self_attention",
    qkv="self_attention.query_key_value",
    out="self_attention.dense",
    act="mlp.gelu_impl",
)

FALCON = replace(BLOOM, act="mlp.act")

FALCON_TWO_NORMS = replace(FALCON, attention_norm="ln_attn", mlp_norm="ln_mlp")

MPT = ModuleNames(
    embedding="transformer.wte",
    layers="transformer.blocks",
    final_norm="transformer.norm_f",
    attention="attn",
    qkv="attn.Wqkv",
    out="attn.out_proj",
    attention_norm="norm_1",
    up="ffn.up_proj",
    act="ffn.act",
    down="ffn.down_proj",
    mlp_norm="norm_2",
)

GPT2 = ModuleNames(
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

GPTJ = replace(
    GPT2,
    q="attn.q_proj",
    k="attn.k_proj",
    v="attn.v_proj",
    out="attn.out_proj",
    up="mlp.fc_in",
    down="mlp.fc_out",
)

OPT = ModuleNames(
    embedding="model.decoder.embed_tokens",
    positions="model.decoder.embed_positions",
    project_in="model.decoder.project_in",
    project_out="model.decoder.project_out",
    layers="model.decoder.layers",
    final_norm="model.decoder.final_layer_norm",
    out="self_attn.out_proj",
    attention_norm="self_attn_layer_norm",
    up="fc1",
    act="activation_fn",
    down="fc2",
    mlp_norm="final_layer_norm",
)

BERT = ModuleNames(
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

ELECTRA = replace(BERT, project_in="embeddings_project")

DISTILBERT = replace(
    BERT,
    layers="transformer.layer",
    attention="attention",
    q="attention.q_lin",
    k="attention.k_lin",
    v="attention.v_lin",
    out="attention.out_lin",
    attention_norm="sa_layer_norm",
    up="ffn.lin1",
    act="ffn.activation",
    down="ffn.lin2",
    mlp_norm="output_layer_norm",
)

T5_ENCODER = ModuleNames(
    embedding="encoder.embed_tokens",
    layers="encoder.block",
    final_norm="encoder.final_layer_norm",
    attention="layer.0.SelfAttention",
    q="layer.0.SelfAttention.q",
    k="layer.0.SelfAttention.k",
    v="layer.0.SelfAttention.v",
    out="layer.0.SelfAttention.o",
    attention_norm="layer.0.layer_norm",
    distances="encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
    gate="layer.1.DenseReluDense.wi_0",
    up="layer.1.DenseReluDense.wi_1",
    act="layer.1.DenseReluDense.act",
    down="layer.1.DenseReluDense.wo",
    mlp_norm="layer.1.layer_norm",
)

T5 = replace(
    T5_ENCODER,
    embedding="shared",
    layers="decoder.block",
    final_norm="decoder.final_layer_norm",
    distances="decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
    cross="layer.1.EncDecAttention",
    cross_norm="layer.1.layer_norm",
    gate="layer.2.DenseReluDense.wi_0",
    up="layer.2.DenseReluDense.wi_1",
    act="layer.2.DenseReluDense.act",
    down="layer.2.DenseReluDense.wo",
    mlp_norm="layer.2.layer_norm",
)

WHISPER = replace(OPT, final_norm="model.decoder.layer_norm", head="proj_out")

WHISPER_ENCODER = replace(
    WHISPER,
    positions="model.encoder.embed_positions",
    layers="model.encoder.layers",
    final_norm="model.encoder.layer_norm",
)

CANARY = ModuleNames(
    embedding="transf_decoder.embedding.token_embedding",
    embedding_norm="transf_decoder.embedding.layer_norm",
    layers="transf_decoder.decoder.layers",
    final_norm="transf_decoder.decoder.final_layer_norm",
    head="log_softmax.mlp.layer0",
    attention="first_sub_layer",
    q="first_sub_layer.query_net",
    k="first_sub_layer.key_net",
    v="first_sub_layer.value_net",
    out="first_sub_layer.out_projection",
    attention_norm="layer_norm_1",
    cross="second_sub_layer",
    cross_norm="layer_norm_2",
    up="third_sub_layer.dense_in",
    act="third_sub_layer.act_fn",
    down="third_sub_layer.dense_out",
    mlp_norm="layer_norm_3",
)
