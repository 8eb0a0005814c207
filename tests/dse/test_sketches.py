"""A sketch has the sums of the workload that it stands for."""

from dataclasses import asdict
from importlib import import_module

import numpy as np
import pytest

from costmodel import strategies, zoo
from costmodel.record import changed
from costmodel.workload.repeated_blocks import thinned
from dse import passes
from dse.sketches import sketch

ALIKE = [
    pytest.param({"name": name, **asdict(example)}, id=f"{name}-{i}")
    for name in strategies.names()
    for i, example in enumerate(import_module(f"costmodel.strategies.{name}").EXAMPLES)
    if getattr(example, "alike", False)
]
"""The examples of strategies that say that they treat ops alike."""

PRUNED = {"name": "nm_sparsity", "n": 2, "m": 4}
DRAFTED = {"name": "speculative_decoding", "draft_tokens": 3, "acceptance_rate": 0.7}
DRAFTS = {"llama-3.2-3b": "llama-3.2-1b", "mixtral-8x7b": "mistral-7b", "opt-350m": "opt-125m"}
"""Others draft for themselves."""
ONCE = ("vector_flops", "kv_elements", "launches", "input_elements", "output_elements")
"""Counts of one execution of an op."""


def _sums(ops, runs):
    return {name: sum(r * getattr(op, name) for op, r in zip(ops, runs, strict=True)) for name in ONCE}


@pytest.mark.parametrize(
    ("model", "phase"),
    [
        ("llama-3.2-3b", "decode"), ("llama-3.2-1b", "prefill"), ("mixtral-8x7b", "decode"), ("qwen3-0.6b", "forward"),
        ("deepseek-v2-lite", "decode"), ("opt-350m", "decode"), ("gpt2", "prefill"), ("whisper-tiny", "decode"),
        ("bert-base", "forward"), ("resnet18", "forward"), ("llama-3.2-1b", "training"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("steps", ["none", PRUNED, DRAFTED, [PRUNED, DRAFTED], [DRAFTED, PRUNED]])
def test_sums_are_those_of_the_whole(model, phase, steps):
    values = {"model": {"model": f"zoo:{model}", "phase": phase}, "batch": 3, "strategy": steps}
    if zoo.language_model(model):
        values["context"] = 300
    listed = steps if isinstance(steps, list) else [steps]
    if DRAFTED in listed and (phase not in ("prefill", "decode") or model.startswith("whisper")):
        with pytest.raises(ValueError, match=r"only a decode|whisper-tiny has an encoder"):
            sketch(values)
        return
    values["strategy"] = [step | {"draft": DRAFTS.get(model, model)} if step is DRAFTED else step for step in listed]
    assert_same(values)


@pytest.mark.parametrize("example", ALIKE)
def test_what_says_that_it_treats_ops_alike_does(example):
    assert_same({"model": "zoo:llama-3.1-8b", "batch": 2, "context": 300, "strategy": example})


JUDGED = {"name": "verified_search", "width": 4, "ahead": 1}


@pytest.mark.parametrize("steps", [[{"name": "revisions", "revisions": 3}, DRAFTED], [DRAFTED, JUDGED]])
def test_models_beside_run_as_often_as_in_the_whole(steps):
    assert_same({"model": "zoo:llama-3.1-8b", "batch": 2, "context": 300, "strategy": steps})


def assert_same(values):
    """The sums of a sketch and of the workload built whole."""
    found, whole = sketch(values), passes.build(values)
    gpu = whole.on_gpu
    expected = _sums(gpu.ops, gpu.times * [op.count for op in gpu.ops]) | {
        "macs": sum(op.macs for op in whole.workload.ops)
    }
    runs = [part.runs * share for part, share in zip(found.passes, found.runs, strict=True)]
    ops = [changed(op, count=1.0) for part in found.passes for op in part.ops]
    sums = _sums(ops, np.concatenate(runs)) | {"macs": sum(np.concatenate(runs) * [op.macs for op in ops])}
    assert sums == pytest.approx(expected, rel=1e-12)
    params = sum((part.times * [op.params for op in part.ops]).sum() for part in found.passes)
    assert params == pytest.approx(sum(op.params for op in whole.workload.ops), rel=1e-12)
    assert found.peak_elements == pytest.approx(whole.peak_elements, rel=1e-12)
    layers: dict = {}
    for kept, count in found.layers:
        layers[kept] = layers.get(kept, 0) + count
    assert layers == whole.layers
    assert len(found.passes) < 3
    assert (found.batch, found.phase) == (whole.workload.batch, whole.workload.phase)


def test_a_strategy_that_names_layers_is_applied_to_the_whole():
    some = {"name": "nm_sparsity", "n": 2, "m": 4, "layers": ["model.layers.0.*"]}
    values = {"model": "zoo:llama-3.2-1b", "strategy": some}
    assert dict(sketch(values).layers)[2, 4] == 7


@pytest.mark.parametrize("name", ["llama-3.1-8b", "mistral-7b", "gpt2"])
def test_three_blocks_stand_for_a_run(name):
    model = zoo.language_model(name)
    fewer, times = thinned(model)
    assert len(fewer.blocks) == 3
    assert sum(times) == len(model.blocks)


def test_a_shape_that_no_model_has_is_one_line():
    with pytest.raises(ValueError, match="at least 1"):
        sketch({"model": {"model": "zoo:llama-3.2-1b", "batch": 0}})
    with pytest.raises(ValueError, match="needs 2001"):
        sketch({"model": "zoo:gpt2", "context": 2000})
