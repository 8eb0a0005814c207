"""Columns of quality are of the network, whatever runs beside it and however many GPUs share it."""

import importlib

import numpy as np
import pytest

from costmodel import strategies
from costmodel.hardware import gpu
from costmodel.precision import W16A16, precision
from costmodel.record import stack
from costmodel.strategies import spelled
from dse.evaluation import Grid, evaluate
from dse.noise import loss_of
from dse.passes import build, is_pruned
from dse.predicted import predicted

MODELS = (
    {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64, "batch": 2},
    {"model": "zoo:llama-3.2-1b", "phase": "prefill", "context": 64, "batch": 2},
    {"model": "zoo:mixtral-8x7b", "phase": "decode", "context": 64, "batch": 2},
)
EXAMPLES = [
    (name, spelled(step))
    for name in strategies.names()
    for step in importlib.import_module(f"costmodel.strategies.{name}").EXAMPLES
]
EXAMPLES += [("parallel", "parallel:pipeline=4,stage=1")]
BESIDE = ("parallel", "speculative_decoding", "specdec_plus_plus", "verified_search", "zeroquant_fp", "double_rounding")


def _quality(model, step):
    values = {"model": model, "strategy": step, "tokens": 1e12}
    done = build({name: value for name, value in values.items() if name != "tokens"})
    found = predicted(done, [W16A16], values, ["training_loss", "vlm_error"])
    return done, found["training_loss"][0], found["vlm_error"][0]


@pytest.mark.parametrize(("name", "step"), EXAMPLES)
def test_only_another_network_is_predicted_to_lose_otherwise(name, step):
    """Weights left out have no prediction: both laws are of dense networks."""
    for model in MODELS:
        dense, loss, _ = _quality(model, "none")
        _, _, error = _quality(model, "visual_tokens:visual=32,kept=4") if model["phase"] == "prefill" else (0, 0, 0)
        try:
            done, found, _ = _quality(model, step)
        except ValueError:
            continue
        reshapes = getattr(strategies.strategy(step), "reshapes", False)
        assert np.isnan(found) == is_pruned(done.workload)
        if not reshapes and not is_pruned(done.workload):
            assert found == loss
        if name in BESIDE:
            assert done.layers == dense.layers
        if error and not reshapes and name not in ("visual_tokens", "token_pruning", "token_merging", "lazy_llm"):
            try:
                _, _, now = _quality(model, f"visual_tokens:visual=32,kept=4 + {step}")
            except ValueError:
                continue
            assert now == error or (np.isnan(now) and is_pruned(done.workload))


ALONE = ("none", "nm_sparsity:n=2,m=4", "speculative_decoding", "zeroquant_fp:rank=16", "double_rounding:every=8",
         "parallel:tensor=2")  # fmt: skip


@pytest.mark.parametrize("step", ALONE)
def test_one_design_has_the_loss_of_the_sweep(step):
    done = build({"model": MODELS[0], "strategy": step})
    grid = Grid((precision("int4_g128/int8/fp8_e4m3"),), stack([gpu("h100_sxm")]))
    swept = evaluate(done, grid, ["loss"], "estimate")["loss"][0, 0]
    assert loss_of(done.workload, list(grid.precisions) * len(done.workload.ops)) == pytest.approx(swept, rel=1e-12)


def test_another_network_is_predicted_by_its_own_size():
    model = MODELS[0]
    assert _quality(model, "filter_pruning:keep=0.5")[1] > _quality(model, "none")[1]
    both = "speculative_decoding + nm_sparsity:n=2,m=4,layers=draft.*"
    assert _quality(model, both)[1] == _quality(model, "none")[1]
