"""Configurations of quantised checkpoints: the layers' formats, those that compressed-tensors and transformers give."""

import json

import pytest
import torch
import transformers
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from torchao.quantization import (
    Float8DynamicActivationFloat8WeightConfig,
    Float8WeightOnlyConfig,
    Int4WeightOnlyConfig,
    Int8DynamicActivationInt8WeightConfig,
    Int8WeightOnlyConfig,
    quantize_,
)
from transformers.integrations.finegrained_fp8 import replace_with_fp8_linear
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import should_convert_module

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
QUANTO = {"quant_method": "quanto", "weights": "int4", "activations": None, "modules_to_not_convert": None}
BITNET = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}
SECOND4 = ("scales of 32 bits that 256 blocks of FP4 share",)
ZERO_POINTS_16 = ("zero points of 16 bits a group of weights",)
OUTLIERS = ("features above llm_int8_threshold=6.0, multiplied at 16 bits",)
SECOND = ("scales of 32 bits that 256 blocks of NF4 share",)
MATRICES = ("gate_up_proj", "down_proj")
ZERO_POINTS = ("zero points of 4 bits a group of weights",)


def scheme(bits, kind, strategy, **more):
    return {"num_bits": bits, "type": kind, "strategy": strategy, "symmetric": True, "dynamic": False, **more}


def compressed(weights, activations=None, **more):
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations, "output_activations": None}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"], **more}


def modelopt(algorithm, **more):
    return {"quant_method": "modelopt", "quant_algo": algorithm, "ignore": ["lm_head"], "config_groups": {}, **more}


def hqq(**params):
    """As hqq's BaseQuantizeConfig writes it."""
    held = {"nbits": 4, "group_size": 64, "axis": 1, "channel_wise": True, "optimize": True, **params}
    parts = {"weight_quant_params": held, "scale_quant_params": None, "zero_quant_params": None}
    return {"quant_method": "hqq", "quant_config": parts | {"offload_meta": False}, "skip_modules": ["lm_head"]}


def torchao(name, **arguments):
    return {"quant_method": "torchao", "quant_type": name, "quant_type_kwargs": arguments}


