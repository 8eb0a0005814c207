"""A pass at many batches from its columns costs what the pass built at each batch does."""

import numpy as np
import pytest

import costmodel as cm
from costmodel import models
from costmodel.estimators.over_batches import over_batches
from costmodel.estimators.pass_latency import batch_latency, pass_latency
from costmodel.workload.parallel import tensor_parallel

BATCHES = [1, 5, 48, 1000]
H100 = cm.gpu("h100_sxm")


def build(model, phase, *, gpus=1, strategy="none", context=700):
    edit = cm.strategies.strategy(strategy)
    return lambda b: tensor_parallel(edit(models.load(model, phase=phase, batch=b, context=context)), gpus)


@pytest.mark.parametrize(
    ("of", "precision"),
    [
        (build("zoo:llama-3.2-1b", "decode"), "w4a16"),
        (build("zoo:llama-3.2-1b", "prefill", gpus=4), "fp8_e4m3"),
        (build("zoo:llama-3.2-1b", "prefill"), "bf16"),
        (build("zoo:llama-3.2-1b", "decode", gpus=2, strategy="nm_sparsity:n=2,m=4"), "w8a8"),
        (build("zoo:llama-2-7b", "decode", strategy="aqlm:codebooks=2,code_bits=8"), "int2/bf16"),
        (build("zoo:llama-3.2-1b", "decode"), {"*": "bf16", "model.layers.0.mlp.up_proj": "w8a8"}),
    ],
)
def test_columns_cost_what_passes_built_one_by_one_do(of, precision):
    ops = over_batches(of, precision)
    found = batch_latency(ops, np.array(BATCHES, dtype=np.float64), H100)
    alone = pass_latency([of(batch) for batch in BATCHES], precision, H100)
    for name in ("latency_s", "low_s", "high_s", "energy_j"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name), rel=1e-9), name


def test_experts_that_more_requests_reach_are_no_line():
    assert over_batches(build("zoo:mixtral-8x7b", "decode"), "bf16") is None
    assert over_batches(build("zoo:mixtral-8x7b", "prefill", context=1), "bf16") is None


def test_one_precision_serves_as_well_as_another():
    ops = over_batches(build("zoo:llama-3.2-1b", "decode"), "bf16")
    same = batch_latency(ops.under("w8a8"), np.array([7.0]), H100)
    own = batch_latency(over_batches(build("zoo:llama-3.2-1b", "decode"), "w8a8"), np.array([7.0]), H100)
    assert same.latency_s == pytest.approx(own.latency_s)
    assert same.latency_s != pytest.approx(batch_latency(ops, np.array([7.0]), H100).latency_s)
