"""The roofline: by hand, cell by cell, and never slower on a better device."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from estimator_strategies import devices, ops, precisions
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators import roofline, traffic
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.hardware import Gpu, PeakFlops, gpu
from costmodel.models import load
from costmodel.precision import precision
from costmodel.record import mesh
from costmodel.workload import Workload
from costmodel.workload.ops import attention, embedding, linear, softmax

PIPES = tuple(PeakFlops.__dataclass_fields__)


def simple(**peaks):
    return Gpu("simple", PeakFlops(vector=1e12, **peaks), 1e9, 1e11, 1e6, 10, 1e9, 100)


@given(st.lists(ops(), min_size=1, max_size=4), st.lists(precisions(), min_size=1, max_size=4), devices())
def test_a_grid_equals_its_cells(made, used, device):
    axes = mesh(made, used)
    shape = len(made), len(used)
    for quantity in (roofline.latency_s, roofline.compute_s, roofline.memory_s):
        found = np.broadcast_to(quantity(*axes, device), shape)
        cells = [[float(quantity(op, one, device)) for one in used] for op in made]
        assert found == pytest.approx(np.array(cells), rel=1e-12)
    bounds = np.broadcast_to(roofline.bound(*axes, device), shape)
    assert bounds.tolist() == [[str(roofline.bound(op, one, device)) for one in used] for op in made]


@given(ops(), precisions(), devices(), st.sampled_from(PIPES), st.floats(1, 100))
def test_a_faster_pipe_is_never_slower(op, used, device, pipe, factor):
    faster = replace(device, peak_flops=replace(device.peak_flops, **{pipe: factor * getattr(device.peak_flops, pipe)}))
    assert roofline.latency_s(op, used, faster) <= roofline.latency_s(op, used, device)


@given(ops(), precisions(), devices(), st.floats(1, 100))
def test_more_bandwidth_is_never_slower(op, used, device, factor):
    faster = replace(device, memory_bytes_per_s=factor * device.memory_bytes_per_s)
    assert roofline.latency_s(op, used, faster) <= roofline.latency_s(op, used, device)


@given(ops(), precisions(), devices())
def test_latency_is_the_slowest_of_its_terms(op, used, device):
    terms = roofline.compute_s(op, used, device), roofline.vector_s(op, device), roofline.memory_s(op, used, device)
    assert roofline.latency_s(op, used, device) == max(terms)
    assert (roofline.bound(op, used, device) == "memory") == (max(terms) == terms[2])


@given(ops(), precisions(), devices())
def test_the_ridge_point_parts_memory_from_compute(op, used, device):
    weighted = op.weight_elements > 0 and op.macs > 0 and op.vector_flops == 0 and op.weight_density == 1
    if weighted:
        above = roofline.arithmetic_intensity(op, used) > roofline.ridge_point(used, device)
        assert (roofline.bound(op, used, device) == "compute") == above


def test_a_layer_by_hand():
    """1,024 x 1,024 weights in bf16 on 10 TFLOP/s and 100 GB/s: 100 FLOP a byte, met at a little over 100 tokens."""
    device, used = simple(bf16=1e13), precision("w16a16")
    one, many = (linear("fc", tokens, 1024, 1024, bias=False) for tokens in (1, 1024))
    assert roofline.latency_s(one, used, device) == pytest.approx(2 * (1024**2 + 2 * 1024) / 1e11)
    assert roofline.latency_s(many, used, device) == pytest.approx(2 * 1024**3 / 1e13)
    assert (roofline.bound(one, used, device), roofline.bound(many, used, device)) == ("memory", "compute")
    assert roofline.ridge_point(used, device) == pytest.approx(100)


@given(ops(), precisions(), devices(), st.floats(1e-9, 1.0))
def test_what_takes_far_longer_than_either_rate_explains_is_bound_by_latency(op, used, device, latency_s):
    reached = roofline.latency_s(op, used, device) / (latency_s * (1.0 + op.waits))
    assert roofline.bound(op, used, device, latency_s) == (
        "latency" if reached < roofline.NEAR else roofline.bound(op, used, device)
    )


@pytest.mark.parametrize(
    ("model", "shape", "layer", "words"),
    [
        ("zoo:llama-3.1-8b", {"phase": "decode", "batch": 1, "context": 4096}, "k_proj", {"memory"}),
        ("zoo:llama-3.1-8b", {"phase": "decode", "batch": 1, "context": 4096}, "gate_proj", {"memory"}),
        ("zoo:llama-3.1-8b", {"phase": "prefill", "batch": 1, "context": 4096}, "k_proj", {"compute"}),
        ("zoo:opt-125m", {"phase": "decode", "batch": 1, "context": 512}, "k_proj", {"latency"}),
    ],
)
def test_a_product_is_bound_by_what_a_designer_would_change(model, shape, layer, words):
    found = estimate(load(model, **shape), precision("w16a16"), gpu("h100_sxm"))
    rows = [row for row in found.table() if str(row["name"]).endswith(layer)]
    assert {row["bound"] for row in rows} == words


def test_attention_runs_in_the_pipe_of_its_cache():
    op = attention("attention", 1, queries=512, keys=512, heads=8, kv_heads=8, head_dim=64)
    device = simple(bf16=1e12, int8=4e12)
    slow, fast = (roofline.compute_s(op, precision(p), device) for p in ("w8a8", "w8a8kv8"))
    assert slow == pytest.approx(4 * fast)
    assert slow == pytest.approx(2 * op.macs / 1e12)


def test_masked_scores_are_not_executed():
    shape = {"queries": 512, "keys": 512, "heads": 8, "kv_heads": 8, "head_dim": 64}
    full, half = (attention("attention", 1, causal=causal, **shape) for causal in (False, True))
    device, used = simple(bf16=1e12), precision("w16a16")
    ratio = roofline.compute_s(half, used, device) / roofline.compute_s(full, used, device)
    assert ratio == pytest.approx(513 / 1024)
    assert half.flops == full.flops


def test_zeros_among_weights_cost_products_but_no_bytes():
    """A kernel without support for sparsity multiplies them; stored without them they move less."""
    dense = linear("fc", 256, 1024, 1024)
    pruned = replace(dense, weight_density=0.5)
    device, used = simple(bf16=1e13), precision("w16a16")
    assert roofline.compute_s(pruned, used, device) == roofline.compute_s(dense, used, device)
    assert roofline.memory_s(pruned, used, device) < roofline.memory_s(dense, used, device)


def test_an_op_without_products_needs_no_pipe():
    device, used = simple(bf16=1e13), precision("w4a4")
    for op in (softmax("softmax", 100), embedding("embedding", 3, 1000, 64)):
        assert roofline.compute_s(op, used, device) == 0
        assert roofline.latency_s(op, used, device) > 0
    assert isnan(roofline.latency_s(linear("fc", 1, 8, 8), used, device))


def test_a_grid_has_no_latency_where_a_pipe_lacks_and_only_there():
    made = (linear("fc", 4, 64, 64), softmax("softmax", 256))
    used = [precision(p) for p in ("w16a16", "w8a8", "fp8_e4m3")]
    found = np.broadcast_to(grid(made, used, gpu("v100_sxm"))["latency_s"], (2, 3))
    assert np.isnan(found).tolist() == [[True, True, True], [False, False, False]]
    found = np.broadcast_to(grid(made, used, gpu("t4"))["latency_s"], (2, 3))
    assert np.isnan(found).tolist() == [[True, False, True], [False, False, False]]


def test_a_lacking_pipe_is_named_with_those_there_are():
    workload = Workload("net", (linear("fc", 4, 64, 64),))
    with pytest.raises(ValueError, match=r"t4 has no fp8 pipe, which fc needs at fp8_e4m3/fp8_e4m3; it has .*int8"):
        estimate(workload, "fp8_e4m3", gpu("t4"))


def test_an_h100_reads_a_layer_at_its_bandwidth():
    """One token through 4,096 x 4,096 bf16 weights: 33.6 MB at 3.35 TB/s are 10 microseconds, whatever the pipe."""
    op = linear("fc", 1, 4096, 4096, bias=False)
    result = estimate(Workload("net", (op,)), "w16a16", gpu("h100_sxm"))
    moved = traffic.bytes_moved(op, precision("w16a16"))
    assert result.totals["roofline_s"] == pytest.approx(moved / 3.35e12)
    assert 0.4 < result.mbu < 0.9
    assert result.mfu == pytest.approx(2 * 4096**2 / result.totals["latency_s"] / 989.4e12)
    assert result.columns["bound"].tolist() == ["memory"]