HQQ = hqq()
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
        (FP8, "fp8_e4m3/fp8_e4m3>bf16", "bf16", ()),
        (NF4, "nf4/bf16", "bf16", ()),
        (NF4 | {"bnb_4bit_use_double_quant": True}, "nf4_dq/bf16", "bf16", SECOND),
        ({"load_in_4bit": True}, "fp4_bnb/bf16", "bf16", ()),
        (
            NF4 | {"bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True},
            "fp4_bnb_dq/bf16",
            "bf16",
            SECOND4,
        ),
        (HQQ, "int4_g64/bf16", "bf16", ZERO_POINTS_16),
        (hqq(nbits=8, group_size=None), "int8/bf16", "bf16", ZERO_POINTS_16),
        (QUANTO, "int4_g128/bf16", "bf16", ZERO_POINTS_16),
        (QUANTO | {"weights": "int8", "activations": "int8"}, "int8/int8>bf16", "bf16", ()),
        (QUANTO | {"weights": "float8"}, "fp8_e4m3/bf16", "bf16", ()),
        ({"quant_method": "eetq", "weights": "int8"}, "int8/bf16", "bf16", ()),
        ({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}, "fp8_e4m3/fp8_e4m3>bf16", "bf16", ()),
        (BITNET, "ternary/int8>bf16", "bf16", ()),
        (BITNET | {"use_rms_norm": True}, "ternary/int8>bf16", "bf16", ("norms before each quantised layer",)),
        (torchao("int4_weight_only", group_size=32), "int4_g32/bf16", "bf16", ZERO_POINTS_16),
        (torchao("int8_dynamic_activation_int4_weight"), "int4_g32/int8>bf16", "bf16", ()),
        (EIGHT, "int8/int8>bf16", "bf16", OUTLIERS),
        (EIGHT | {"llm_int8_threshold": 0.0}, "int8/int8>bf16", "bf16", ()),
        (ROUND, "int4_g128/bf16", "bf16", ()),
        (ROUND | {"bits": 2, "group_size": 32, "sym": False}, "int2_g32/bf16", "bf16", TWO),
        (ROUND | {"block_name_to_quantize": "model.layers", "act_bits": 16}, "int4_g128/bf16", "bf16", ()),
        (ROUND | {"extra_config": {"lm_head": {"bits": 16, "data_type": "fp"}}}, "int4_g128/bf16", "bf16", ()),
        (modelopt("FP8"), "fp8_e4m3/fp8_e4m3>bf16", "bf16", ()),
        (modelopt("FP8", kv_cache_scheme=CACHE), "fp8_e4m3/fp8_e4m3/fp8_e4m3>bf16", "bf16/bf16/fp8_e4m3", ()),
        (modelopt("NVFP4", kv_cache_scheme="FP8"), "nvfp4/nvfp4/fp8_e4m3>bf16", "bf16/bf16/fp8_e4m3", ()),
        (modelopt("NVFP4", quant_method="modelopt_fp4", group_size=16), "nvfp4/nvfp4>bf16", "bf16", ()),
        (modelopt("w4a16_nvfp4"), "nvfp4/bf16", "bf16", ()),
        (modelopt("fp8_pb_wo"), "fp8_e4m3/bf16", "bf16", ()),
        (
            {"quant_method": "modelopt", "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}},
            "fp8_e4m3/fp8_e4m3>bf16",
            "bf16",
            (),
        ),
        (compressed(GROUPED), "int4_g128/bf16", "bf16", ()),
        (compressed(GROUPED | {"symmetric": False}), "int4_g128/bf16", "bf16", ZERO_POINTS),
        (compressed(scheme(8, "int", "channel"), TOKENS), "int8/int8>bf16", "bf16", ()),
        (compressed(scheme(8, "float", "tensor"), scheme(8, "float", "tensor")), "fp8_e4m3/fp8_e4m3>bf16", "bf16", ()),
        (compressed(scheme(4, "float", "tensor_group", group_size=16)), "nvfp4/bf16", "bf16", ()),
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
        GPTQ | {"dynamic": {"-:.*mlp": {}}},
        FP8 | {"fmt": "e5m2"},
        FP8 | {"weight_block_size": [1, 128]},
        EIGHT | {"llm_int8_has_fp16_weight": True},
        ROUND | {"data_type": "mx_fp"},
        ROUND | {"act_bits": 8},
        ROUND | {"extra_config": {"model.layers.0.mlp.up_proj": {"bits": 8}}},
        modelopt("MIXED_PRECISION"),
        modelopt("NVFP4", group_size=32),
        modelopt("FP8", kv_cache_scheme="NVFP4"),
        modelopt("FP8", ignore=["*a*a*a*a*"]),
        compressed(None),
        {"bits": 4, "group_size": 64},
        {"quant_method": "vptq", "config_for_layers": {}},
        hqq(nbits=1),
        {"quant_method": "hqq", "quant_config": {"self_attn.q_proj": HQQ["quant_config"]}, "skip_modules": []},
        BITNET | {"quantization_mode": "online"},
        torchao("autoquant"),
        torchao("int4_weight_only") | {"include_input_output_embeddings": True},
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
    assert told.endswith("; weights count at bf16 unless a precision is chosen)")
    assert (" is not read; " in told) != told.startswith("quantization_config (no ")
    assert len(told) < 400
    assert decode(model, 1, 8).stated == ()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("gptq", "quantization_config must be an object, got 'gptq'"),
        ({"quant_method": "foo"}, "quant_method must be one of aqlm, auto_round, awq, bitnet, "),
        ({"quant_method": ["gptq"]}, "quant_method must be a short text, got ['gptq']"),
        (GPTQ | {"bits": "4"}, "bits must be an integer within 2..8, got '4'"),
        (GPTQ | {"bits": -3}, "bits must be an integer within 2..8, got -3"),
        ({"quant_method": "awq"}, "bits must be an integer within 2..8, it is missing"),
        (GPTQ | {"group_size": "x"}, "group_size must be -1 or an integer within 1..1000000, got 'x'"),
        (GPTQ | {"group_size": 0}, "group_size must be -1 or an integer within 1..1000000, got 0"),
        (GPTQ | {"sym": "yes"}, "sym must be true or false, got 'yes'"),
        (GPTQ | {"modules_in_block_to_quantize": 3}, "modules_in_block_to_quantize must be a list of names, or of"),
        (AWQ | {"modules_to_not_convert": [3]}, "modules_to_not_convert must be a list of names, got [3]"),
        (NF4 | {"bnb_4bit_quant_type": "nf5"}, "bnb_4bit_quant_type must be one of fp4, nf4, got 'nf5'"),
        (NF4 | {"bnb_4bit_use_double_quant": "yes"}, "bnb_4bit_use_double_quant must be true or false, got 'yes'"),
        (EIGHT | {"load_in_4bit": True}, "load_in_4bit must be true, or load_in_8bit, and not both, got True"),
        (EIGHT | {"llm_int8_threshold": "six"}, "llm_int8_threshold must be a number of at least 0, got 'six'"),
        (ROUND | {"extra_config": ["lm_head"]}, "extra_config must be an object of objects by the names of layers"),
        (ROUND | {"block_name_to_quantize": 3}, "block_name_to_quantize must be names, in a list or between commas"),
        (modelopt("FP8", ignore="lm_head"), "ignore must be a list of names, got 'lm_head'"),
        ({"quant_method": "modelopt", "quantization": "FP8"}, "quantization must be an object, got 'FP8'"),
        ({"quant_method": "hqq"}, "quant_config must be an object, it is missing"),
        (hqq(nbits=5), "quant_config.weight_quant_params.nbits must be one of 8, 4, 3, 2, 1, got 5"),
        (QUANTO | {"weights": "int3"}, "weights must be one of float8, int2, int4, int8, got 'int3'"),
        (torchao("int4_weight_only", group_size=-4), "quant_type_kwargs.group_size must be -1 or an integer within"),
        (compressed(GROUPED | {"num_bits": -3}), "config_groups.group_0.weights.num_bits must be an integer within"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(read, config, complaint):
    with pytest.raises(ValueError, match=r"\A[^\n]*\Z") as caught:
        read(config)
    assert complaint in str(caught.value)
    assert "config.json: quantization_config" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"quant_method": "vptq"}, "quant_method=vptq is not read"),
        ({"bits": 4}, "no quant_method"),
        (FP8 | {"fmt": "e5m2", "weight_block_size": None}, "fmt=e5m2 is not read"),
        (compressed(scheme(5, "float", "channel")), "num_bits=5, type=float, strategy=channel is not read"),
    ],
)
def test_what_is_not_read_is_told_with_what_the_weights_count_at(read, config, why):
    model = read(config)
    assert model.uncounted[0].startswith(f"quantization_config ({why}; weights count at bf16 unless")
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


