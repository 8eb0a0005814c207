"""What the classes that `architectures` names have on top, against transformers' own of them on the meta device."""

import importlib
import json

import pytest
import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers_oracle import BATCH, flops, parameters

from costmodel.importers import hf_config
from costmodel.workload.serving import decode, forward, passes, prefill

TOKENS = 9
SMALL = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
GROUPED = SMALL | {"num_key_value_heads": 2}
ENCODER = SMALL | {"max_position_embeddings": 40, "pad_token_id": 1}
EXPERTS = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
GPT = {"vocab_size": 97, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 40}
OPT = {"vocab_size": 97, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
DISTILBERT = {"vocab_size": 97, "dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}
T5 = {"vocab_size": 97, "d_model": 32, "d_ff": 48, "num_heads": 4, "d_kv": 8, "num_layers": 2, "n_positions": TOKENS}
LABELS = {"id2label": {str(i): f"L{i}" for i in range(5)}}
CASES = {
    "llama": GROUPED,
    "mistral": GROUPED,
    "qwen3_moe": GROUPED | EXPERTS,
    "falcon": {k: v for k, v in SMALL.items() if k != "intermediate_size"},
    "bloom": {"vocab_size": 97, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gemma3_text": GROUPED | {"head_dim": 8},
    "gpt_neox": SMALL,
    "gpt2": GPT,
    "opt": OPT | {"word_embed_proj_dim": 16, "max_position_embeddings": 40},
    "bert": ENCODER,
    "roberta": ENCODER,
    "electra": ENCODER | {"embedding_size": 24},
    "distilbert": DISTILBERT | {"max_position_embeddings": 40},
    "t5": T5 | {"feed_forward_proj": "gated-gelu"},
}
OTHERS = (
    "GPT2DoubleHeadsModel",
    "ElectraForMaskedLM",
    "ElectraForCausalLM",
    "Gemma3Model",
    "Gemma3ForConditionalGeneration",
    "Gemma3ForSequenceClassification",
)
TWO_LABELS = ("ForQuestionAnswering",)
NOT_ON_META = ("T5ForSequenceClassification", "MultipleChoice", "GPT2")
"""Classes whose forward asks what tokens are, or for tokens of another shape."""


def classes(model_type):
    folder = model_type.removesuffix("_text")
    names = importlib.import_module(f"transformers.models.{folder}.modeling_{folder}").__all__
    return [n for n in names if not n.endswith(("PreTrainedModel", "Layer")) and n not in OTHERS]


LIKE_LLAMA = ("qwen3_moe", "falcon", "gemma3_text", "gpt_neox")
NAMED = [
    pytest.param(model_type, name, id=name, marks=pytest.mark.long if model_type in LIKE_LLAMA else ())
    for model_type in CASES
    for name in classes(model_type)
]


def config(model_type, name):
    labels = {} if name.endswith(TWO_LABELS) else LABELS
    return CASES[model_type] | labels | {"model_type": model_type, "architectures": [name]}


@pytest.fixture
def read(tmp_path):
    def of(fields):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(fields))
        return hf_config.read(path)

    return of


@pytest.mark.parametrize(("model_type", "name"), NAMED)
def test_every_class_of_a_family_equals_transformers(read, model_type, name):
    fields = config(model_type, name)
    settings = CONFIG_MAPPING[model_type](**{k: v for k, v in fields.items() if k != "model_type"})
    settings._attn_implementation, settings._experts_implementation = "eager", "batched_mm"
    with torch.device("meta"):
        net = getattr(transformers, name)(settings).eval()
        ids = torch.ones(BATCH, TOKENS, dtype=torch.long)
    model = read(fields)
    workload = forward(model, BATCH, TOKENS)
    assert model.uncounted == ()
    assert sum(op.params for op in workload.ops) == parameters(net)
    if not any(part in name for part in NOT_ON_META):
        net.config.pad_token_id = None  # the last token is the last, which transformers allows of one sequence
        batch = 1 if name.endswith("ForSequenceClassification") else BATCH
        more = {"decoder_input_ids": ids[:batch]} if model.encoder else {}
        counted = sum(op.flops for op in forward(model, batch, TOKENS).ops)
        assert counted == flops(net, input_ids=ids[:batch], **more)[0]


def test_an_embedding_model_has_no_head(read):
    base, writes = (read(config("mistral", name)) for name in ("MistralModel", "MistralForCausalLM"))
    params = [sum(op.params for op in forward(model).ops) for model in (base, writes)]
    assert params[1] - params[0] == 97 * 32
    assert passes(base).phase == "forward"
    assert passes(base, phase="training").phase == "training"
    with pytest.raises(ValueError, match=r"has no head that writes tokens: its phase is forward, prefill or training"):
        decode(base)


def test_a_classifier_of_sequences_reads_the_last_token_alone_in_a_prefill(read):
    model = read(config("llama", "LlamaForSequenceClassification"))
    assert [prefill(model, 2, 8).op("score").m, forward(model, 2, 8).op("score").m] == [2, 16]
    assert prefill(read(config("llama", "LlamaForTokenClassification")), 2, 8).op("score").m == 16


def test_labels_are_those_that_the_file_says_or_lists(read):
    fields = config("llama", "LlamaForSequenceClassification")
    widths = [
        forward(read({k: v for k, v in fields.items() if k != "id2label"} | change)).op("score").n
        for change in ({}, {"num_labels": 7}, LABELS)
    ]
    assert widths == [2, 7, 5]


@pytest.mark.parametrize("named", ["LlamaModel", [7], {}, 3])
def test_architectures_that_are_no_names_are_refused(read, named):
    with pytest.raises(ValueError, match="architectures must be a list of class names, got "):
        read(config("llama", "LlamaModel") | {"architectures": named})


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("mistral", "MistralModelOfAnotherKind"),
        ("mistral", "LlamaModel"),
        ("qwen3_moe", "Qwen3MoeForRewardModel"),
        ("gpt2", "GPT2DoubleHeadsModel"),
    ],
)
def test_an_unknown_class_is_uncounted_by_its_name(read, model_type, name):
    model = read(config(model_type, name))
    assert model.uncounted == (f"architecture {name}, counted without a head",)
    assert not model.head


def test_a_class_of_another_model_is_told(read):
    model = read(config("llama", "MysteryForCausalLM"))
    assert model.uncounted == ("architecture MysteryForCausalLM, counted as llama's ForCausalLM",)
    assert model.head
    assert read(config("t5", "T5WithLMHeadModel")).uncounted == ()


def test_without_architectures_a_decoder_writes_and_an_encoder_pools(read):
    fields = {"architectures": None}
    assert read(config("llama", "LlamaModel") | fields).head
    assert read(config("bert", "BertModel") | fields).pooler
