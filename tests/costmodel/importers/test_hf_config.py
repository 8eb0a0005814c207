"""The config.json importer on files that no one vouches for: it returns a model or raises one clear line.

That what it reads is right, transformers says in tests/costmodel/zoo/test_serving_against_transformers.py.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costmodel.importers import hf_config
from costmodel.workload import Workload
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.serving import passes

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[2] / "golden" / "hf_configs.json").read_text())
LLAMA = CONFIGS["llama-3.2-1b"]
ODD: dict[str, dict[str, Any]] = {
    "falcon": {
        "model_type": "falcon", "vocab_size": 100, "n_embed": 32, "n_layer": 2, "n_head": 4, "alibi": False,
        "apply_residual_connection_post_layernorm": False, "multi_query": True, "parallel_attn": True, "bias": False,
    },
    "bloom": {
        "model_type": "bloom", "vocab_size": 100, "n_embed": 32, "n_layer": 2, "num_attention_heads": 4,
        "attention_softmax_in_fp32": True, "bias_dropout_fusion": True, "masked_softmax_fusion": True, "n_inner": None,
        "offset_alibi": 100, "pretraining_tp": 1, "seq_length": 2048, "skip_bias_add": True, "unk_token_id": 0,
    },
    "t5": {
        "model_type": "t5", "vocab_size": 100, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
        "n_positions": 12, "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": True,
        "dropout_rate": 0.1, "initializer_factor": 1.0, "is_encoder_decoder": True, "output_past": True,
        "relative_attention_max_distance": 128, "task_specific_params": {"summarization": {}},
    },
    "distilbert": {
        "model_type": "distilbert", "vocab_size": 100, "dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4,
        "max_position_embeddings": 40, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "tie_weights_": True,
    },
    "phi": {
        "model_type": "phi", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "embd_pdrop": 0.0, "resid_pdrop": 0.1, "qk_layernorm": False, "rope_theta": 1e4,
    },
    "qwen2_moe": {
        "model_type": "qwen2_moe", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "router_aux_loss_coef": 0.001,
        "shared_expert_intermediate_size": 40, "moe_intermediate_size": 20, "max_window_layers": 21,
    },
}  # fmt: skip
"""Configurations with the keys that published files of a type have."""


@pytest.fixture
def write(tmp_path):
    def to_file(content: Any, name: str = "config.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return to_file


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        hf_config.read(path)
    return str(caught.value)


def test_a_model_is_named_by_its_file_or_folder(write, tmp_path):
    assert hf_config.read(write(LLAMA, "tiny.json")).name == "tiny"
    assert hf_config.read(write(LLAMA)).name == tmp_path.name
    assert hf_config.read(str(write(LLAMA))).layers == 16


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"num_hidden_layers": None}, "num_hidden_layers must be an integer within 1..10000, got None"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be an integer within 1..10000, got 0"),
        ({"num_hidden_layers": -32}, "num_hidden_layers must be an integer within 1..10000, got -32"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers must be an integer within 1..10000, got 1000000000"),
        ({"hidden_size": 10**400}, "hidden_size must be an integer within 1..100000000, got 1000000"),
        ({"hidden_size": 2048.0}, "hidden_size must be an integer within 1..100000000, got 2048.0"),
        ({"hidden_size": "2048"}, "hidden_size must be an integer within 1..100000000, got '2048'"),
        ({"hidden_size": True}, "hidden_size must be an integer within 1..100000000, got True"),
        ({"hidden_size": [2048]}, "hidden_size must be an integer within 1..100000000, got [2048]"),
        ({"vocab_size": {"a": 1}}, "vocab_size must be an integer within 1..100000000, got {'a': 1}"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings must be true or false, got 'yes'"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings must be true or false, got 1"),
        ({"hidden_act": "golu"}, "hidden_act must be one of gelu, "),
        ({"model_type": "gemma2", "num_key_value_heads": None}, "num_key_value_heads must be an integer, got None"),
        ({"hidden_act": 3}, "hidden_act must be a short text, got 3"),
        ({"hidden_act": "si\nlu"}, "hidden_act must be a short text, got 'si\\nlu'"),
        ({"num_key_value_heads": 5}, "kv_heads must divide heads, got heads=32, kv_heads=5"),
        ({"num_attention_heads": 30, "head_dim": None}, "hidden_size must be a multiple of num_attention_heads (30)"),
        ({"model_type": None}, "model_type must be a short text, got None"),
        ({"model_type": ["llama"]}, "model_type must be a short text, got ['llama']"),
    ],
)
def test_a_field_out_of_place_is_named_with_its_value(write, change, complaint):
    path = write(LLAMA | change)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert complaint in message
    assert len(message) < 300


@pytest.mark.parametrize("key", ["model_type", "hidden_size", "vocab_size", "num_hidden_layers", "intermediate_size"])
def test_a_missing_field_is_named(write, key):
    path = write({k: v for k, v in LLAMA.items() if k != key})
    assert f"{path}: {key} must be " in refusal(path)
    assert refusal(path).endswith("it is missing")


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("qwen3-0.6b", {"layer_types": ["full_attention"]}, "layer_types must be a list of 28 among full_attention, "),
        ("qwen3-0.6b", {"layer_types": ["linear_attention"] * 28}, "layer_types must be a list of 28 among "),
        ("qwen3-0.6b", {"layer_types": [[]] * 28}, "layer_types must be a list of 28 among "),
        (
            "qwen3-30b-a3b",
            {"mlp_only_layers": [48]},
            "mlp_only_layers must be a list of integers within 0..47, got [48]",
        ),
        ("qwen3-30b-a3b", {"num_experts_per_tok": 129}, "experts_per_token must be within 1..experts, got 129 of 128"),
        ("mistral-7b", {"sliding_window": -1}, "sliding_window must be an integer within 0..100000000, got -1"),
        ("deepseek-v3", {"first_k_dense_replace": 62}, "first_k_dense_replace must be an integer within 0..61, got 62"),
        ("deepseek-v3", {"kv_lora_rank": None}, "kv_lora_rank must be an integer within 1..100000000, got None"),
        ("gpt2", {"n_head": 7}, "n_embd must be a multiple of n_head (7), got 768"),
        ("opt-125m", {"num_attention_heads": 7}, "hidden_size must be a multiple of num_attention_heads (7), got 768"),
        ("bert-base", {"num_attention_heads": 7}, "hidden_size must be a multiple of num_attention_heads (7), got 768"),
        ("whisper-tiny", {"decoder_attention_heads": 5}, "d_model must be a multiple of decoder_attention_heads (5)"),
    ],
)
def test_architectures_check_their_own_fields(write, name, change, complaint):
    assert complaint in refusal(write(CONFIGS[name] | change))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not valid JSON"),
        (b'{"model_type": "llama", "hidden_size": 20', "not valid JSON"),
        (b'{"hidden_size": NaN}', "not valid JSON: NaN is not a JSON number"),
        (b'{"hidden_size": -Infinity}', "not valid JSON: -Infinity is not a JSON number"),
        (b"\xff\xfe\x00{}", "not valid JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"hidden_size": ' + b"9" * 6000 + b"}", "not valid JSON: a number of 6000 digits, expected at most 4000"),
        (b"[1, 2]", "a config.json must be an object, got [1, 2]"),
        (b"null", "a config.json must be an object, got None"),
        (b'"llama"', "a config.json must be an object, got llama"),
        (b" " * 5_000_000, "must have at most 4000000 bytes"),
    ],
)
def test_what_is_no_json_object_is_refused(write, content, complaint):
    path = write(content)
    assert refusal(path).startswith(f"{path}: ")
    assert complaint in refusal(path)


def test_what_cannot_be_opened_is_refused(tmp_path):
    assert refusal(tmp_path / "nowhere.json").endswith("nowhere.json: no such file")
    assert refusal(tmp_path).endswith(": it is a directory, not a file")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").endswith("pipe: it is no regular file (a pipe, socket or device)")


def test_an_unknown_type_lists_what_is_known_and_another_way(write):
    for private in ("qwen4", "_decoder", "__init__", "costmodel", "../llama", "config_fields"):
        message = refusal(write(LLAMA | {"model_type": private}))
        assert f"unknown model_type {private!r}; transformers' own module can be given as torch:" in message
        assert "known: arcee, bert, " in message


def test_a_model_of_several_inputs_is_refused(write):
    message = refusal(write({"model_type": "llava", "text_config": LLAMA}))
    assert "model_type 'llava' is of a model of several kinds of input; take it from" in message


def test_a_vision_network_is_sent_elsewhere(write):
    message = refusal(write({"model_type": "vit", "image_size": 224, "hidden_size": 768}))
    assert "model_type 'vit' is of a vision network; take it from zoo:, torch: or onnx:" in message


def test_code_that_a_file_names_is_not_run(write, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("open('ran', 'w').write('x')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    model = hf_config.read(write(LLAMA | {"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}))
    assert model.layers == 16
    assert not model.uncounted
    assert not (tmp_path / "ran").exists()
    assert "evil" not in sys.modules


def test_no_framework_and_no_network_is_loaded(write):
    path = write(LLAMA)
    script = (
        "import sys; from costmodel.importers import hf_config; hf_config.read(sys.argv[1]);"
        "print(sorted({'torch', 'transformers', 'huggingface_hub', 'requests', 'urllib.request', 'socket'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_keys_that_no_one_understands_are_uncounted(write):
    more = {
        "quantization_config": {"quant_method": "higgs"},
        "mystery_heads": 4,
        "off": False,
        "nothing": None,
        "embedding_dropout": 0.3,
        "image_token_id": 5,
    }
    model = hf_config.read(write(LLAMA | more))
    told = "quantization_config (quant_method=higgs is not read; weights count at bf16 unless a precision is chosen)"
    assert model.uncounted == (told, "mystery_heads=4")
    assert passes(model).uncounted == model.uncounted


def test_uncounted_keys_stay_short_and_few(write):
    model = hf_config.read(write(LLAMA | {f"k{i}\n" + "x" * 500: "y" * 500 for i in range(200)}))
    assert len(model.uncounted) == 51
    assert model.uncounted[-1] == "and 150 keys more"
    assert all(len(entry) < 125 and entry.isprintable() for entry in model.uncounted)


@pytest.mark.parametrize(
    ("name", "change", "uncounted"),
    [
        ("bert-base", {"is_decoder": True}, ("is_decoder=True",)),
        ("bert-base", {"position_embedding_type": "relative_key"}, ("position_embedding_type=relative_key",)),
        ("gpt2", {"add_cross_attention": True}, ("add_cross_attention=True",)),
        ("deepseek-v2-lite", {"moe_layer_freq": 2}, ("moe_layer_freq=2",)),
        ("deepseek-v3", {}, ("num_nextn_predict_layers=1",)),
    ],
)
def test_parts_left_out_are_uncounted(write, name, change, uncounted):
    assert hf_config.read(write(CONFIGS[name] | change)).uncounted == uncounted


@pytest.mark.parametrize("name", ODD)
def test_every_key_of_published_files_is_understood(write, name):
    model = hf_config.read(write(ODD[name]))
    assert not model.uncounted
    assert model.d_model == 32


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("falcon", {"n_layer": 0}, "n_layer must be an integer within 1..10000, got 0"),
        ("falcon", {"n_embed": None}, "n_embed must be an integer within 1..100000000, got None"),
        ("falcon", {"num_ln_in_parallel_attn": 3}, "num_ln_in_parallel_attn must be an integer within 1..2, got 3"),
        ("bloom", {"num_attention_heads": 5}, "n_embed must be a multiple of num_attention_heads (5), got 32"),
        ("distilbert", {"dim": "32"}, "dim must be an integer within 1..100000000, got '32'"),
        ("distilbert", {"activation": "golu"}, "activation must be one of gelu, "),
        ("t5", {"feed_forward_proj": "gated-golu"}, "feed_forward_proj must be one of gated-gelu, "),
        ("t5", {"d_kv": -1}, "d_kv must be an integer within 1..100000000, got -1"),
    ],
)
def test_a_field_is_named_as_the_file_names_it(write, name, change, complaint):
    assert complaint in refusal(write(ODD[name] | change))


def test_gemma_s_caps_are_uncounted(write):
    gemma = LLAMA | {
        "model_type": "gemma2",
        "architectures": ["Gemma2ForCausalLM"],
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_act": "gelu_pytorch_tanh",
    }
    model = hf_config.read(write(gemma | {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}))
    assert model.uncounted == ("attn_logit_softcapping=50.0", "final_logit_softcapping=30.0")


def test_phi_turns_a_fraction_of_a_head(write):
    phi = LLAMA | {"model_type": "phi3"}
    whole, three_quarters = (
        hf_config.read(write(phi | more)) for more in ({}, {"rope_parameters": {"partial_rotary_factor": 0.75}})
    )
    assert (whole.rotary, three_quarters.rotary) == (1.0, 0.75)
    assert hf_config.read(write(phi | {"partial_rotary_factor": 0.5})).rotary == 0.5
    assert "partial_rotary_factor must be a number within 0..1, got 7" in refusal(
        write(phi | {"partial_rotary_factor": 7})
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
hostile = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def result_or_complaint(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a function returns, or the text of its ValueError; any other exception fails the test."""
    try:
        return function(*arguments, **options)
    except ValueError as error:
        return str(error)