def test_norms_and_biases_are_as_wide_as_the_model(read):
    """Qwen2 has biases of queries, keys and values; by hand, 1 byte a linear weight and 2 all else."""
    workload = decode(read(EIGHT, LLAMA | {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}), 1, 8)
    held = sum(op.weight_elements for op in workload.ops if op.name in dict(workload.stated))
    others = sum(op.params for op in workload.ops) - held
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm"))
    assert found.totals["weight_bytes"] == held + 2 * others
    norm = next(i for i, op in enumerate(workload.ops) if op.name == "model.layers.1.input_layernorm")
    size = SMALL["hidden_size"]
    assert found.columns["bytes_moved"][norm] == 2 * (size + size + size), "its input, its result and its weights"


@pytest.mark.parametrize(("dtype", "wide"), [("float16", "fp16"), ("bfloat16", "bf16"), ("float32", "bf16")])
@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_what_is_not_quantised_has_the_model_s_type(read, key, dtype, wide):
    stated = dict(decode(read(AWQ, LLAMA | {key: dtype}), 1, 8).stated)
    assert (stated["*"], stated["model.layers.0.mlp.up_proj"]) == (wide, f"int4_g64/{wide}")


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


@pytest.mark.parametrize(
    "config",
    [
        transformers.QuantoConfig(weights="int2"),
        transformers.EetqConfig(modules_to_not_convert=["lm_head"]),
        transformers.FbgemmFp8Config(),
        transformers.BitNetQuantConfig(),
        transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype="bfloat16"),
        transformers.BitsAndBytesConfig(load_in_8bit=True),
        transformers.TorchAoConfig(Int4WeightOnlyConfig(group_size=64)),
        transformers.TorchAoConfig(Int8WeightOnlyConfig()),
        transformers.TorchAoConfig(Int8DynamicActivationInt8WeightConfig()),
        transformers.TorchAoConfig(Float8WeightOnlyConfig()),
        transformers.TorchAoConfig(Float8DynamicActivationFloat8WeightConfig()),
    ],
    ids=lambda config: type(getattr(config, "quant_type", config)).__name__,
)
def test_files_that_transformers_writes_are_read(read, config):
    model = read(json.loads(json.dumps(config.to_dict(), default=str)))
    assert not any("is not read" in told for told in model.uncounted)
    stated = dict(decode(model, 1, 8).stated)
    assert "model.layers.0.mlp.up_proj" in stated
    assert "lm_head" not in stated


