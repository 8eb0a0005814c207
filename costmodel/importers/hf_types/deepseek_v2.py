"""DeepSeek-V2: transformers' DeepseekV2Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.architectures.deepseek import deepseek
from costmodel.workload.attention_shapes import LatentAttention
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a DeepSeek-V2."""
    return latent_decoder(fields, name, router_correction=False)


def latent_decoder(fields: ConfigFields, name: str, *, router_correction: bool) -> LanguageModel:
    """Read latent attention, the first dense layers, and the experts of the others."""
    depth, heads = _decoder.layers(fields), fields.count("num_attention_heads")
    fields.accept("num_key_value_heads", heads)
    fields.accept("moe_layer_freq", 1)
    fields.accept("head_dim", fields.values.get("qk_rope_head_dim"))
    attention = LatentAttention(
        heads,
        q_lora_rank=fields.count("q_lora_rank", 0, low=0),
        kv_lora_rank=fields.count("kv_lora_rank"),
        nope_dim=fields.count("qk_nope_head_dim"),
        rope_dim=fields.count("qk_rope_head_dim"),
        value_dim=fields.count("v_head_dim"),
        bias=fields.flag("attention_bias", False),
    )
    mlp = _decoder.mlp(fields, bias=fields.flag("mlp_bias", False))
    width = fields.count("moe_intermediate_size")
    moe = Moe(
        experts=fields.count("n_routed_experts"),
        experts_per_token=fields.count("num_experts_per_tok"),
        d_ff=width,
        function=mlp.function,
        shared_d_ff=width * fields.count("n_shared_experts", 0, low=0, high=MAX_LAYERS),
        shared_bias=mlp.bias,
        router_correction=router_correction,
    )
    return deepseek(
        name,
        vocab=fields.count("vocab_size"),
        d_model=fields.count("hidden_size"),
        layers=depth,
        dense_layers=fields.count("first_k_dense_replace", 0, low=0, high=depth),
        attention=attention,
        mlp=mlp,
        moe=moe,
        tied=fields.flag("tie_word_embeddings", False),
    )
