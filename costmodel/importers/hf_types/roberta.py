"""RoBERTa: transformers' RobertaConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types.bert import encoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a RoBERTa: a BERT whose position table begins with the padding's rows, up to `pad_token_id`."""
    offset = fields.count("pad_token_id", 1, low=0) + 1
    return replace(encoder(fields, name, plain="RobertaModel"), position_offset=offset)
