"""RoBERTa: transformers' RobertaConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types._heads import classes, masked
from costmodel.importers.hf_types.bert import POOLED, encoder
from costmodel.workload.language_model import LanguageModel, Transform

MASKED = masked("lm_head.decoder", "lm_head.dense", "lm_head.layer_norm", "gelu")
HEADS = POOLED | {
    "ForMaskedLM": MASKED,
    "ForCausalLM": MASKED,
    "ForSequenceClassification": classes(
        "classifier.out_proj", tokens="one", transform=Transform("classifier.dense", "tanh")
    ),
}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a RoBERTa: a BERT whose position table begins with the padding's rows, up to `pad_token_id`."""
    offset = fields.count("pad_token_id", 1, low=0) + 1
    return replace(encoder(fields, name), position_offset=offset)
