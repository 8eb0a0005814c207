"""GPTQModel's rules: negative patterns first, then the first that matches from the start of a module's name."""

import json
import re

import pytest
from export_plans import assignments, plan
from hypothesis import assume, given

from app import exports

PAIRS = {"bf16/bf16", "int2/bf16", "int3/bf16", "int4/bf16", "int8/bf16", "int4_g128/bf16", "int3_g32/bf16"}


def override(config, name):
    """What QuantizeConfig.dynamic_get finds: False where a module is left out, None where no pattern matches."""
    dynamic = config["dynamic"]
    ordered = [p for p in dynamic if p.startswith("-")] + [p for p in dynamic if not p.startswith("-")]
    for pattern in ordered:
        if re.match(pattern.removeprefix("-:"), name):
            return False if pattern.startswith("-:") else dynamic[pattern]
    return None


def pair(found):
    if found is False:
        return "bf16/bf16"
    assert found["sym"]
    return f"int{found['bits']}" + (f"_g{found['group_size']}" if found["group_size"] > 0 else "") + "/bf16"


@given(assignments(PAIRS))
def test_every_module_finds_its_own_and_others_none(assignment):
    assume(set(assignment.values()) != {"bf16/bf16"})
    config = json.loads(exports.render("gptqmodel", plan(assignment)))
    assert {name: pair(override(config, name)) for name in assignment} == assignment
    for name in assignment:
        for other in (f"{name}x", f"x{name}", f"{name}.0"):
            assert other in assignment or override(config, other) is False


def test_the_head_is_quantised_where_the_plan_does():
    assert json.loads(exports.render("gptqmodel", plan({"lm_head": "int8/bf16"})))["lm_head"] is True
    assert json.loads(exports.render("gptqmodel", plan({"lm_head": "bf16/bf16", "a": "int8/bf16"})))["lm_head"] is False


@pytest.mark.parametrize(
    ("given_pair", "row", "reason"),
    [
        ("int8/int8", {}, "no int8 activation there, but 16-bit floats alone"),
        ("fp8_e4m3/bf16", {}, "no fp8_e4m3 weight there"),
        ("int9/bf16", {}, "no int9 weight there"),
        ("int8/bf16", {"kind": "embedding"}, "for linear and conv layers, and it is embedding"),
    ],
)
def test_what_it_lacks_names_the_layer_and_its_format(given_pair, row, reason):
    with pytest.raises(ValueError, match=f"GPTQModel cannot express layer 'x' in {given_pair}: ") as raised:
        exports.render("gptqmodel", plan({"x": given_pair}, layers=[{"name": "x", **row}]))
    assert reason in str(raised.value)


def test_a_plan_that_leaves_all_as_it_is_is_refused():
    with pytest.raises(ValueError, match="GPTQModel quantises at least one layer"):
        exports.render("gptqmodel", plan({"a": "bf16/bf16"}))
