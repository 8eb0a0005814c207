"""Whisper: transformers' WhisperConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.architectures.whisper import whisper
from costmodel.workload.language_model import LanguageModel

HEADS = {"Model": bare, "ForConditionalGeneration": as_read}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Whisper with its head for transcription."""
    d_model = fields.count("d_model")
    for key in ("encoder_attention_heads", "decoder_attention_heads"):
        if d_model % fields.count(key):
            fields.reject("d_model", f"a multiple of {key} ({fields.count(key)})")
    return whisper(
        name,
        d_model=d_model,
        encoder_layers=fields.count("encoder_layers", high=MAX_LAYERS),
        encoder_heads=fields.count("encoder_attention_heads"),
        encoder_d_ff=fields.count("encoder_ffn_dim"),
        decoder_layers=fields.count("decoder_layers", high=MAX_LAYERS),
        decoder_heads=fields.count("decoder_attention_heads"),
        decoder_d_ff=fields.count("decoder_ffn_dim"),
        vocab=fields.count("vocab_size"),
        mel_bins=fields.count("num_mel_bins", 80),
        source_positions=fields.count("max_source_positions", 1500),
        target_positions=fields.count("max_target_positions", 448),
        function=fields.choice("activation_function", ACTIVATIONS, "gelu"),
        tied=fields.flag("tie_word_embeddings", True),
    )
