"""DistilBERT: transformers' DistilBertConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types.bert import encoder
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.module_names import DISTILBERT


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a DistilBERT: a BERT without token types and pooler; positions that are sines are stored as well."""
    fields.accept("sinusoidal_pos_embds", True)
    fields.accept("tie_weights_", True)
    fields = fields.named(
        hidden_size="dim", num_hidden_layers="n_layers", num_attention_heads="n_heads", intermediate_size="hidden_dim",
        hidden_act="activation",
    )  # fmt: skip
    return replace(encoder(fields, name, plain="DistilBertModel"), token_types=0, pooler=False, names=DISTILBERT)
