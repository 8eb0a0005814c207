"""Bytes and bits of ops: by hand, cell by cell, and in order of their widths."""

from dataclasses import replace

import numpy as np
import pytest
from estimator_strategies import ops, precisions
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators import traffic
from costmodel.precision import precision
from costmodel.record import mesh, stack
from costmodel.workload.ops import attention, conv, embedding, experts, linear

QUANTITIES = (traffic.weight_bytes, traffic.kv_bytes, traffic.activation_bytes, traffic.bytes_moved, traffic.bops)


@pytest.mark.parametrize("quantity", QUANTITIES)
@given(st.lists(ops(), min_size=1, max_size=5), st.lists(precisions(), min_size=1, max_size=5))
def test_a_grid_equals_its_cells(quantity, made, used):
    found = np.broadcast_to(quantity(*mesh(made, used)), (len(made), len(used)))
    for i, op in enumerate(made):
        for j, one in enumerate(used):
            assert found[i, j] == pytest.approx(quantity(op, one), rel=1e-12)


@pytest.mark.parametrize("quantity", QUANTITIES)
@given(st.lists(st.tuples(ops(), precisions()), min_size=1, max_size=5))
def test_a_batch_of_ops_at_a_precision_each(quantity, pairs):
    found = quantity(stack([op for op, _ in pairs]), stack([one for _, one in pairs]))
    assert found.tolist() == pytest.approx([quantity(op, one) for op, one in pairs], rel=1e-12)


def test_a_linear_layer_by_hand():
    """128 tokens through 1,024 x 256 weights and a bias: 4 bits, an fp16 scale a group of 128, bf16 else."""
    op, used = linear("fc", 128, 1024, 256), precision("int4_g128/bf16")
    assert traffic.weight_bytes(op, used) == 1024 * 256 * (4 + 16 / 128) / 8 + 256 * 2
    assert traffic.activation_bytes(op, used) == 128 * (1024 + 256) * 2
    assert traffic.kv_bytes(op, used) == 0
    assert traffic.bytes_moved(op, used) == 135168 + 512 + 327680
    assert traffic.bops(op, used) == 128 * 1024 * 256 * 4 * 16


def test_cached_keys_and_values_have_their_own_format():
    op = attention("attention", 2, queries=1, keys=100, heads=8, kv_heads=2, head_dim=16, cached=True)
    cached = 2 * 100 * 2 * (16 + 16)
    assert traffic.kv_bytes(op, precision("w8a8kv8")) == cached
    assert traffic.kv_bytes(op, precision("w8a8")) == 2 * cached
    assert traffic.bops(op, precision("w8a8")) == op.macs * 16 * 16
    assert traffic.bops(op, precision("w8a8kv8")) == op.macs * 8 * 8


def test_a_bias_is_wide_where_activations_are_narrow():
    op = replace(linear("fc", 1, 8, 4), weight_elements=0.0)
    for spelling, bits in (("w8a8", 32), ("w16a16", 16), ("w4a16", 16), ("fp8_e4m3", 32), ("w32a32", 32)):
        assert traffic.weight_bytes(op, precision(spelling)) == 4 * bits / 8


def test_a_lookup_reads_its_rows_alone():
    table = embedding("embedding", 3, 1000, 64)
    used = precision("w16a16")
    assert traffic.weight_bytes(table, used) == 1000 * 64 * 2
    moved = traffic.bytes_moved(table, used) - traffic.activation_bytes(table, used)
    assert moved == pytest.approx(3 * 64 * 2)


def test_routed_experts_read_those_touched_alone():
    used = precision("w16a16")
    few, all_ = (experts("moe", tokens, 64, 32, experts=8, experts_per_token=2) for tokens in (1, 10_000))
    assert traffic.weight_bytes(few, used) == traffic.weight_bytes(all_, used)
    read = [traffic.bytes_moved(op, used) - traffic.activation_bytes(op, used) for op in (few, all_)]
    assert read[0] == pytest.approx(traffic.weight_bytes(few, used) * 2 / 8)
    assert read[1] == pytest.approx(traffic.weight_bytes(all_, used))


@given(ops(), st.integers(2, 15))
def test_fewer_weight_bits_never_take_more_weight_bytes(op, bits):
    few, many = (precision(f"int{b}/int8") for b in (bits, bits + 1))
    assert traffic.weight_bytes(op, few) <= traffic.weight_bytes(op, many)
    assert traffic.bytes_moved(op, few) <= traffic.bytes_moved(op, many)
    assert traffic.bops(op, few) <= traffic.bops(op, many)


@given(ops(), precisions())
def test_density_one_changes_nothing_and_less_takes_no_more(op, used):
    full, half = replace(op, weight_density=1.0), replace(op, weight_density=0.5)
    nominal = full.weight_elements * used.weight.bits_per_element / 8 + full.vector_elements * used.vector_bits / 8
    scale_a_row = full.weight_elements / full.k * used.weight.scale_bits / 8
    assert nominal * (1 - 1e-12) <= traffic.weight_bytes(full, used) <= (nominal + scale_a_row) * (1 + 1e-12)
    if used.weight.group_size == 1:
        assert traffic.weight_bytes(full, used) == pytest.approx(nominal, rel=1e-12)
    for quantity in QUANTITIES:
        assert quantity(half, used) <= quantity(full, used)


@given(ops(), precisions(), st.sampled_from([2.0, 3.0, 10.0]))
def test_executions_move_as_often_and_store_once(op, used, factor):
    often = op.times(factor)
    assert traffic.bytes_moved(often, used) == pytest.approx(factor * traffic.bytes_moved(op, used), rel=1e-12)
    assert traffic.bops(often, used) == pytest.approx(factor * traffic.bops(op, used), rel=1e-12)
    assert traffic.weight_bytes(often, used) == traffic.weight_bytes(op, used)


def test_a_group_cut_short_by_the_end_of_a_row_has_a_scale_of_its_own():
    """32 depthwise filters of 9 weights: 4 bits each, and one fp16 scale a filter however large the group."""
    depthwise = conv("dw", 1, 32, 32, input_size=(8, 8), kernel=(3, 3), groups=32)
    assert traffic.weight_bytes(depthwise, precision("int4_g128/bf16")) == 32 * (9 * 4 + 16) / 8
    uneven = linear("l", 1, 130, 10, bias=False)
    assert traffic.weight_bytes(uneven, precision("int4_g128/bf16")) == 10 * (130 * 4 + 2 * 16) / 8
