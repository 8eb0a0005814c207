"""Configurations of quantised checkpoints: the layers' formats, those that compressed-tensors and transformers give."""

import json

import pytest
import torch
import transformers
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from transformers.integrations.finegrained_fp8 import replace_with_fp8_linear
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from costmodel.estimators.estimate import estimate
from costmodel.hardware import gpu
from costmodel.importers import hf_config
from costmodel.workload.serving import decode, encode, passes, prefill

SMALL = {
    "vocab_size": 96, "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
LLAMA = SMALL | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
MIXTRAL = SMALL | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
T5 = {"model_type": "t5", "vocab_size": 96, "d_model": 64, "d_ff": 96, "num_heads": 4, "d_kv": 16, "num_layers": 2}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True, "desc_act": False, "damp_percent": 0.1}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True, "version": "gemm"}
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": [128, 128]}
NF4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
EIGHT = {"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_threshold": 6.0}
ROUND = {"quant_method": "auto-round", "bits": 4, "group_size": 128, "sym": True, "data_type": "int", "iters": 200}
OUTLIERS = ("features above llm_int8_threshold=6.0, multiplied at 16 bits",)
SECOND = ("scales of 32 bits that 256 blocks of NF4 share",)
ZERO_POINTS = ("zero points of 4 bits a group of weights",)


def scheme(bits, kind, strategy, **more):
    return {"num_bits": bits, "type": kind, "strategy": strategy, "symmetric": True, "dynamic": False, **more}


def compressed(weights, activations=None, **more):
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations, "output_activations": None}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"], **more}


def modelopt(algorithm, **more):
    return {"quant_method": "modelopt", "quant_algo": algorithm, "ignore": ["lm_head"], "config_groups": {}, **more}


GROUPED = scheme(4, "int", "group", group_size=128)
CACHE = {"dynamic": False, "num_bits": 8, "type": "float"}
TWO = ("zero points of 2 bits a group of weights",)
TOKENS = scheme(8, "int", "token") | {"dynamic": True}


@pytest.fixture
def read(tmp_path):
    def of(quantization, fields=LLAMA):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(fields | {"quantization_config": quantization}))
        return hf_config.read(path)

    return of


