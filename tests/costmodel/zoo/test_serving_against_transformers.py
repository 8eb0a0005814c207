"""Prefill and decode equal transformers' own, run on small networks on the CPU with its caches.

Networks come from configurations that the importer reads, so the odd cases of architectures are compared too: biases,
windows in some layers, dense layers among experts, norms around sublayers, one projection for several results.

Where the definition differs: transformers expands DeepSeek's whole cached latent anew for every token that it decodes;
here the expansion is absorbed, as DeepSeek serves it.
"""

import json
from dataclasses import replace

import pytest
import torch
from language_models import EVERY
from transformers import DynamicCache, EncoderDecoderCache
from transformers.pytorch_utils import Conv1D
from transformers_oracle import BATCH, CONFIGS, SMALL, flops, inputs, network, parameters, training_flops

from costmodel.importers import hf_config
from costmodel.workload.serving import decode, forward, prefill
from costmodel.workload.training import training

LATENT = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 12,
    "qk_nope_head_dim": 6,
    "qk_rope_head_dim": 4,
    "v_head_dim": 10,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 20,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
}
SHARED = {
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 20,
    "shared_expert_intermediate_size": 28,
}
FALCON = {
    "model_type": "falcon",
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
T5 = {
    "model_type": "t5",
    "vocab_size": 97,
    "d_model": 32,
    "d_ff": 48,
    "num_heads": 4,
    "d_kv": 8,
    "num_layers": 2,
    "n_positions": 15,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}
CASES = {
    "llama": SMALL | {"model_type": "llama"},
    "llama_mha_biases": SMALL
    | {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "num_key_value_heads": None},
    "llama_head_dim": SMALL | {"model_type": "llama", "head_dim": 12, "tie_word_embeddings": True},
    "mistral": SMALL | {"model_type": "mistral", "sliding_window": None},
    "mistral_window": SMALL | {"model_type": "mistral", "sliding_window": 5},
    "mixtral": SMALL | {"model_type": "mixtral", "num_local_experts": 6, "num_experts_per_tok": 2},
    "qwen2": SMALL | {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen2_late_windows": SMALL
    | {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2},
    "qwen3": SMALL | {"model_type": "qwen3", "head_dim": 10, "attention_bias": True},
    "qwen3_layer_types": SMALL
    | {
        "model_type": "qwen3",
        "use_sliding_window": True,
        "sliding_window": 4,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "qwen3_moe": SMALL
    | {
        "model_type": "qwen3_moe",
        "num_experts": 6,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 20,
        "mlp_only_layers": [1],
    },
    "qwen3_moe_every_second": SMALL
    | {
        "model_type": "qwen3_moe",
        "num_experts": 6,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 20,
        "decoder_sparse_step": 2,
    },
    "phi3": SMALL | {"model_type": "phi3", "pad_token_id": 0, "sliding_window": 6},
    "gemma2": SMALL | {"model_type": "gemma2", "head_dim": 8, "sliding_window": 5},
    "gemma3_text": SMALL
    | {"model_type": "gemma3_text", "head_dim": 8, "sliding_window": 5, "sliding_window_pattern": 2},
    "starcoder2": SMALL | {"model_type": "starcoder2", "sliding_window": 5},
    "starcoder2_no_bias": SMALL | {"model_type": "starcoder2", "use_bias": False},
    "gpt_neox": SMALL | {"model_type": "gpt_neox", "rotary_pct": 0.5},
    "gpt_neox_no_bias": SMALL | {"model_type": "gpt_neox", "attention_bias": False, "head_dim": 10},
    "deepseek_v2": SMALL | LATENT | {"model_type": "deepseek_v2", "q_lora_rank": None},
    "deepseek_v2_bias": SMALL | LATENT | {"model_type": "deepseek_v2", "q_lora_rank": None, "mlp_bias": True},
    "deepseek_v3": SMALL | LATENT | {"model_type": "deepseek_v3", "q_lora_rank": 14, "attention_bias": True},
    "phi": SMALL | {"model_type": "phi"},
    "phi_head_norms": SMALL | {"model_type": "phi", "qk_layernorm": True, "num_key_value_heads": None},
    "gemma": SMALL | {"model_type": "gemma", "head_dim": 12},
    "olmo2": SMALL | {"model_type": "olmo2", "attention_bias": True},
    "qwen2_moe": SMALL | SHARED | {"model_type": "qwen2_moe", "mlp_only_layers": [1]},
    "qwen2_moe_windows": SMALL
    | SHARED
    | {
        "model_type": "qwen2_moe",
        "qkv_bias": False,
        "use_sliding_window": True,
        "sliding_window": 4,
        "max_window_layers": 2,
    },
    "falcon": FALCON | {"num_kv_heads": 2},
    "falcon_own_keys": FALCON | {"multi_query": False, "bias": True},
    "falcon_grouped": FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon_grouped_one_norm": FALCON
    | {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
    "falcon_alibi": FALCON | {"alibi": True, "parallel_attn": False, "bias": True, "ffn_hidden_size": 40},
    "bloom": {"model_type": "bloom", "vocab_size": 97, "hidden_size": 32, "n_layer": 3, "n_head": 4},
    "bloom_old_names": {
        "model_type": "bloom",
        "vocab_size": 97,
        "n_embed": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "t5": T5,
    "t5_gated": T5 | {"feed_forward_proj": "gated-gelu", "d_kv": 10, "num_decoder_layers": 3},
    "opt": {
        "model_type": "opt",
        "vocab_size": 97,
        "hidden_size": 32,
        "ffn_dim": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 40,
    },
    "gpt2": {
        "model_type": "gpt2",
        "vocab_size": 97,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_inner": 40,
        "n_positions": 40,
    },
    "whisper": {
        "model_type": "whisper",
        "vocab_size": 97,
        "d_model": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 48,
        "decoder_layers": 3,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 40,
        "num_mel_bins": 10,
        "max_source_positions": 15,
        "max_target_positions": 30,
        "pad_token_id": 0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "decoder_start_token_id": 0,
    },
}
NO_KV = {k: v for k, v in SMALL.items() if k != "num_key_value_heads"} | {"num_attention_heads": 8}
MANY_HEADS = NO_KV | {"num_attention_heads": 32, "hidden_size": 64}
KV_HEADS = {
    "qwen2_null": SMALL | {"model_type": "qwen2", "num_key_value_heads": None},
    "qwen3_null": SMALL | {"model_type": "qwen3", "num_key_value_heads": None},
    "mistral": NO_KV | {"model_type": "mistral"},
    "mixtral": NO_KV | {"model_type": "mixtral"},
    "gemma2": NO_KV | {"model_type": "gemma2", "head_dim": 8},
    "qwen2": MANY_HEADS | {"model_type": "qwen2"},
    "qwen3": MANY_HEADS | {"model_type": "qwen3"},
    "qwen3_moe": NO_KV
    | {"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 20},
    "starcoder2": NO_KV | {"model_type": "starcoder2"},
    "gemma3_text": NO_KV | {"model_type": "gemma3_text"},
}
ROBERTA = {
    "model_type": "roberta",
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
    "type_vocab_size": 1,
    "pad_token_id": 1,
}
DISTILBERT = {
    "model_type": "distilbert",
    "vocab_size": 97,
    "dim": 32,
    "hidden_dim": 48,
    "n_layers": 2,
    "n_heads": 4,
    "max_position_embeddings": 40,
    "activation": "gelu",
    "sinusoidal_pos_embds": False,
    "tie_weights_": True,
}
CAUSAL = list(CASES)
VARIANTS = [
    name for name in CASES if name.endswith(("_bias", "_biases", "_windows", "_window", "_norms", "_norm", "_names"))
]
VARIANTS += [
    "t5_gated",
    "qwen3_moe_every_second",
    "qwen3_layer_types",
    "llama_head_dim",
    "falcon_own_keys",
    "falcon_alibi",
]
"""Spellings of an architecture that is among the others."""
CONTEXT = 9


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.long if n in VARIANTS else ()) for n in CASES])
def case(request, tmp_path):
    path = tmp_path / f"{request.param}.json"
    path.write_text(json.dumps(CASES[request.param]))
    return CASES[request.param], hf_config.read(path)


def total(workload, quantity="flops"):
    return sum(getattr(op, quantity) for op in workload.ops)


def test_forward_and_parameters_equal(case):
    config, model = case
    net = network(config)
    corrections = sum(b.numel() for name, b in net.named_buffers() if name.endswith("e_score_correction_bias"))

    workload = forward(model, BATCH, CONTEXT)
    assert total(workload, "params") == parameters(net) + corrections
    in_all, by_module, _ = flops(net, **inputs(config, tokens=CONTEXT))
    assert total(workload) == in_all
    linear = {m: by_module[m] for m, module in net.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)}
    routers = {m: count for m, count in by_module.items() if m.endswith(".mlp.gate")}
    assert {op.name: op.flops for op in workload.ops if op.kind == "linear"} == linear | routers


@pytest.mark.parametrize("config", KV_HEADS.values(), ids=list(KV_HEADS))
def test_key_value_heads_that_a_file_leaves_out_are_transformers(config, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    net = network(config)
    workload = forward(hf_config.read(path), BATCH, CONTEXT)
    assert total(workload, "params") == parameters(net)
    assert total(workload) == flops(net, **inputs(config, tokens=CONTEXT))[0]


def test_roberta_s_positions_begin_behind_the_padding_s(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(ROBERTA))
    model, net = hf_config.read(path), network(ROBERTA)
    workload = forward(model, BATCH, CONTEXT)
    assert total(workload, "params") == parameters(net)
    assert total(workload) == flops(net, **inputs(ROBERTA, tokens=CONTEXT))[0]
    assert model.max_context == 38


def test_distilbert_is_a_bert_without_token_types_and_pooler(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(DISTILBERT))
    model, net = hf_config.read(path), network(DISTILBERT)
    workload = forward(model, BATCH, CONTEXT)
    assert total(workload, "params") == parameters(net)
    assert total(workload) == flops(net, **inputs(DISTILBERT, tokens=CONTEXT))[0]
    assert not model.uncounted


def test_a_head_that_t5_does_not_tie_is_stored_apart(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(T5 | {"tie_word_embeddings": False}))  # transformers 5 ties it all the same
    params = total(forward(hf_config.read(path), BATCH, CONTEXT), "params")
    assert params == parameters(network(T5)) + T5["vocab_size"] * T5["d_model"]


def test_training_step_equals_autograd(case):
    config, model = case
    step = training(forward(model, BATCH, CONTEXT))
    assert total(step) == training_flops(network(config), **inputs(config, tokens=CONTEXT))


def test_prefill_computes_the_last_token_s_logits(case):
    config, model = case
    net = network(config)
    arguments = inputs(config, tokens=CONTEXT)
    of_all, by_module, _ = flops(net, **arguments)
    if model.encoder:  # transformers has no option to leave logits out of an encoder-decoder's
        of_last = of_all - by_module[model.names.head] * (CONTEXT - 1) // CONTEXT
    else:
        of_last, _, _ = flops(net, **arguments, logits_to_keep=1)

    assert total(prefill(model, BATCH, CONTEXT, all_logits=True)) == of_all
    assert total(prefill(model, BATCH, CONTEXT)) == of_last < of_all


def test_decode_equals_a_call_with_a_cache(case):
    config, model = case
    net = network(config, "cpu")
    cache = DynamicCache() if model.encoder else DynamicCache(config=net.config)
    arguments = inputs(config, "cpu", tokens=CONTEXT)
    token = torch.ones(BATCH, 1, dtype=torch.long)
    if model.encoder:
        cache = EncoderDecoderCache(cache, DynamicCache())
        _, _, first = flops(net, **arguments, past_key_values=cache)
        memory = (first["encoder_last_hidden_state"],)
        _, by_module, _ = flops(net, encoder_outputs=memory, decoder_input_ids=token, past_key_values=cache)
        counted = by_module[model.names.layers.rpartition(".")[0]] + by_module[model.names.head]
    else:
        flops(net, **arguments, past_key_values=cache)
        counted, _, _ = flops(net, input_ids=token, past_key_values=cache)

    expanded_instead = sum(_expanded(b.attention) - _absorbed(b.attention) for b in model.blocks if _latent(b))
    assert total(decode(model, BATCH, CONTEXT)) == counted - expanded_instead


def _latent(block):
    return type(block.attention).__name__ == "LatentAttention"


def _expanded(shape):
    """FLOPs of a token by way of every cached token's keys and values."""
    project = shape.kv_lora_rank * (shape.nope_dim + shape.value_dim)
    attend = shape.nope_dim + shape.rope_dim + shape.value_dim
    return 2 * BATCH * shape.heads * (CONTEXT + 1) * (project + attend)


def _absorbed(shape):
    """FLOPs of a token by way of the latents: its query into their space, the scores, the values out of it."""
    project = shape.kv_lora_rank * (shape.nope_dim + shape.value_dim)
    attend = 2 * shape.kv_lora_rank + shape.rope_dim
    return 2 * BATCH * shape.heads * (project + (CONTEXT + 1) * attend)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_importer_reads_the_zoo_s_models(name, tmp_path):
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(CONFIGS[name]))
    model = hf_config.read(path)
    expected = ("num_nextn_predict_layers=1",) if name == "deepseek-v3" else ()
    assert model.uncounted == expected
    assert replace(model, uncounted=()) == EVERY[name]
