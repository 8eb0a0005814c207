"""Designs go into a link and come back; what a link must not name is refused."""

import sys

import numpy as np
import pytest
from dash import no_update

from app.compare import answers, curves, designs, question
from app.web import state
from costmodel import strategies
from costmodel.strategies._named import classes

LLAMA = "zoo:llama-3.1-8b@l40s@w4a16;phase=decode;batch=8;context=2048"
SPARSE = "zoo:resnet18@zcu104@w8a8;batch=2;resolution=160;strategy=nm_sparsity:n=2,m=4"


@pytest.mark.parametrize("text", [LLAMA, SPARSE, "zoo:resnet18@t4@int4/int8"])
def test_designs_come_back(text):
    found = question.read_design(text)
    assert question.read_design(found.text) == found


SEVERAL = (
    "token_pruning:keep=0.7,at=3;6;9",
    "edge_moe:bits=8;2,shares=0.25;0.75",
    "nm_sparsity:n=2,m=4,layers=a*;b*",
    "adapt:word_lengths=8;16 + nm_sparsity:n=2,m=4,layers=phase;batch + adapt",
    *(strategies.spelled(one) for cls in classes().values() for one in sys.modules[cls.__module__].EXAMPLES),
)
PACKED = "int8/int8+int4/bf16:a3b18"


@pytest.mark.parametrize("spelled", SEVERAL)
def test_every_strategy_comes_back(spelled):
    asked = question.Design("zoo:llama-3.1-8b", "h100_sxm", "bf16", "decode", 2, 64, strategy=spelled)
    assert question.read_design(asked.text) == asked
    a_layer_each = question.Design("zoo:resnet18", "t4", question.PER_LAYER, strategy=spelled, layers=PACKED)
    assert question.read_design(a_layer_each.text) == a_layer_each


ENCODE = "zoo:whisper-tiny@l40s@bf16;phase=encode;batch=4"


@pytest.mark.parametrize("text", [ENCODE, "zoo:gpt2@l40s@bf16;phase=prefill", "zoo:gpt2@l40s@bf16;phase=decode"])
def test_a_design_without_a_context_has_its_model_s_own(text):
    found = question.read_design(text)
    assert found.context == 0
    assert question.read_design(found.text) == found
    told = designs.record(found, "x")
    most = 1024 - (found.phase == "decode")  # gpt2's last position is the token's that a decode writes
    assert told["what"].get("Context") == (None if found.phase == "encode" else f"{most:,}")
    assert ("tokens_per_s" in told["values"]) == (found.phase != "encode")
    assert told["values"]["examples_per_s"]["value"] > 0


def test_an_encode_has_a_batch_alone_to_be_drawn_along():
    assert question.read_design(ENCODE).axes == ("batch",)
    with pytest.raises(ValueError, match="an encode reads no tokens, so it takes no context, got 64"):
        designs.record(question.read_design(f"{ENCODE};context=64"), "x")
    along = curves.curves(question.read({"a": ENCODE, "b": ENCODE.replace("bf16", "w8a16"), "high": "8"}))
    assert all(np.isfinite(line["values"]).all() for line in along["series"])


@pytest.mark.parametrize(
    ("model", "phase", "shown"),
    [
        ("zoo:whisper-tiny", "encode", (False, no_update, True, "", True, "")),
        ("zoo:whisper-tiny", "decode", (False, no_update, False, no_update, True, "")),
        ("zoo:gpt2", None, (False, "decode", False, no_update, True, "")),
        ("zoo:resnet18", "decode", (True, None, True, "", False, no_update)),
    ],
)
def test_controls_are_those_of_the_model_and_its_pass(model, phase, shown):
    assert answers.apply(model, phase) == shown


def test_links_come_back():
    found = question.read({"a": LLAMA, "b": SPARSE, "high": "64"})
    assert found.high == 64
    assert question.read(state.parse(state.encode(found.linked()))) == found


def test_axes_are_those_that_all_designs_have():
    designs = [question.read_design(text) for text in (LLAMA, SPARSE)]
    assert question.shared_axes(designs) == ["batch"]
    assert question.shared_axes(designs[:1]) == ["batch", "context"]
    assert "lut" not in question.shared_metrics(designs)
    assert "lut" in question.shared_metrics(designs[1:])


def test_without_designs_there_are_some_all_the_same():
    assert len(question.read({}).designs) > 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("zoo:resnet18@t4", "a design is"),
        ("onnx:/etc/passwd@t4@w8a8", "unknown model"),
        ("zoo:resnet18@/etc/passwd@w8a8", "unknown device"),
        ("zoo:resnet18@t4@w3z", "w3z"),
        ("zoo:resnet18@t4@w8a8;batch=0", "batch must be a whole number of 1 to 65,536, got '0'"),
        ("zoo:resnet18@t4@w8a8;bach=2", "batch"),
        ("zoo:resnet18@t4@w8a8;strategy=nm_sparsity:n=2,m=4;bach=2", "bach"),
        ("zoo:resnet18@t4@w8a8;batch=2;6", "unknown part of a design '6'"),
        ("zoo:resnet18@t4@w8a8;strategy=none:x", "strategy"),
        ("zoo:resnet18@t4@w8a8;strategy=none + edge_moe:cached=2,trace=x", "a page reads no files"),
        ("zoo:llama-3.1-8b@t4@w8a8;phase=sleep", "sleep"),
    ],
)
def test_what_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        question.read({"a": text})


def test_an_axis_rises():
    with pytest.raises(ValueError, match="must rise"):
        question.read({"a": LLAMA, "low": "9", "high": "9"})
