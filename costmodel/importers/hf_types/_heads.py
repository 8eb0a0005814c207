"""What transformers' classes of a model have on top, by the part of their name behind the model's.

A family whose heads are not a decoder's has its own `HEADS`: {part: edit}, where an edit takes the model as its file
reads it and the number of labels. Read from transformers' modeling files and modeling_layers.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType

from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.workload.language_model import Classifier, LanguageModel, Transform

Edit = Callable[[LanguageModel, int], LanguageModel]
CLASS = re.compile(r"(\w+?)(For[A-Z]\w*|LMHeadModel|DoubleHeadsModel|EncoderModel|Model)")


def as_read(model: LanguageModel, _: int = 0) -> LanguageModel:
    """The model with the head that its file reads."""
    return model


def bare(model: LanguageModel, _: int = 0) -> LanguageModel:
    """The model without a head."""
    return replace(model, head=False)


def classes(
    name: str,
    *,
    bias: bool = True,
    tokens: str = "all",
    count: int = 0,
    pooler: bool = False,
    transform: Transform | None = None,
) -> Edit:
    """A linear layer to `count` classes, as many as labels where 0, instead of a head; fields as of Classifier."""

    def edit(model: LanguageModel, labels: int) -> LanguageModel:
        found = Classifier(name, count or labels, bias=bias, tokens=tokens)
        return replace(bare(model), pooler=pooler, classifier=found, transform=transform)

    return edit


def masked(head: str, dense: str, norm: str, function: str = "") -> Edit:
    """A masked language model's head: a transform, by the model's own activation unless named, and biased logits."""

    def edit(model: LanguageModel, _: int) -> LanguageModel:
        transform = Transform(dense, function or model.blocks[0].mlp.function, norm)
        names = replace(model.names, head=head)
        return replace(model, head=True, head_bias=True, pooler=False, transform=transform, names=names)

    return edit


DECODER: Mapping[str, Edit] = {
    "Model": bare,
    "ForCausalLM": as_read,
    "LMHeadModel": as_read,
    "ForSequenceClassification": classes("score", bias=False, tokens="asked"),
    "ForTokenClassification": classes("score"),
    "ForQuestionAnswering": classes("qa_outputs", count=2),
}


def headed(model: LanguageModel, fields: ConfigFields, family: ModuleType) -> LanguageModel:
    """Return the model as the first of `architectures` has it; as it is where the file names none.

    One whose head no edit knows is without a head, and uncounted by its name; so is a class of another model.
    """
    labels = _labels(fields)
    named = fields.values.get("architectures")
    if named in (None, []):
        return model
    if not isinstance(named, list) or not isinstance(named[0], str):
        fields.reject("architectures", "a list of class names")
    heads: Mapping[str, Edit] = getattr(family, "HEADS", DECODER)
    owner, part = _parts(named[0])
    model_type = re.sub("[-_]", "", fields.text("model_type"))
    own = owner in (model_type, model_type.removesuffix("text"))
    edit = heads.get(part) if own or part != "Model" else None
    if edit is None:
        unknown = f"architecture {shortened(named[0])}, counted without a head"
        return replace(bare(model), pooler=False, uncounted=(*model.uncounted, unknown))
    found = edit(model, labels)
    foreign = f"architecture {shortened(named[0])}, counted as {fields.text('model_type')}'s {part}"
    return found if own else replace(found, uncounted=(*found.uncounted, foreign))


def _parts(name: str) -> tuple[str, str]:
    """The model in small letters and what a class's name says behind it."""
    found = CLASS.fullmatch(name)
    return (found[1].lower().removesuffix("with"), found[2]) if found else ("", "")


def _labels(fields: ConfigFields) -> int:
    """The number of labels: 2 unless the file says it or lists them, as in transformers' PreTrainedConfig."""
    listed = fields.values.get("id2label")
    return fields.count("num_labels", len(listed) if isinstance(listed, dict) and listed else 2)
