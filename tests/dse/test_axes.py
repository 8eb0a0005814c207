from dataclasses import fields
from importlib import import_module

import numpy as np
import pytest

from costmodel import strategies
from dse import axes
from dse.axes import Axis, label

NEEDED = {"model": "zoo:resnet18", "precision": "w8a8", "device": "t4"}


def values(name, given):
    return next(axis.values for axis in axes.read({**NEEDED, name: given}) if axis.name == name)


def test_axes_are_in_their_own_order():
    given = {"device.memory_bytes_per_s": 1e12, "device": "t4", "precision": "w8a8", "batch": 2, "model": "zoo:vgg16"}
    found = [axis.name for axis in axes.read(given)]
    assert found == ["model", "batch", "precision", "device", "device.memory_bytes_per_s"]


def test_precisions_by_spelling_and_by_parts():
    assert values("precision", ["w8a8", "w4a16kv8"]) == ("int8/int8", "int4/bf16/int8")
    parts = {"weight": ["int4", "int8"], "activation": "bf16", "kv": ["fp8_e4m3", "bf16"]}
    assert values("precision", parts) == ("int4/bf16/fp8_e4m3", "int4/bf16", "int8/bf16/fp8_e4m3", "int8/bf16")


def test_ranges():
    assert values("batch", {"from": 1, "to": 64, "points": 7, "spacing": "log"}) == (1, 2, 4, 8, 16, 32, 64)
    assert values("batch", {"from": 1, "to": 3, "points": 9}) == (1, 2, 3)
    field = values("device.clock_hz", {"from": 1e9, "to": 2e9, "points": 3})
    assert field == (1e9, 1.5e9, 2e9)


def test_samples_follow_their_seed():
    given = {"from": 1e11, "to": 1e13, "samples": 50, "spacing": "log"}
    first = values("device.memory_bytes_per_s", {**given, "seed": 3})
    assert first == values("device.memory_bytes_per_s", {**given, "seed": 3})
    assert first != values("device.memory_bytes_per_s", {**given, "seed": 4})
    assert min(first) >= 1e11
    assert max(first) <= 1e13
    assert 11.5 < np.mean(np.log10(first)) < 12.5


def test_tables_expand_and_have_labels():
    models = values("model", {"model": "zoo:llama-3.1-8b", "phase": ["prefill", "decode"], "context": 512})
    assert models[0] == {"model": "zoo:llama-3.1-8b", "context": 512, "phase": "prefill"}
    assert Axis("model", models).labels[1] == "zoo:llama-3.1-8b context=512 phase=decode"
    found = values("strategy", ["none", {"name": "nm_sparsity", "n": [1, 2], "m": 4}])
    assert found == ("none", {"name": "nm_sparsity", "m": 4, "n": 1}, {"name": "nm_sparsity", "m": 4, "n": 2})


def test_strategies_in_a_list_are_one_after_the_other_and_a_product():
    pruned = {"name": "nm_sparsity", "n": [1, 2], "m": 4}
    found = values("strategy", ["none", ["none", pruned]])
    assert [label(value) for value in found] == [
        "none",
        "none + nm_sparsity:m=4,n=1",
        "none + nm_sparsity:m=4,n=2",
    ]


@pytest.mark.parametrize("name", strategies.names())
def test_what_a_table_shows_of_a_strategy_is_read_back(name):
    for example in import_module(f"costmodel.strategies.{name}").EXAMPLES:
        table = {"name": name} | {f.name: getattr(example, f.name) for f in fields(example) if f.init}
        given = {key: value for key, value in table.items() if value != ""}
        assert strategies.strategy(label(given)) == example


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("batches", [1], "did you mean batch"),
        ("batch", [], "'batch' is empty"),
        ("batch", [1.5], "whole number"),
        ("batch", ["8"], "'8'"),
        ("batch", [True], "True"),
        ("batch", [0], "got 0"),
        ("batch", [2, 2], "twice"),
        ("batch", {"from": 4, "to": 2, "points": 3}, "from < to"),
        ("batch", {"from": 1, "to": 2}, "points or samples"),
        ("batch", {"from": 1, "to": 2, "points": 3, "samples": 3}, "points or samples"),
        ("batch", {"from": 1, "to": 9, "points": 1}, "at least 2"),
        ("batch", {"from": 1, "to": 1e9, "points": 1e9}, "may have 1048576 points"),
        ("batch", {"from": 1, "to": 9, "points": 3, "seed": 0}, "no seed"),
        ("batch", {"from": 1, "to": 9, "samples": 3, "seed": -1}, "seed"),
        ("batch", {"from": 1, "to": 9, "points": 3, "spacing": "cubic"}, "cubic"),
        ("batch", {"from": 1, "to": 9, "pionts": 3}, "points"),
        ("precision", ["w9a9"], "w9a9"),
        ("precision", {"weight": "int4"}, "weight and activation"),
        ("precision", 8, "8"),
        ("model", [3], "3"),
        ("model", {"model": "zoo:vgg16", "pase": "training"}, "phase"),
        ("model", {"phase": "training"}, "'model'"),
        ("strategy", {"n": 2}, "'name'"),
        ("device", [None], "None"),
        ("device.lut_count", 3, "device.lut"),
        ("device.memory_bytes_per_s", [300, 600], "must be in bytes a second, as 2e12, within .*, got 300$"),
        ("device.peak_flops.bf16", {"from": 100, "to": 900, "points": 3}, "must be in operations a second"),
        ("device.clock_hz", [-1.0], "-1.0"),
        ("device.clock_hz", [float("nan")], "nan"),
    ],
)
def test_bad_input_names_the_axis_and_value(name, given, says):
    with pytest.raises(ValueError, match=says) as error:
        axes.read({**NEEDED, name: given})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_what_a_space_needs(missing):
    with pytest.raises(ValueError, match=missing):
        axes.read({name: value for name, value in NEEDED.items() if name != missing})


def test_axes_must_be_a_table():
    with pytest.raises(ValueError, match="table"):
        axes.read(["model"])
