"""gpt-oss: transformers' GptOssConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a gpt-oss: experts with biases in every layer, a learned score a head, windows in every other layer.

    The experts' function is x sigmoid(1.702 x); that its input is cut off before is not counted.
    """
    depth = _decoder.layers(fields)
    for key in ("swiglu_alpha", "swiglu_limit", "initial_context_length", "experts_per_token"):
        fields.accept(key, fields.values.get(key))
    fields.accept("hidden_act", "silu")
    bias = _decoder.biased(fields, default=True)
    moe = Moe(
        experts=fields.count("num_local_experts", fields.count("num_experts", 128)),
        experts_per_token=fields.count("num_experts_per_tok", 4),
        d_ff=fields.count("intermediate_size"),
        function="quick_gelu",
        bias=True,
        router="mlp.router",
    )
    size = fields.count("sliding_window", 128, low=0)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, head_dim=64, bias=bias, sinks=True),
        mlps=[moe] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[i % 2 == 0 for i in range(depth)]),
    )
