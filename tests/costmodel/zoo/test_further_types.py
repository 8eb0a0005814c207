"""Further model types against transformers' own modules on the meta device: parameters, FLOPs and linear layers."""

import json

import pytest
import torch
import transformers_oracle as oracle
from transformers_oracle import BATCH, flops, inputs, network, parameters

from costmodel.estimators.estimate import estimate
from costmodel.hardware import gpu
from costmodel.importers import hf_config
from costmodel.workload.serving import decode, forward, passes, prefill

SMALL = oracle.SMALL | {"pad_token_id": 0}
ENCODER = {k: v for k, v in SMALL.items() if k != "num_key_value_heads"} | {"max_position_embeddings": 40}
GPT = {"vocab_size": 97, "n_positions": 40, "n_embd": 32, "n_layer": 2, "n_head": 4}
CASES = {
    "granite": SMALL | {"embedding_multiplier": 12, "logits_scaling": 8.0, "attention_bias": True},
    "smollm3": SMALL | {"use_sliding_window": True, "sliding_window": 5, "no_rope_layer_interval": 2},
    "olmo": SMALL | {"tie_word_embeddings": True},
    "stablelm": SMALL | {"qk_layernorm": True, "use_qkv_bias": True},
    "stablelm/parallel": SMALL | {"use_parallel_residual": True},
    "cohere": SMALL | {"use_qk_norm": True},
    "cohere2": SMALL | {"num_hidden_layers": 4, "sliding_window": 5},
    "mpt": {"vocab_size": 97, "d_model": 32, "n_layers": 2, "n_heads": 4},
    "glm4_moe": SMALL
    | {"use_qk_norm": True, "attention_bias": True, "n_routed_experts": 8, "num_experts_per_tok": 3,
       "moe_intermediate_size": 20, "num_nextn_predict_layers": 0},
    "gpt_oss": SMALL | {"head_dim": 8, "num_local_experts": 6, "num_experts_per_tok": 2, "sliding_window": 5},
    "gemma3": {"text_config": SMALL | {"head_dim": 8, "sliding_window": 5, "sliding_window_pattern": 2},
               "vision_config": {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                                 "num_attention_heads": 2, "image_size": 28, "patch_size": 14},
               "mm_tokens_per_image": 4},
    "olmo3": SMALL | {"num_hidden_layers": 4, "sliding_window": 5, "num_key_value_heads": None},
    "flex_olmo": SMALL | {"num_experts": 6, "num_experts_per_tok": 2},
    "olmoe": SMALL | {"num_experts": 6, "num_experts_per_tok": 2},
    "arcee": SMALL | {"attention_bias": True, "mlp_bias": True},
    "seed_oss": SMALL | {"head_dim": 8, "attention_out_bias": True},
    "helium": SMALL | {"head_dim": 8, "attention_bias": True},
    "glm": SMALL | {"head_dim": 8},
    "glm4": SMALL | {"head_dim": 8},
    "ernie4_5": SMALL | {"use_bias": True},
    "ministral": SMALL | {"sliding_window": 5, "head_dim": 16},
    "ministral3": SMALL | {"head_dim": 16},
    "cwm": SMALL | {"head_dim": 8, "sliding_window": 5},
    "nemotron": SMALL | {"attention_bias": True},
    "exaone4": SMALL | {"num_hidden_layers": 4, "sliding_window": 5},
    "exaone4/whole": SMALL | {"sliding_window": None, "layer_types": ["full_attention"] * 3},
    "hunyuan_v1_dense": SMALL | {"head_dim": 8, "attention_bias": True},
    "granitemoe": SMALL | {"num_local_experts": 6, "residual_multiplier": 0.2},
    "minimax_m2": SMALL | {"head_dim": 8, "num_local_experts": 6, "num_experts_per_tok": 2, "rotary_dim": 4},
    "dots1": SMALL
    | {"n_routed_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20, "n_shared_experts": 2,
       "first_k_dense_replace": 1},
    "bitnet": SMALL | {"attention_bias": True},
    "phimoe": SMALL | {"num_local_experts": 6, "attention_bias": True, "lm_head_bias": True},
    "solar_open": SMALL
    | {"head_dim": 8, "n_routed_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 20,
       "n_shared_experts": 2, "attention_bias": True},
    "ernie4_5_moe": SMALL
    | {"moe_num_experts": 6, "moe_k": 2, "moe_intermediate_size": 20, "moe_layer_end_index": 1},
    "gpt_bigcode": GPT,
    "gpt_bigcode/many": GPT | {"multi_query": False},
    "gptj": GPT | {"rotary_dim": 4},
    "xlm-roberta": ENCODER,
    "camembert": ENCODER,
    "electra": ENCODER | {"embedding_size": 24},
}  # fmt: skip
UNCOUNTED = {"gemma3": ("vision_config: the encoder of images",)}


