"""A pass takes at least its traffic with DRAM: laws, an LRU cache as oracle, and two networks that took less."""

from collections import OrderedDict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from estimator_strategies import networks, precisions
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel import zoo
from costmodel.estimators import dram_floor, gpu_latency, traffic
from costmodel.estimators.footprint import footprint_bytes
from costmodel.estimators.fusion import fuse
from costmodel.estimators.reuse import on_gpu
from costmodel.record import stack
from costmodel.workload import Workload
from costmodel.workload.ops import attention, linear
from costmodel.workload.rerun import rerun

A100, L40S = cm.gpu("a100_sxm"), cm.gpu("l40s")
BF16 = cm.precision("bf16")
BYTES = 2
"""Of an element in bf16."""


@settings(deadline=None, max_examples=40)
@given(networks(), st.sampled_from(["bf16", "w4a16", "w8a8"]), st.floats(1e-4, 1), st.sampled_from([1e2, 1e5, 1e9]))
def test_no_pass_larger_than_the_l2_takes_less_than_reading_its_weights(workload, spelling, share, l2_bytes):
    gpu = replace(L40S, memory_bytes_per_s=share * L40S.memory_bytes_per_s, l2_bytes=l2_bytes)
    found, used = cm.estimate(workload, spelling, gpu), cm.precision(spelling)
    op = workload.batch_of_ops
    read_s = op.count * traffic.weight_bytes(op, used) * op.weight_reads / gpu.memory_bytes_per_s
    if footprint_bytes(workload, used) > l2_bytes:
        assert (found.latency_low_s >= read_s).all()
        assert found.totals["latency_low_s"] >= read_s.sum() * (1 - 1e-9)
        assert found.totals["latency_s"] <= found.totals["latency_high_s"]
    else:
        measured = gpu_latency.predict(stack(fuse(workload.ops)), used, gpu)
        np.testing.assert_array_equal(found.latency_s, measured.latency_s)


@settings(deadline=None, max_examples=60)
@given(networks(), precisions(), st.floats(1, 1e3), st.floats(1, 1e3))
def test_more_bandwidth_or_a_larger_l2_never_raises_the_floor(workload, used, factor, larger):
    op, small = stack(fuse(workload.ops)), replace(A100, l2_bytes=1e3)
    floor_s = dram_floor.floor_s(op, used, small)
    faster = replace(small, memory_bytes_per_s=factor * small.memory_bytes_per_s)
    np.testing.assert_allclose(dram_floor.floor_s(op, used, faster) * factor, floor_s)
    assert (dram_floor.floor_s(op, used, replace(small, l2_bytes=larger * small.l2_bytes)) <= floor_s).all()
    assert (floor_s * dram_floor.REACHED * small.memory_bytes_per_s <= traffic.bytes_moved(op, used) * (1 + 1e-9)).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=7), st.integers(1, 40), st.integers(2, 150))
def test_a_least_recently_used_cache_moves_no_less(widths, rows, blocks):
    """Layers of widths in blocks of elements, replayed: each reads its weights and input and writes its output."""
    step = 16
    ops = [linear(f"fc{i}", step * rows, step * a, step * b, bias=False) for i, (a, b) in enumerate(pairwise(widths))]
    gpu = replace(L40S, l2_bytes=blocks * step**2 * BYTES)
    if footprint_bytes(Workload("chain", tuple(ops)), BF16) > gpu.l2_bytes:
        least = float(np.sum(dram_floor.dram_bytes(stack(ops), BF16, gpu)))
        assert _moved_blocks(widths, rows, blocks) * step**2 * BYTES >= least


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=8), st.integers(1, 8), st.integers(1, 12), st.integers(2, 400))
def test_a_least_recently_used_cache_moves_no_less_of_layers_that_run_again(order, width, rows, blocks):
    """Square layers in an order that repeats some, replayed, on two buffers that take turns."""
    step, cache, moved = 16, OrderedDict(), 0
    gpu = replace(L40S, l2_bytes=blocks * step**2 * BYTES)
    workload = again(order, rows=step * rows, width=step * width)
    if footprint_bytes(workload, BF16) <= gpu.l2_bytes:
        return
    for _ in range(2):
        moved = 0
        for run, layer in enumerate(order):
            read = [(layer, block) for block in range(width**2)]
            read += [("tensor", run % 2, block) for block in range(rows * width)]
            for block in read + [("tensor", 1 - run % 2, block) for block in range(rows * width)]:
                moved += block not in cache and block[0] != "tensor"
                cache[block] = cache.pop(block, None)
                if len(cache) > blocks:
                    cache.popitem(last=False)
    weights = replace(stack(on_gpu(workload.ops)), input_elements=0.0, output_elements=0.0)
    least = float(np.sum(weights.count * dram_floor.dram_bytes(weights, BF16, gpu)))
    assert moved * step**2 * BYTES >= least * (1 - 1e-9)


