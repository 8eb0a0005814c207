"""The proxy of a plan is that of the same formats opened as a design, caches, pruned weights and factors in it."""

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.strategies import strategy
from dse.noise import loss_of

GPU = cm.gpu("h100_sxm")
DECODE = cm.decode(cm.zoo.llama("3.2-1b"), batch=2, context=64)
FORMATS = ["bf16/bf16/int4", "bf16", "int8/bf16/fp8_e4m3", "int4@2:4"]


@pytest.mark.parametrize(
    "edit", ["none", "nm_sparsity:n=2,m=4", "unstructured_sparsity:density=0.5", "zeroquant_fp:rank=16"]
)
def test_a_plan_loses_what_its_design_does(edit):
    workload = strategy(edit)(DECODE)
    formats = FORMATS if edit == "none" else FORMATS[:3]
    problem = dse.choices(workload, formats).on(GPU)
    draw = np.random.default_rng(0)
    for _ in range(10):
        choice = draw.integers(0, len(formats), len(problem.layers))
        choice[~np.isfinite(problem.loss[np.arange(len(choice)), choice])] = 1
        assert problem.total_loss(choice) == pytest.approx(loss_of(problem.edited(choice), problem.per_op(choice)))


def test_a_narrow_cache_is_not_free():
    narrow, wide = (cm.precision(p) for p in ("bf16/bf16/int4", "bf16"))
    plan = dse.minimize(dse.metric.loss, over=dse.choices(DECODE, [narrow.name, wide.name]), on=GPU)
    losses = [loss_of(DECODE, [p] * len(DECODE.ops)) for p in (narrow, wide)]
    assert plan.totals["loss"] == pytest.approx(losses[1])
    assert losses[1] < 0.01 * losses[0]
