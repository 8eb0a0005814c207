"""A recipe's groups are schemes of compressed-tensors, which applies them to the layers that the plan names."""

import pytest
import yaml
from export_plans import assignments, network, plan
from hypothesis import given, settings
from oracles import Tool
from torch import nn

from app import exports

quantization = Tool("compressed_tensors.quantization")
PAIRS = {
    "bf16/bf16", "int2/bf16", "int4/bf16", "int8/bf16", "int4_g32/bf16", "int3_g64/bf16", "fp8_e4m3/bf16", "int8/int8",
    "int4/int8", "int4_g128/int8", "int4/int4", "fp8_e4m3/fp8_e4m3", "mxfp4/bf16", "mxfp6_e2m3/bf16", "mxfp4/mxfp4",
    "mxfp8_e4m3/mxfp8_e4m3", "nvfp4/bf16", "nvfp4/nvfp4", "mxfp4/mxfp8_e4m3", "int4_g128/fp8_e4m3",
}  # fmt: skip
WORD = {("float", 8): "fp8_e4m3", ("float", 6): "fp6_e2m3", ("float", 4): "fp4"}


def modifier(text):
    (stage,) = yaml.safe_load(text).values()
    assert list(stage) == ["quantization_modifiers"]
    return stage["quantization_modifiers"]["QuantizationModifier"]


def config(text):
    found = modifier(text)
    groups = {name: quantization.QuantizationScheme(**group) for name, group in found["config_groups"].items()}
    return quantization.QuantizationConfig(
        config_groups=groups, ignore=found["ignore"], kv_cache_scheme=found.get("kv_cache_scheme")
    )


def named(args):
    """The format that a tensor's arguments mean."""
    if args is None:
        return "bf16"
    assert args.symmetric
    if args.strategy == "tensor_group":
        assert (args.group_size, args.num_bits, args.type) == (16, 4, "float")
        return "nvfp4"
    if args.type == "int":
        return f"int{args.num_bits}" + (f"_g{args.group_size}" if args.strategy == "group" else "")
    element = WORD[args.type, args.num_bits]
    return f"mx{element}" if args.strategy == "group" else element


def scheme(part):
    found = getattr(part, "quantization_scheme", None)
    weights, inputs = (found.weights, found.input_activations) if found else (None, None)
    assert inputs is None or inputs.dynamic
    return f"{named(weights)}/{named(inputs)}"


@settings(max_examples=40)
@given(assignments(PAIRS))
def test_schemes_reach_the_layers_named_and_no_other(assignment):
    module = network(assignment, lambda: nn.Linear(1, 1, device="meta"))
    quantization.apply_quantization_config(module, config(exports.render("llm-compressor", plan(assignment))))
    expected = assignment | {"other": "bf16/bf16"}
    assert {name: scheme(module.get_submodule(name)) for name in expected} == expected


def test_sparse_layers_are_pruned_first():
    sparse = {"a": "int8/int8@2:4", "b": "bf16/bf16@1:4", "c": "int8/int8@2:4", "d": "int8/int8"}
    (stage,) = yaml.safe_load(exports.render("llm-compressor", plan(sparse))).values()
    assert list(stage) == ["pruning_0_modifiers", "pruning_1_modifiers", "quantization_modifiers"]
    assert stage["pruning_0_modifiers"]["SparseGPTModifier"] == {
        "sparsity": 0.5, "mask_structure": "2:4", "targets": ["re:^a$", "re:^c$"]
    }  # fmt: skip
    assert stage["pruning_1_modifiers"]["SparseGPTModifier"]["mask_structure"] == "3:4"
    quantised = stage["quantization_modifiers"]["QuantizationModifier"]
    assert quantised["config_groups"]["group_0"]["targets"] == ["re:^a$", "re:^c$", "re:^d$"]
    assert quantised["ignore"] == ["re:^b$"]


def test_layers_of_one_format_share_a_group():
    found = modifier(exports.render("llm-compressor", plan({"a": "int8/int8", "b": "int4/bf16", "c.d": "int8/int8"})))
    assert [group["targets"] for group in found["config_groups"].values()] == [["re:^a$", "re:^c\\.d$"], ["re:^b$"]]


def test_a_cache_format_is_the_models():
    found = config(exports.render("llm-compressor", plan({"a": "int8/bf16/fp8_e4m3", "b": "bf16/bf16/fp8_e4m3"})))
    assert (found.kv_cache_scheme.num_bits, found.kv_cache_scheme.type) == (8, "float")
    with pytest.raises(ValueError, match="layer 'a' in int8/bf16/fp8_e4m3: it has one KV cache for all layers"):
        exports.render("llm-compressor", plan({"a": "int8/bf16/fp8_e4m3", "b": "bf16/bf16"}))


@pytest.mark.parametrize(
    ("pair", "row", "reason"),
    [
        ("int9/bf16", {}, "no int9 weight there, but integers of 2 to 8 bits"),
        ("mxfp6_e3m2/bf16", {}, "no mxfp6_e3m2 weight there"),
        ("int8/int6", {}, "no int6 activation there"),
        ("bf16/int8", {}, "no bf16 weight there"),
        ("int8/bf16@2:4", {"kind": "embedding"}, "for linear layers, and it is embedding"),
        ("int8/bf16", {"kind": "conv"}, "for linear and embedding layers, and it is conv"),
        ("int4_g128/bf16", {"kind": "linear", "k": 100, "n": 8}, "rows of 100 weights"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(pair, row, reason):
    with pytest.raises(ValueError, match=f"llm-compressor cannot express layer 'x' in {pair}: ") as raised:
        exports.render("llm-compressor", plan({"x": pair}, layers=[{"name": "x", **row}]))
    assert reason in str(raised.value)


def test_the_file_says_which_schema_it_follows():
    assert "# schema: llm-compressor 0.14.0.1\n" in exports.render("llm-compressor", plan({"a": "int8/bf16"}))