@pytest.mark.parametrize("config", [Int8WeightOnlyConfig(), Int8DynamicActivationInt8WeightConfig()], ids=str)
def test_bytes_of_torchao_are_those_of_its_tensors(read, config):
    """Without the scales of rows, which are no part of a format."""
    layer = torch.nn.Linear(256, 64, bias=False, dtype=torch.bfloat16)
    quantize_(layer, config)
    stored = layer.weight.qdata
    model = read(transformers.TorchAoConfig(config).to_dict(), LLAMA | {"num_key_value_heads": 1})
    workload = decode(model, 1, 8)
    at = workload.layers.index("model.layers.0.self_attn.k_proj")
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm")).columns["weight_bytes"]
    assert found[[op.name for op in workload.ops].index(workload.layers[at])] == stored.numel() * stored.itemsize


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        ["lm_head"],
        ["lm_head", "model.layers.0.mlp"],
        ["down_proj"],
        ["proj"],
        ["self_attn", "mlp"],
        ["model.layers.*.self_attn", "lm_head"],
        ["model.layers.1", "model.*.0.*q_proj"],
        [r"model\.layers\.0\..*_proj$", "head"],
        ["model.layers."],
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "config",
    [QUANTO, BITNET, {"quant_method": "eetq"}, {"quant_method": "fbgemm_fp8"}],
    ids=lambda c: c["quant_method"],
)
def test_layers_that_are_left_are_those_of_transformers(read, config, kept):
    net = network(LLAMA)
    left = HfQuantizer.get_modules_to_not_convert(net, kept, None)
    linear = (name for name, module in net.named_modules() if isinstance(module, torch.nn.Linear))
    theirs = {name for name in linear if should_convert_module(name, left)}
    assert set(dict(decode(read(config | {"modules_to_not_convert": kept}), 1, 8).stated)) - {"*"} == theirs


@pytest.mark.parametrize("fields", [LLAMA, LLAMA | {"model_type": "bitnet", "architectures": ["BitNetForCausalLM"]}])
def test_ternary_weights_take_two_bits(read, fields):
    workload = decode(read(BITNET, fields), 1, 8)
    found = estimate(workload, dict(workload.stated), gpu("h100_sxm")).columns["weight_bytes"]
    at = [op.name for op in workload.ops].index("model.layers.0.mlp.up_proj")
    assert found[at] == SMALL["hidden_size"] * SMALL["intermediate_size"] / 4


@pytest.mark.parametrize(
    "kept", [["model.layers.0.mlp.experts"], ["experts"], ["down_proj"], ["model.layers.*.mlp"], ["mlp"]], ids=str
)
def test_experts_are_left_as_the_module_that_transformers_matches(read, kept):
    """One module with two weights, which transformers asks for by its own name."""
    modules = [name for name, _ in network(MIXTRAL).named_modules() if name.endswith(".experts")]
    theirs = {f"{name}.{part}" for name in modules if should_convert_module(name, kept) for part in MATRICES}
    stated = dict(decode(read(FP8 | {"modules_to_not_convert": kept}, MIXTRAL), 1, 8).stated)
    assert {name for name in stated if ".experts." in name} == theirs


@pytest.mark.parametrize("kept", [["(a+)+$"], ["model.*.*.*.*.x"], ["*"], ["model.layers.*" * 20]], ids=str)
def test_expressions_that_are_not_plain_are_told(read, kept):
    (told,) = read(FP8 | {"modules_to_not_convert": kept}).uncounted
    assert told.startswith("quantization_config (the expression ")


def test_minimax_names_the_one_format_of_eight_bits_as_torch_does(read):
    named = decode(read(FP8 | {"fmt": "float8_e4m3fn"}), 1, 8)
    assert named.stated == decode(read(FP8), 1, 8).stated
    assert named.stated


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"sparsity_config": {"format": "dense", "sparsity_structure": "2:4"}},
            "2:4 sparsity of the weights (all count)",
        ),
        (
            {"format": "marlin-24", "sparsity_config": {"format": "dense", "sparsity_structure": "2:4"}},
            "2:4 sparsity of the weights (the file stores the kept half alone, all count)",
        ),
        (
            {"format": "pack-quantized", "sparsity_config": {"format": "dense", "sparsity_structure": "unstructured"}},
            None,
        ),
        ({"sparsity_config": {}}, None),
    ],
    ids=str,
)
def test_sparsity_that_a_file_states_is_told(read, more, told):
    model = read(compressed(GROUPED, **more))
    assert model.uncounted == ((told,) if told else ())
    assert decode(model, 1, 8).stated == decode(read(compressed(GROUPED)), 1, 8).stated


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
