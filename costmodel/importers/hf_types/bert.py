"""BERT: transformers' BertConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.importers.hf_types._heads import as_read, classes, masked
from costmodel.workload.architectures.bert import bert
from costmodel.workload.language_model import LanguageModel

MASKED = masked("cls.predictions.decoder", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm")
NEXT_SENTENCE = classes("cls.seq_relationship", count=2, tokens="one", pooler=True)
POOLED = {
    "Model": as_read,
    "ForTokenClassification": classes("classifier"),
    "ForQuestionAnswering": classes("qa_outputs"),
    "ForMultipleChoice": classes("classifier", count=1, tokens="one", pooler=True),
}
"""What RoBERTa's classes have too."""
HEADS = POOLED | {
    "ForMaskedLM": MASKED,
    "LMHeadModel": MASKED,
    "ForNextSentencePrediction": NEXT_SENTENCE,
    "ForPreTraining": lambda model, labels: replace(
        MASKED(model, labels), pooler=True, classifier=NEXT_SENTENCE(model, labels).classifier
    ),
    "ForSequenceClassification": classes("classifier", tokens="one", pooler=True),
}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a BERT."""
    return encoder(fields, name)


def encoder(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an encoder and its pooler, and whether a masked language model's logits share the token table."""
    d_model = fields.count("hidden_size")
    heads = fields.count("num_attention_heads")
    if d_model % heads:
        fields.reject("hidden_size", f"a multiple of num_attention_heads ({heads})")
    fields.accept("position_embedding_type", "absolute")
    model = bert(
        name,
        d_model=d_model,
        layers=fields.count("num_hidden_layers", high=MAX_LAYERS),
        heads=heads,
        d_ff=fields.count("intermediate_size"),
        vocab=fields.count("vocab_size"),
        positions=fields.count("max_position_embeddings"),
        token_types=fields.count("type_vocab_size", 2),
        function=fields.choice("hidden_act", ACTIVATIONS, "gelu"),
    )
    return replace(model, tied=fields.flag("tie_word_embeddings", True))