@pytest.mark.parametrize("case", CASES)
def test_it_counts_what_transformers_module_does(case, tmp_path):
    config = CASES[case] | {"model_type": case.partition("/")[0]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    model, net = hf_config.read(path), network(config)
    workload = forward(model, BATCH, 9)
    corrections = sum(b.numel() for name, b in net.named_buffers() if name.endswith("e_score_correction_bias"))
    seen = sum(p.numel() for name, p in net.named_parameters() if "vision_tower" in name or "projector" in name)
    assert sum(op.params for op in workload.ops) == parameters(net) + corrections - seen
    in_all, by_module, _ = flops(net, **inputs(config, tokens=9))
    assert sum(op.flops for op in workload.ops) == in_all
    linear = {name for name, module in net.named_modules() if isinstance(module, torch.nn.Linear) and name in by_module}
    counted = {op.name: op.flops for op in workload.ops if op.kind == "linear"}
    assert {name: by_module[name] for name in linear} == {k: v for k, v in counted.items() if k in linear}
    assert model.uncounted == UNCOUNTED.get(case, ())
    assert {op.name for op in workload.ops if op.kind == "experts"} <= {name for name, _ in net.named_parameters()}
    assert set(counted) - linear <= {name for name in counted if name.endswith((".gate", ".router"))}


NEXT = SMALL | {
    "model_type": "qwen3_next", "num_hidden_layers": 4, "head_dim": 8, "num_experts": 6, "num_experts_per_tok": 2,
    "moe_intermediate_size": 20, "shared_expert_intermediate_size": 24, "linear_num_key_heads": 2,
    "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 12,
}  # fmt: skip
SCOUT = SMALL | {
    "num_hidden_layers": 4, "head_dim": 8, "intermediate_size": 20, "intermediate_size_mlp": 48, "num_local_experts": 4,
    "interleave_moe_layer_step": 2, "attention_chunk_size": 32,
}  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"use_qk_norm": False, "moe_layers": [0]}], ids=["norms", "listed"])
def test_llama_4_counts_what_transformers_module_does(tmp_path, more):
    """But that transformers multiplies every token by every expert, and drops what was not chosen."""
    config = SCOUT | more | {"model_type": "llama4_text"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    model, net = hf_config.read(path), network(config)
    assert model.uncounted == ("attention_chunk_size=32, counted as a window of that many tokens",)
    workload = forward(model, BATCH, 9)
    assert sum(op.params for op in workload.ops) == parameters(net)
    in_all, by_module, _ = flops(net, **inputs(config, tokens=9))
    chosen = sum(op.flops for op in workload.ops if op.kind == "experts")
    assert sum(op.flops for op in workload.ops) == in_all - chosen * (4 - 1)
    linear = {name for name, module in net.named_modules() if isinstance(module, torch.nn.Linear) and name in by_module}
    counted = {op.name: op.flops for op in workload.ops if op.kind == "linear"}
    assert counted == {name: by_module[name] for name in linear}
    assert [b.attention.turned for b in model.blocks] == [True, True, True, False]


@pytest.mark.parametrize(
    ("model_type", "text", "name", "features"),
    [
        ("llama4", SCOUT, "language_model.model.layers.3.self_attn.q_proj", 32),
        ("qwen3_5", NEXT, "model.language_model.layers.3.self_attn.q_proj", 64),
        ("qwen3_5_moe", NEXT, "model.language_model.layers.3.self_attn.q_proj", 64),
    ],
)
def test_models_for_images_have_their_language_model(tmp_path, model_type, text, name, features):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": model_type, "text_config": text, "vision_config": {"hidden_size": 16}}))
    model = hf_config.read(path)
    assert model.uncounted[-1] == "vision_config: the encoder of images"
    assert forward(model, 1, 4).op(name).params == 32 * features


HYBRIDS = [NEXT, *(NEXT | {"model_type": f"qwen3_5{kind}_text"} for kind in ("", "_moe"))]


@pytest.fixture
def qwen3_next(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(NEXT))
    return hf_config.read(path)


@pytest.mark.parametrize("config", HYBRIDS, ids=lambda config: config["model_type"])
def test_hybrids_count_what_transformers_module_does(tmp_path, config):
    """But for the recurrence and its convolution, which transformers computes in chunks and beyond the last token."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    net, workload = network(config), forward(hf_config.read(path), BATCH, 9)
    assert sum(op.params for op in workload.ops) == parameters(net)
    in_all, by_module, _ = flops(net, **inputs(config, tokens=9))
    linear = {name for name, module in net.named_modules() if isinstance(module, torch.nn.Linear) and name in by_module}
    counted = {op.name: op.flops for op in workload.ops if op.kind == "linear"}
    assert {name: by_module[name] for name in linear} == {k: v for k, v in counted.items() if k in linear}
    mixers = [name for name in by_module if name.endswith(".linear_attn")]
    inner = sum(by_module[name] for name in linear if ".linear_attn." in name)
    others = sum(op.flops for op in workload.ops if op.kind not in ("scan", "conv"))
    assert others == in_all - sum(by_module[name] for name in mixers) + inner
    assert len(mixers) == 3
    conv = workload.op("model.layers.0.linear_attn.conv1d")
    assert conv.macs == BATCH * 9 * 4 * (2 * 2 * 8 + 4 * 12), "a result a token of the padded convolution"


def test_states_of_qwen3_next_do_not_grow(qwen3_next):
    assert not qwen3_next.uncounted
    short, long = (decode(qwen3_next, 2, context) for context in (16, 64))
    states = [op.kv_elements for op in short.ops if op.kind == "scan"]
    assert states == [op.kv_elements for op in long.ops if op.kind == "scan"] == [2 * 4 * 8 * 12] * 3
    rule = short.op("model.layers.0.linear_attn.delta_rule")
    assert (rule.macs, rule.vector_flops) == (2 * 4 * 3 * 8 * 12, 2 * 4 * (8 * 12 + 2 * 12))
    assert qwen3_next.cache_elements == 2 * 2 * 8
    for workload in (short, prefill(qwen3_next, 1, 16), passes(qwen3_next, phase="training", context=16)):
        assert estimate(workload, "w16a16", gpu("h100_sxm")).totals["latency_s"] > 0


def test_gpt_oss_checkpoints_hold_experts_in_mxfp4(tmp_path):
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    quantized = {"quant_method": "mxfp4", "modules_to_not_convert": kept}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CASES["gpt_oss"] | {"model_type": "gpt_oss", "quantization_config": quantized}))
    model = hf_config.read(path)
    assert not model.uncounted
    held = dict(forward(model, 1, 4).stated)
    assert held.pop("*") == "bf16"
    assert set(held.values()) == {"mxfp4/bf16"}
    assert all(".experts." in name for name in held)
    assert len(held) == 6


def test_published_files_of_gemma_3_leave_out_what_transformers_has_as_default(tmp_path):
    path = tmp_path / "config.json"
    text = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    path.write_text(json.dumps({"model_type": "gemma3", "text_config": text, "mystery": 3}))
    model = hf_config.read(path)
    assert (model.vocab, model.blocks[0].attention.heads, model.layers) == (262_208, 8, 34)
    assert model.uncounted == ("mystery=3",)
