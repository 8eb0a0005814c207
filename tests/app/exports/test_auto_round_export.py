"""AutoRound's layer_config: each layer is a scheme, spelled as its presets are."""

import json

import pytest
from export_plans import assignments, plan
from hypothesis import given

from app import exports

INT8 = {"bits": 8, "group_size": -1, "sym": True, "data_type": "int", "act_bits": 8, "act_group_size": -1}
FP8 = {"bits": 8, "group_size": -1, "data_type": "fp", "act_bits": 8, "act_group_size": 0, "act_data_type": "fp"}
MX = {"group_size": 32, "data_type": "mx_fp", "act_data_type": "mx_fp", "act_group_size": 32, "act_dynamic": True}
PRESETS = {
    "int4_g128/bf16": {"bits": 4, "sym": True, "group_size": 128, "data_type": "int", "act_bits": 16},
    "int8/int8": INT8 | {"act_data_type": "int", "act_dynamic": True, "act_sym": True},
    "fp8_e4m3/fp8_e4m3": FP8 | {"act_dynamic": False, "act_sym": True},
    "mxfp4/mxfp4": MX | {"bits": 4, "act_bits": 4, "act_sym": True},
    "mxfp8_e4m3/mxfp8_e4m3": MX | {"bits": 8, "act_bits": 8, "act_sym": True},
    "nvfp4/nvfp4": {
        "bits": 4, "group_size": 16, "data_type": "nv_fp", "act_bits": 4, "act_data_type": "nv_fp4_with_static_gs",
        "act_group_size": 16, "act_sym": True, "act_dynamic": True,
    },
}  # fmt: skip
"""W4A16, INT8, FP8_STATIC, MXFP4, MXFP8 and NVFP4 of auto_round/schemes.py, version 0.16.1."""
PAIRS = set(PRESETS) | {
    "bf16/bf16", "int3/bf16", "int8_g32/bf16", "int4/int4", "int4_g32/int8", "int4_g128/fp8_e4m3", "mxfp6_e3m2/mxfp8",
    "mxint8/mxint8", "mxfp4/bf16",
}  # fmt: skip
KINDS = {("fp", 8): "fp8_e4m3", ("mx_fp", 8): "mxfp8_e4m3", ("mx_fp", 6): "mxfp6_e3m2", ("mx_fp", 4): "mxfp4",
         ("mx_int", 8): "mxint8", ("nv_fp", 4): "nvfp4", ("nv_fp4_with_static_gs", 4): "nvfp4"}  # fmt: skip


def named(bits, group_size, kind):
    if kind == "float":
        assert bits == 16
        return "bf16"
    if kind == "int":
        return f"int{bits}" + (f"_g{group_size}" if group_size > 0 else "")
    return KINDS[kind, bits]


def pair(found):
    weight = named(found["bits"], found.get("group_size"), found["data_type"])
    return f"{weight}/{named(found['act_bits'], found.get('act_group_size'), found['act_data_type'])}"


def layers(assignment, **more):
    return json.loads(exports.render("auto-round", plan(assignment, **more)))["layer_config"]


@given(assignments(PAIRS))
def test_every_assignment_reads_back(assignment):
    same = {"mxfp6_e3m2/mxfp8": "mxfp6_e3m2/mxfp8_e4m3"}
    assert {name: pair(s) for name, s in layers(assignment).items()} == {
        n: same.get(p, p) for n, p in assignment.items()
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_schemes_are_spelled_as_the_presets(preset):
    found = layers({"x": preset})["x"]
    assert {key: found[key] for key in PRESETS[preset]} == PRESETS[preset]


@pytest.mark.parametrize(
    ("given_pair", "row", "reason"),
    [
        ("int8/bf16", {"kind": "embedding"}, "for linear layers, and it is embedding"),
        ("fp8_e5m2/bf16", {}, "no fp8_e5m2 weight there"),
        ("int8/int6", {}, "no int6 activation there"),
        ("mxfp4/mxfp4", {"kind": "linear", "k": 48, "n": 8}, "rows of 48 weights do not divide into groups of 32"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(given_pair, row, reason):
    with pytest.raises(ValueError, match=f"AutoRound cannot express layer 'x' in {given_pair}: ") as raised:
        layers({"x": given_pair}, layers=[{"name": "x", **row}])
    assert reason in str(raised.value)