def reads_or_refuses(path: Path) -> None:
    model = result_or_complaint(hf_config.read, path)
    if isinstance(model, str):
        assert model.isprintable()
        return
    assert isinstance(model, LanguageModel)
    if model.layers <= 64:
        workload = result_or_complaint(passes, model, context=4)
        assert isinstance(workload, Workload) or "has positions for" in workload


@hostile
@given(content=values)
def test_any_json_is_a_model_or_one_line(write, content):
    reads_or_refuses(write(content))


@hostile
@given(content=st.binary(max_size=200))
def test_any_bytes_are_one_line(write, content):
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z"):
        hf_config.read(write(content))


@hostile
@given(data=st.data(), name=st.sampled_from(sorted(CONFIGS | ODD)))
def test_a_real_config_with_fields_gone_astray_is_a_model_or_one_line(write, data, name):
    config = dict((CONFIGS | ODD)[name])
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), max_size=3)):
        config[key] = data.draw(values | st.integers(-2, 300), label=key)
    reads_or_refuses(write(config))


@hostile
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_config_is_one_line(write, share):
    text = json.dumps(LLAMA).encode()
    cut = int(share * len(text))
    with pytest.raises(ValueError, match="not valid JSON"):
        hf_config.read(write(text[:cut]))


def test_the_deepest_network_allowed_is_read_at_once(write):
    model = hf_config.read(write(LLAMA | {"num_hidden_layers": 10_000, "vocab_size": 10**8}))
    assert model.layers == 10_000