@pytest.mark.parametrize(
    ("config", "linear", "rest", "left"),
    [
        (GPTQ, "int4_g128/bf16", "bf16", ()),
        (GPTQ | {"bits": 8, "group_size": -1}, "int8/bf16", "bf16", ()),
        (GPTQ | {"sym": False}, "int4_g128/bf16", "bf16", ZERO_POINTS),
        (AWQ, "int4_g64/bf16", "bf16", ZERO_POINTS),
        (AWQ | {"zero_point": False}, "int4_g64/bf16", "bf16", ()),
        (FP8, "fp8_e4m3/fp8_e4m3", "bf16", ()),
        (NF4, "nf4/bf16", "bf16", ()),
        (NF4 | {"bnb_4bit_use_double_quant": True}, "nf4_dq/bf16", "bf16", SECOND),
        (EIGHT, "int8/int8", "bf16", OUTLIERS),
        (EIGHT | {"llm_int8_threshold": 0.0}, "int8/int8", "bf16", ()),
        (ROUND, "int4_g128/bf16", "bf16", ()),
        (ROUND | {"bits": 2, "group_size": 32, "sym": False}, "int2_g32/bf16", "bf16", TWO),
        (ROUND | {"block_name_to_quantize": "model.layers", "act_bits": 16}, "int4_g128/bf16", "bf16", ()),
        (ROUND | {"extra_config": {"lm_head": {"bits": 16, "data_type": "fp"}}}, "int4_g128/bf16", "bf16", ()),
        (modelopt("FP8"), "fp8_e4m3/fp8_e4m3", "bf16/bf16", ()),
        (modelopt("FP8", kv_cache_scheme=CACHE), "fp8_e4m3/fp8_e4m3/fp8_e4m3", "bf16/bf16/fp8_e4m3", ()),
        (modelopt("NVFP4", kv_cache_scheme="FP8"), "nvfp4/nvfp4/fp8_e4m3", "bf16/bf16/fp8_e4m3", ()),
        (modelopt("NVFP4", quant_method="modelopt_fp4", group_size=16), "nvfp4/nvfp4", "bf16/bf16", ()),
        (modelopt("w4a16_nvfp4"), "nvfp4/bf16", "bf16/bf16", ()),
        (modelopt("fp8_pb_wo"), "fp8_e4m3/bf16", "bf16/bf16", ()),
        (
            {"quant_method": "modelopt", "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}},
            "fp8_e4m3/fp8_e4m3",
            "bf16/bf16",
            (),
        ),
        (compressed(GROUPED), "int4_g128/bf16", "bf16/bf16", ()),
        (compressed(GROUPED | {"symmetric": False}), "int4_g128/bf16", "bf16/bf16", ZERO_POINTS),
        (compressed(scheme(8, "int", "channel"), TOKENS), "int8/int8", "bf16/bf16", ()),
        (compressed(scheme(8, "float", "tensor"), scheme(8, "float", "tensor")), "fp8_e4m3/fp8_e4m3", "bf16/bf16", ()),
        (compressed(scheme(4, "float", "tensor_group", group_size=16)), "nvfp4/bf16", "bf16/bf16", ()),
        (
            compressed(GROUPED, kv_cache_scheme=scheme(8, "float", "tensor")),
            "int4_g128/bf16/fp8_e4m3",
            "bf16/bf16/fp8_e4m3",
            (),
        ),
    ],
)
def test_schemes_that_are_plain_are_the_layers_formats(read, config, linear, rest, left):
    model = read(config)
    assert model.uncounted == left
    for workload in (prefill(model, 2, 8), decode(model, 2, 8)):
        stated = dict(workload.stated)
        assert stated.pop("*") == rest
        assert set(stated.values()) == {linear}
        blocks = [op.name for op in workload.ops if op.kind == "linear" and op.name != "lm_head"]
        assert list(stated) == blocks


def test_bytes_are_those_of_the_stored_tensors(read):
    """GPTQ's qweight and scales, and 16 bits of all else."""
    workload = decode(read(GPTQ), 1, 8)
    linear = [op for op in workload.ops if op.name in dict(workload.stated)]
    packed = sum(op.weight_elements for op in linear)
    qweight, scales = packed * 4 / 8, packed / 128 * 2
    others = sum(op.params for op in workload.ops) - packed
    assert (
        estimate(workload, dict(workload.stated), gpu("h100_sxm")).totals["weight_bytes"]
        == qweight + scales + 2 * others
    )


@pytest.mark.parametrize(
    "config",
    [
        GPTQ | {"bits": "4"},
        GPTQ | {"bits": 40},
        GPTQ | {"group_size": 0},
        GPTQ | {"dynamic": {"-:.*mlp": {}}},
        GPTQ | {"modules_in_block_to_quantize": 3},
        AWQ | {"modules_to_not_convert": [3]},
        FP8 | {"fmt": "e5m2"},
        FP8 | {"weight_block_size": [1, 128]},
        NF4 | {"bnb_4bit_quant_type": "fp4"},
        NF4 | {"bnb_4bit_use_double_quant": "yes"},
        EIGHT | {"llm_int8_has_fp16_weight": True},
        EIGHT | {"load_in_4bit": True},
        EIGHT | {"llm_int8_threshold": "six"},
        ROUND | {"data_type": "mx_fp"},
        ROUND | {"act_bits": 8},
        ROUND | {"extra_config": {"model.layers.0.mlp.up_proj": {"bits": 8}}},
        ROUND | {"extra_config": ["lm_head"]},
        ROUND | {"block_name_to_quantize": 3},
        modelopt("MIXED_PRECISION"),
        modelopt("NVFP4", group_size=32),
        modelopt("FP8", kv_cache_scheme="NVFP4"),
        modelopt("FP8", ignore="lm_head"),
        modelopt("FP8", ignore=["*a*a*a*a*"]),
        modelopt("FP8", ignore=[3]),
        {"quant_method": "modelopt", "quantization": "FP8"},
        {"quant_method": "hqq"},
        {"quant_method": ["gptq"]},
        compressed(None),
        compressed(scheme(4, "int", "odd")),
        compressed(scheme(4, "float", "group", group_size=48)),
        compressed(scheme(5, "float", "channel")),
        compressed(GROUPED, ignore=["re:(a+)+$"]),
        compressed(GROUPED, ignore=["re:*"]),
        compressed(GROUPED, sparsity_config={"format": "sparse-24-bitmask"}),
        compressed(GROUPED) | {"config_groups": {"a": {}, "b": {}}},
        compressed(GROUPED) | {"config_groups": {"a": {"targets": ["re:.*down_proj"], "weights": GROUPED}}},
    ],
)
def test_others_are_listed_as_uncounted(read, config):
    model = read(config)
    (told,) = model.uncounted
    assert told.startswith("quantization_config (")
    assert told.endswith(" is not read; weights count at bf16 unless a precision is chosen)")
    assert len(told) < 400
    assert decode(model, 1, 8).stated == ()


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (NF4 | {"bnb_4bit_quant_type": "fp4"}, "bnb_4bit_quant_type=fp4, load_in_4bit=True"),
        ({"quant_method": "hqq"}, "quant_method=hqq"),
        ({"bits": 4}, "no quant_method"),
        ("gptq", "gptq for an object"),
        (GPTQ | {"bits": 40}, "bits=40"),
        (FP8 | {"fmt": "e5m2", "weight_block_size": None}, "fmt=e5m2"),
        (compressed(scheme(5, "float", "channel")), "num_bits=5, type=float, strategy=channel"),
        (modelopt("FP8", ignore=[3]), "the layers [3]"),
    ],
)
def test_what_is_not_read_is_told_with_what_the_weights_count_at(read, config, why):
    model = read(config)
    assert model.uncounted[0].startswith(f"quantization_config ({why} is not read; weights count at bf16 unless")
    workload, plain = decode(model, 1, 8), decode(read(None), 1, 8)
    found = [estimate(w, "bf16", gpu("h100_sxm")).totals["weight_bytes"] for w in (workload, plain)]
    assert found[0] == found[1] == 2 * sum(op.params for op in plain.ops)


