"""torchao reads our file, and quantizes with it what the plan names."""

import json

import pytest
import torch
from export_plans import assignments, plan
from hypothesis import given
from oracles import Tool
from torch import nn

from app import exports

schema, quantization = Tool("torchao.core.config"), Tool("torchao.quantization")
BACK = {torch.float8_e4m3fn: "fp8_e4m3", torch.float8_e5m2: "fp8_e5m2", torch.float4_e2m1fn_x2: "fp4"}
MX = {torch.float8_e4m3fn: "mxfp8_e4m3", torch.float4_e2m1fn_x2: "mxfp4"}
ON_CPU = {
    "bf16/bf16", "int2/bf16", "int4/bf16", "int8/bf16", "int4_g32/bf16", "int8_g64/bf16", "fp8_e4m3/bf16",
    "fp8_e5m2/bf16", "int8/int8", "int4/int8", "int4_g32/int8", "nvfp4/bf16",
}  # fmt: skip
PAIRS = ON_CPU | {"fp8_e4m3/fp8_e4m3", "mxfp8_e4m3/mxfp8_e4m3", "mxfp4/mxfp4", "nvfp4/nvfp4", "int3_g16/bf16"}
"""The last ones run on recent GPUs alone; torchao reads them anywhere."""


def read(text):
    return schema.config_from_dict(json.loads(text)).fqn_to_config


def integer(dtype, granularity, mapping=None):
    assert mapping is None or mapping.name == "SYMMETRIC"
    group = getattr(granularity, "group_size", None)
    return str(dtype).removeprefix("torch.") + (f"_g{group}" if group else "")


def row_scaled(config):
    assert config.granularity[0] == config.granularity[1]
    return f"{BACK[config.weight_dtype]}/{BACK[config.activation_dtype]}"


NAMED = {
    "NoneType": lambda _: "bf16/bf16",
    "Int8WeightOnlyConfig": lambda c: f"{integer(torch.int8, c.granularity)}/bf16",
    "IntxWeightOnlyConfig": lambda c: f"{integer(c.weight_dtype, c.granularity, c.mapping_type)}/bf16",
    "Int8DynamicActivationIntxWeightConfig": lambda c: (
        f"{integer(c.weight_dtype, c.weight_granularity, c.weight_mapping_type)}/int8"
    ),
    "Float8WeightOnlyConfig": lambda c: f"{BACK[c.weight_dtype]}/bf16",
    "Float8DynamicActivationFloat8WeightConfig": row_scaled,
    "MXDynamicActivationMXWeightConfig": lambda c: f"{MX[c.weight_dtype]}/{MX[c.activation_dtype]}",
    "Int8DynamicActivationInt8WeightConfig": lambda _: "int8/int8",
    "NVFP4WeightOnlyConfig": lambda _: "nvfp4/bf16",
    "NVFP4DynamicActivationNVFP4WeightConfig": lambda _: "nvfp4/nvfp4",
}
"""The pair of formats that a torchao config means, from its own fields."""


def named(config):
    return NAMED[type(config).__name__](config)


@given(assignments(PAIRS))
def test_torchao_reads_back_every_assignment(assignment):
    found = read(exports.render("torchao", plan(assignment)))
    assert {name: named(config) for name, config in found.items()} == assignment


def test_quantize_quantizes_the_layers_named_and_no_other():
    layers = {f"block.{i}": pair for i, pair in enumerate(sorted(ON_CPU))}
    module = nn.ModuleDict({"block": nn.ModuleList(nn.Linear(64, 32) for _ in layers), "other": nn.Linear(64, 32)})
    module.bfloat16()
    before = {name: part.weight.detach().clone() for name, part in module.named_modules() if hasattr(part, "weight")}
    quantization.quantize_(
        module, schema.config_from_dict(json.loads(exports.render("torchao", plan(layers)))), filter_fn=None
    )
    x = torch.randn(3, 64, dtype=torch.bfloat16, generator=torch.Generator().manual_seed(0))
    for name, pair in (layers | {"other": "bf16/bf16"}).items():
        part = module.get_submodule(name)
        assert (type(part.weight.data) is torch.Tensor) == (pair == "bf16/bf16"), (name, pair, type(part.weight))
        kept = nn.functional.linear(x, before[name], part.bias)
        error = float((part(x) - kept).norm().detach() / kept.norm().detach())
        assert error < (0.9 if "int2" in pair else 0.25), (name, pair, error)
        assert (error == 0) == (pair == "bf16/bf16")


def test_an_embedding_is_quantized_too():
    module = nn.ModuleDict({"words": nn.Embedding(8, 64)}).bfloat16()
    text = exports.render("torchao", plan({"words": "int4_g32/bf16"}, layers=[{"name": "words", "kind": "embedding"}]))
    quantization.quantize_(module, schema.config_from_dict(json.loads(text)), filter_fn=None)
    assert type(module.words.weight).__name__ == "IntxUnpackedToInt8Tensor"


def test_a_table_and_its_head_are_tied_again_once_quantised():
    module = nn.ModuleDict({"words": nn.Embedding(8, 64), "head": nn.Linear(64, 8, bias=False)}).bfloat16()
    module.head.weight = module.words.weight
    rows = [{"name": "words", "kind": "embedding", "row_elements": 64, "shares": "head"}]
    text = exports.render("torchao", plan({"head": "int4_g32/bf16"}, layers=rows))
    quantization.quantize_(module, schema.config_from_dict(json.loads(text)), filter_fn=None)
    x, apart = torch.arange(8), (module.words.weight.dequantize(), module.head.weight.dequantize())
    module.head.weight = module.words.weight
    assert torch.equal(*apart)
    assert torch.equal(module.words(x), apart[0])
    assert module.head(module.words(x)).shape == (8, 8)


@pytest.mark.parametrize(
    ("pair", "row", "reason"),
    [
        ("int4/int4", {}, "no int4 activation there, but int8"),
        ("int16/bf16", {}, "no int16 weight there"),
        ("mxfp6_e3m2/mxfp6_e3m2", {}, "no mxfp6_e3m2 activation there"),
        ("int8/bf16", {"kind": "conv"}, "that is for linear and embedding layers, and it is conv"),
        ("int4_g128/bf16", {"kind": "linear", "k": 72, "n": 8}, "rows of 72 weights do not divide into groups of 128"),
        ("fp8_e4m3/fp8_e4m3", {"kind": "linear", "k": 72, "n": 8}, "multiples of 16, which 8 x 72 are not"),
        ("int8/bf16@2:4", {}, "it has no 2:4 sparsity"),
        ("int8/bf16/fp8_e4m3", {}, "fp8_e4m3 is asked for"),
        ("int8/bf16", {"kind": "experts"}, "experts is no single module"),
    ],
)
def test_what_torchao_lacks_names_the_layer_and_its_format(pair, row, reason):
    given = plan({"fine": "bf16/bf16", "block.3": pair}, layers=[{"name": "block.3", **row}])
    with pytest.raises(ValueError, match=r"torchao cannot express layer 'block\.3'") as raised:
        exports.render("torchao", given)
    assert f"'block.3' in {pair}: " in str(raised.value)
    assert reason in str(raised.value)


def test_the_file_says_which_schema_it_follows():
    header = json.loads(exports.render("torchao", plan({"a": "int8/bf16"})))["bitfront"]
    assert header["schema"] == "torchao 0.18.0"
    assert header["model"] == "torch:a:b"
