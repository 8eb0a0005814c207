"""XLM-RoBERTa: transformers' XLMRobertaConfig."""

from costmodel.importers.hf_types.roberta import HEADS, language_model

__all__ = ["HEADS", "language_model"]
