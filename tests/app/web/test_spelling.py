"""One spelling has one meaning on every page, and is said in words."""

import pytest

from app.explore import question as explore
from app.optimise import controls
from app.optimise import question as optimise
from app.web import spelling

VISION = {"model": "zoo:resnet18", "device": "t4", "formats": "int8"}
SPELLED = ("fp8_e4m3", "int8", "w4a16", "int4_g128/bf16", "fp8_e4m3/bf16/fp8_e4m3")


@pytest.mark.parametrize("spelled", SPELLED)
def test_pages_mean_the_same(spelled):
    model = {"model": "zoo:resnet18"}
    explored = explore.read(model | {"devices": "h100_sxm", "precisions": spelled}, {}).precisions
    asked = optimise.read(model | {"device": "h100_sxm", "formats": spelled}, {})
    assert explored == asked.formats == asked.problem.names


def test_what_stands_in_a_link_stays_what_it_is():
    asked = optimise.read({"model": "zoo:resnet18", "device": "h100_sxm", "formats": "int8@2:4,w8a8"}, {})
    assert asked.formats == ("int8/int8@2:4", "int8/int8")
    assert optimise.read(asked.linked({}), {}) == asked
    assert "--formats" in (command := asked.command())
    assert command[command.index("--formats") + 1] == "int8/int8@2:4,int8/int8"


def test_words_name_every_operand():
    assert spelling.words("fp8_e4m3") == "weights fp8_e4m3, activations fp8_e4m3, KV cache bf16"
    assert spelling.words("int8/int8@2:4").endswith("KV cache bf16, 2 of 4 weights kept")
    assert "unknown format 'int9z'" in str(spelling.listed(["int9z"]).to_plotly_json())


def test_a_network_without_a_cache_is_told_of_none():
    assert spelling.words("int8", cached=False) == "weights int8, activations int8"
    assert "KV" not in str(controls.form(optimise.read(VISION, {}), {}))
    assert "servers run" not in str(controls.form(optimise.read(VISION, {}), {}))
    assert "KV cache bf16" in str(controls.form(optimise.read({}, {}), {}))
