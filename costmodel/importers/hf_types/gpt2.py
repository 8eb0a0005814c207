"""GPT-2: transformers' GPT2Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.architectures.gpt2 import gpt2
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GPT-2; cross-attention (`add_cross_attention`) is uncounted."""
    d_model = fields.count("n_embd")
    heads = fields.count("n_head")
    if d_model % heads:
        fields.reject("n_embd", f"a multiple of n_head ({heads})")
    return gpt2(
        name,
        d_model=d_model,
        layers=fields.count("n_layer", high=MAX_LAYERS),
        heads=heads,
        vocab=fields.count("vocab_size"),
        positions=fields.count("n_positions"),
        d_ff=fields.count("n_inner", 4 * d_model),
        function=fields.choice("activation_function", ACTIVATIONS, "gelu_new"),
        tied=fields.flag("tie_word_embeddings", True),
    )
