"""StarCoder and SantaCoder: transformers' GPTBigCodeConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import gpt2
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a StarCoder: a GPT-2 whose heads share keys and values."""
    for key in (
        "attention_softmax_in_fp32",
        "scale_attention_softmax_in_fp32",
        "inference_runner",
        "num_key_value_heads",
    ):
        fields.accept(key, fields.values.get(key))
    model, shared = gpt2.language_model(fields, name), fields.flag("multi_query", True)
    blocks = []
    for block in model.blocks:
        assert isinstance(block.attention, Attention)
        heads = block.attention.heads
        blocks.append(replace(block, attention=replace(block.attention, kv_heads=1 if shared else heads)))
    return replace(model, blocks=tuple(blocks))
