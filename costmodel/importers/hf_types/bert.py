"""BERT: transformers' BertConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields, shortened
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.architectures.bert import bert
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a BERT."""
    return encoder(fields, name, plain="BertModel")


def encoder(fields: ConfigFields, name: str, *, plain: str) -> LanguageModel:
    """Read an encoder and its pooler; a head on top, where `architectures` names another than `plain`, is uncounted."""
    d_model = fields.count("hidden_size")
    heads = fields.count("num_attention_heads")
    if d_model % heads:
        fields.reject("hidden_size", f"a multiple of num_attention_heads ({heads})")
    fields.accept("position_embedding_type", "absolute")
    fields.accept("tie_word_embeddings", True)
    heads_on_top = fields.values.get("architectures")
    named = heads_on_top if isinstance(heads_on_top, list) else []
    return bert(
        name,
        d_model=d_model,
        layers=fields.count("num_hidden_layers", high=MAX_LAYERS),
        heads=heads,
        d_ff=fields.count("intermediate_size"),
        vocab=fields.count("vocab_size"),
        positions=fields.count("max_position_embeddings"),
        token_types=fields.count("type_vocab_size", 2),
        function=fields.choice("hidden_act", ACTIVATIONS, "gelu"),
        uncounted=tuple(f"head of {shortened(head)}" for head in named[:1] if head != plain),
    )
