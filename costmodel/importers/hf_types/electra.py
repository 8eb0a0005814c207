"""ELECTRA: transformers' ElectraConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types._heads import as_read, classes
from costmodel.importers.hf_types.bert import encoder
from costmodel.workload.architectures import bert
from costmodel.workload.language_model import LanguageModel, Transform

NAMES = replace(bert.NAMES, project_in="embeddings_project")

FIRST = Transform("classifier.dense", "gelu")
HEADS = {
    "Model": as_read,
    "ForSequenceClassification": classes("classifier.out_proj", tokens="one", transform=FIRST),
    "ForTokenClassification": classes("classifier"),
    "ForQuestionAnswering": classes("qa_outputs"),
    "ForMultipleChoice": classes(
        "classifier", count=1, tokens="one", transform=Transform("sequence_summary.summary", "gelu")
    ),
    "ForPreTraining": lambda model, labels: classes(
        "discriminator_predictions.dense_prediction",
        count=1,
        transform=Transform("discriminator_predictions.dense", model.blocks[0].mlp.function),
    )(model, labels),
}


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an ELECTRA: a BERT without a pooler, whose embeddings may be narrower than its layers."""
    model = replace(encoder(fields, name), pooler=False, names=NAMES)
    width = fields.count("embedding_size", 128)
    within = width != model.d_model
    return replace(model, embedding_width=width if within else 0, embedding_within=within)
