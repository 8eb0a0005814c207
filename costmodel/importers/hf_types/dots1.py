"""dots.llm1: transformers' Dots1Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a dots.llm1: dense layers, then experts and shared ones; norms of each head's query and key."""
    depth, mlp, bias = _decoder.layers(fields), _decoder.mlp(fields), _decoder.biased(fields)
    width = fields.count("moe_intermediate_size", 1408)
    dense = fields.count("first_k_dense_replace", 0, low=0, high=depth)
    size = _decoder.window(fields) if "sliding_window" in fields.values else 4096
    until = fields.count("max_window_layers", 62, low=0)
    moe = Moe(
        experts=fields.count("n_routed_experts"),
        experts_per_token=fields.count("num_experts_per_tok"),
        d_ff=width,
        function=mlp.function,
        shared_d_ff=width * fields.count("n_shared_experts", 0, low=0, high=MAX_LAYERS),
        router_correction=True,
    )
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=32, bias=bias, qk_norm="rms"),
        mlps=[mlp] * dense + [moe] * (depth - dense),
        windows=_decoder.windows(fields, depth, size=size, default=[i >= until for i in range(depth)]),
    )
