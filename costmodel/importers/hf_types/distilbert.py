"""DistilBERT: transformers' DistilBertConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types._heads import as_read, classes, masked
from costmodel.importers.hf_types.bert import encoder
from costmodel.workload.architectures import bert
from costmodel.workload.language_model import LanguageModel, Transform

NAMES = replace(
    bert.NAMES,
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

FIRST = Transform("pre_classifier", "relu")
HEADS = {
    "Model": as_read,
    "ForMaskedLM": masked("vocab_projector", "vocab_transform", "vocab_layer_norm"),
    "ForSequenceClassification": classes("classifier", tokens="one", transform=FIRST),
    "ForTokenClassification": classes("classifier"),
    "ForQuestionAnswering": classes("qa_outputs"),
    "ForMultipleChoice": classes("classifier", count=1, tokens="one", transform=FIRST),
}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a DistilBERT: a BERT without token types and pooler; positions that are sines are stored as well."""
    fields.accept("sinusoidal_pos_embds", True)
    fields.accept("tie_weights_", True)
    fields = fields.named(
        hidden_size="dim", num_hidden_layers="n_layers", num_attention_heads="n_heads", intermediate_size="hidden_dim",
        hidden_act="activation",
    )  # fmt: skip
    return replace(encoder(fields, name), token_types=0, pooler=False, names=NAMES)