def again(order, *, rows, width):
    """A chain of square layers in that order: each number is a layer."""
    ops = []
    for layer in order:
        op = linear(f"fc{layer}", rows, width, width, bias=False, inputs=(ops[-1].name,) if ops else ())
        first = next((i for i, one in enumerate(ops) if one.name == op.name), None)
        if first is None:
            ops.append(op)
        else:
            ops.append(rerun(op, op, 1 + int(ops[first].count)))
            ops[first] = replace(ops[first], count=ops[first].count + 1)
    return Workload("chain", tuple(ops))


def test_a_layer_run_in_a_row_is_read_once_and_one_with_a_cache_of_others_between_each_time():
    """20 MB of weights each, three layers or two."""
    between, far = again([1, 0, 2, 0], rows=8, width=3200), again([1, 0, 0, 0], rows=8, width=3200)
    small, large = replace(L40S, l2_bytes=30e6), replace(L40S, l2_bytes=70e6)
    matrix = 2.0 * 3200**2
    reads = {
        (name, gpu.l2_bytes): _weight_reads(workload, gpu)
        for name, workload in (("between", between), ("in a row", far))
        for gpu in (small, large)
    }
    assert reads["in a row", 30e6] == pytest.approx(1, rel=0.02)
    assert reads["between", 30e6] == pytest.approx(1 + (2 * matrix - 30e6) / matrix, rel=0.02)
    assert reads["between", 70e6] == 0
    assert reads["in a row", 70e6] == 0


def _weight_reads(workload, gpu):
    """How often the matrix of fc0 is read."""
    op = next(op for op in on_gpu(workload.ops) if op.name == "fc0")
    return op.count * dram_floor.dram_bytes(op, BF16, gpu) / traffic.weight_bytes(op, BF16)


def _moved_blocks(widths, rows, blocks):
    """Blocks that cross between DRAM and the cache in the second of two passes, written ones when they are evicted."""
    cache, moved = OrderedDict(), 0

    def touch(block, *, writes):
        nonlocal moved
        moved += block not in cache and not writes
        cache[block] = cache.pop(block, False) or writes
        if len(cache) > blocks:
            moved += cache.popitem(last=False)[1]

    for _ in range(2):
        moved = 0
        for i, (a, b) in enumerate(pairwise(widths)):
            for j in range(a * b):
                touch(("weight", i, j), writes=False)
            for j in range(rows * a):
                touch(("tensor", i, j), writes=False)
            for j in range(rows * b):
                touch(("tensor", i + 1, j), writes=True)
    return moved


def test_tokens_cached_before_come_from_dram_and_those_just_made_need_not():
    shape = {"keys": 4096, "heads": 8, "kv_heads": 8, "head_dim": 64}
    decode = attention("a", 1, queries=1, **shape, cached=True)
    prefill = attention("a", 1, queries=4096, **shape, cached=True)
    cached = float(traffic.kv_bytes(decode, BF16))
    assert dram_floor.dram_bytes(decode, BF16, A100) == pytest.approx(cached, rel=1e-3)
    assert dram_floor.dram_bytes(prefill, BF16, A100) == 0


def test_a_decode_with_an_eighth_of_the_bandwidth_takes_at_least_its_bytes():
    slow = replace(A100, memory_bytes_per_s=A100.memory_bytes_per_s / 8)
    found = cm.estimate(cm.decode(zoo.llama("3.1-8b")), "w4a16", slow)
    read_s = (found.weight_bytes + found.kv_bytes).sum() / slow.memory_bytes_per_s
    embedding = found.weight_bytes[0] / slow.memory_bytes_per_s
    assert 0.013 < read_s - embedding <= found.totals["latency_low_s"] <= found.totals["latency_s"] < 1.5 * read_s


@pytest.mark.parametrize("share", [1.0, 1 / 8, 1 / 64])
def test_activations_that_the_l2_cannot_hold_cross_dram(share):
    """ResNet-50's largest tensors of 64 images are half of an L40S's L2, those of 256 twice it."""
    slow = replace(L40S, memory_bytes_per_s=share * L40S.memory_bytes_per_s)
    for batch, passes_dram in ((64, False), (256, True)):
        workload = zoo.build("resnet50", batch=batch)
        found = cm.estimate(workload, "w8a8", slow)
        floor_s = dram_floor.floor_s(stack(fuse(workload.ops)), cm.precision("w8a8"), slow)
        assert (found.latency_low_s >= floor_s).all()
        assert (floor_s.sum() > 10 * found.weight_bytes.sum() / slow.memory_bytes_per_s) == passes_dram
        assert floor_s.sum() < found.totals["roofline_s"]


def test_a_network_within_the_l2_is_as_measured_and_a_larger_one_reads_its_weights():
    l4 = replace(cm.gpu("l4"), memory_bytes_per_s=1e10)
    network = zoo.build("deit_tiny_patch16_224", batch=1)
    small, large = (cm.estimate(network, "bf16", d) for d in (l4, replace(l4, l2_bytes=10e6)))
    assert small.totals["footprint_bytes"] < l4.l2_bytes
    assert small.totals["latency_s"] < small.totals["weight_bytes"] / 1e10 < large.totals["latency_low_s"]
