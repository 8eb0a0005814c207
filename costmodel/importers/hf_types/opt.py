"""OPT: transformers' OPTConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.architectures.opt import opt
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OPT."""
    d_model = fields.count("hidden_size")
    heads = fields.count("num_attention_heads")
    if d_model % heads:
        fields.reject("hidden_size", f"a multiple of num_attention_heads ({heads})")
    return opt(
        name,
        d_model=d_model,
        layers=fields.count("num_hidden_layers", high=MAX_LAYERS),
        heads=heads,
        d_ff=fields.count("ffn_dim"),
        vocab=fields.count("vocab_size"),
        positions=fields.count("max_position_embeddings"),
        embedding_width=fields.count("word_embed_proj_dim", d_model),
        pre_norm=fields.flag("do_layer_norm_before", True),
        affine=fields.flag("layer_norm_elementwise_affine", True),
        final_norm=not fields.flag("_remove_final_layer_norm", False),
        bias=fields.flag("enable_bias", True),
        function=fields.choice("activation_function", ACTIVATIONS, "relu"),
        tied=fields.flag("tie_word_embeddings", True),
    )
