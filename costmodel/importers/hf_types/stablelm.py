"""StableLM: transformers' StableLmConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(q_norm="q_layernorm", k_norm="k_layernorm")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a StableLM: layer norms, a quarter of a head turns; norms of queries and keys have weights a head."""
    depth = _decoder.layers(fields)
    bias = "qkv" if fields.flag("use_qkv_bias", False) else ""
    qk_norm = "layer" if fields.flag("qk_layernorm", False) else ""
    parallel = fields.flag("use_parallel_residual", False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=32, bias=bias, qk_norm=qk_norm, qk_norm_whole=True),
        mlps=[_decoder.mlp(fields)] * depth,
        norm=Norm("layer", "parallel" if parallel else "pre"),
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.25),
        names=NAMES,
    )