def test_double_quantisation_has_a_scale_of_8_bits_a_block(read):
    """QLoRA, section 3: 4.127 bits a weight, of which 32 / (64 * 256) is told as not counted."""
    model = read(NF4 | {"bnb_4bit_use_double_quant": True})
    workload = decode(model, 1, 8)
    linear = sum(op.weight_elements for op in workload.ops if op.name in dict(workload.stated))
    others = sum(op.params for op in workload.ops) - linear
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm")).totals["weight_bytes"]
    assert found == linear * (4 + 8 / 64) / 8 + 2 * others
    assert found == pytest.approx(linear * 4.127 / 8 + 2 * others, rel=0.001)


def network(fields):
    settings = CONFIG_MAPPING[fields["model_type"]](**{k: v for k, v in fields.items() if k != "model_type"})
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(settings)


@pytest.mark.parametrize(
    "ignore",
    [
        ["lm_head"],
        ["re:.*lm_head", "re:.*self_attn.*"],
        ["lm_head", "model.layers.1.mlp.down_proj"],
        ["re:.*down_proj$"],
    ],
)
def test_layers_that_are_left_are_those_of_compressed_tensors(read, ignore):
    config = compressed(GROUPED, ignore=ignore)
    net = network(LLAMA)
    apply_quantization_config(net, QuantizationConfig(**config))
    theirs = {name for name, module in net.named_modules() if hasattr(module, "quantization_scheme")}
    assert set(dict(decode(read(config), 1, 8).stated)) - {"*"} == theirs


@pytest.mark.parametrize("kept", [["lm_head"], ["lm_head", "down_proj"], ["lm_head", "model.layers.0"]])
def test_layers_in_fp8_are_those_of_transformers(read, kept):
    settings = transformers.FineGrainedFP8Config(modules_to_not_convert=kept)
    net = replace_with_fp8_linear(network(LLAMA), modules_to_not_convert=kept, quantization_config=settings)
    theirs = {name for name, module in net.named_modules() if type(module).__name__ == "FP8Linear"}
    workload = decode(read(FP8 | {"modules_to_not_convert": kept[1:] or None}), 1, 8)
    assert set(dict(workload.stated)) - {"*"} == theirs


def test_routers_and_chosen_layers_are_left_and_experts_held(read):
    stated = dict(decode(read(GPTQ, MIXTRAL), 1, 8).stated)
    assert not any(name.endswith(".gate") for name in stated)
    assert stated["model.layers.0.mlp.experts.down_proj"] == "int4_g128/bf16"
    some = read(GPTQ | {"modules_in_block_to_quantize": [["self_attn.k_proj"], ["mlp.down_proj"]]})
    parts = ("self_attn.k_proj", "mlp.down_proj")
    assert set(dict(decode(some, 1, 8).stated)) == {
        "*",
        *(f"model.layers.{i}.{part}" for i in (0, 1) for part in parts),
    }
    assert "lm_head" in dict(decode(read(GPTQ | {"lm_head": True}), 1, 8).stated)


@pytest.mark.parametrize(
    ("kept", "gone"),
    [
        (["lm_head", "model.layers.0.self_attn*"], ["self_attn.q_proj", "self_attn.k_proj"]),
        (["lm_head", "*.0.mlp.*"], ["mlp.up_proj"]),
        (["lm_head", "model.layers.0.mlp.up_proj"], ["mlp.up_proj"]),
    ],
)
def test_wildcards_leave_what_they_match(read, kept, gone):
    stated = dict(decode(read(modelopt("FP8", ignore=kept)), 1, 8).stated)
    parts = ["self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj"]
    assert [part for part in parts if f"model.layers.0.{part}" not in stated] == gone
    assert all(f"model.layers.1.{part}" in stated for part in parts)
    assert "lm_head" in dict(decode(read(modelopt("FP8", ignore=[])), 1, 8).stated)


def test_blocks_are_prefixes_and_layers_of_sixteen_bits_are_left(read):
    extra = {"model.layers.0.mlp.up_proj": {"bits": 16}}
    stated = set(dict(decode(read(ROUND | {"extra_config": extra}), 1, 8).stated))
    assert "model.layers.0.mlp.up_proj" not in stated
    assert "model.layers.1.mlp.up_proj" in stated
    some = dict(decode(read(ROUND | {"block_name_to_quantize": "model.layers.1"}), 1, 8).stated)
    assert {name.split(".")[2] for name in some if name != "*"} == {"1"}


def test_every_phase_is_estimated_with_what_is_stated(read):
    model = read(GPTQ, T5)
    for workload in (encode(model), prefill(model), decode(model), passes(model, phase="training")):
        assert estimate(workload, dict(workload.stated), gpu("h100_sxm")).totals["weight_bytes"] > 0
