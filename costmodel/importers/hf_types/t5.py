"""T5, T5 v1.1 and FLAN-T5: transformers' T5Config."""

from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.importers.hf_types._heads import as_read, bare, classes
from costmodel.workload.architectures.t5 import t5
from costmodel.workload.language_model import LanguageModel, TextEncoder, Transform

GATED = "gated-"
COSTLESS = (
    "is_gated_act", "dense_act_fn", "output_past", "initializer_factor", "relative_attention_max_distance",
    "scale_decoder_outputs",
)  # fmt: skip
"""Keys that repeat others, start training, or set constants; the factor of the outputs is one of the head's weights."""


def _encoder(model: LanguageModel, _: int = 0) -> LanguageModel:
    """The encoder alone, with the token table as its own."""
    assert isinstance(model.encoder, TextEncoder)
    names = replace(model.encoder.names, embedding=model.names.embedding)
    return replace(model, blocks=model.encoder.blocks, encoder=None, causal=False, head=False, names=names)


HEADS = {
    "Model": bare,
    "EncoderModel": _encoder,
    "ForConditionalGeneration": as_read,
    "LMHeadModel": as_read,
    "ForSequenceClassification": classes(
        "classification_head.out_proj", tokens="one", transform=Transform("classification_head.dense", "tanh")
    ),
    "ForTokenClassification": lambda model, labels: classes("classifier")(_encoder(model), labels),
    "ForQuestionAnswering": classes("qa_outputs"),
}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a T5; its encoder reads `n_positions` tokens, the 512 of its training where the file does not say.

    The head stores a table of its own where `tie_word_embeddings` is false, as the checkpoints of T5 v1.1 do
    (transformers 5 ties it all the same).
    """
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    functions = ACTIVATIONS | {f"{GATED}{key}": value for key, value in ACTIVATIONS.items()}
    layers = fields.count("num_layers", 6, high=MAX_LAYERS)
    return t5(
        name,
        d_model=fields.count("d_model"),
        encoder_layers=layers,
        decoder_layers=fields.count("num_decoder_layers", layers, high=MAX_LAYERS),
        heads=fields.count("num_heads"),
        head_dim=fields.count("d_kv", 64),
        d_ff=fields.count("d_ff"),
        vocab=fields.count("vocab_size"),
        buckets=fields.count("relative_attention_num_buckets", 32),
        source_positions=fields.count("n_positions", 512),
        function=fields.choice("feed_forward_proj", functions, "relu"),
        gated=fields.text("feed_forward_proj", "relu").startswith(GATED),
        tied=fields.flag("tie_word_embeddings", True),
    )
