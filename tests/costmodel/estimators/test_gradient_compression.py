"""Compressed gradients: bits and seconds against those of dense ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import gradient_compression as compression
from costmodel.estimators.collectives import ring_all_reduce_s
from costmodel.estimators.training_step import Layout, training_step
from costmodel.hardware import link
from costmodel.workload.architectures.gpt2 import gpt2
from costmodel.workload.serving import forward

HDR = link("ib_hdr")
SMALL = gpt2("small", layers=4, d_model=256, heads=4, vocab=1024, positions=256)


@given(st.integers(2, 10**12), st.floats(1e-6, 0.999), st.floats(1.0, 2.0))
def test_a_kept_entry_is_sent_with_its_place(params, kept, more):
    bits = compression.top_k_bits(params, kept)
    entries = int(np.ceil(params * kept))
    assert bits == entries * (32 + (params - 1).bit_length())
    assert bits <= compression.top_k_bits(params, min(kept * more, 0.9999))
    assert compression.top_k_bits(params, 1.0) == 32 * params, "all of it needs no places"


@given(st.floats(1e8, 1e11), st.integers(2, 64))
def test_below_the_break_even_the_gather_is_faster_than_a_ring_and_above_it_slower(params, replicas):
    params = float(round(params))
    share = compression.break_even(params, replicas)
    dense = ring_all_reduce_s(4 * params, replicas, HDR)
    assert compression.exchange_s(params, 0.5 * share, replicas, HDR) < dense
    if 2 * share < 1:
        assert compression.exchange_s(params, 2 * share, replicas, HDR) > dense


def test_a_step_sends_less_and_keeps_an_estimate_and_an_error():
    def step(layout):
        return training_step(lambda size: forward(SMALL, size, 256), 16, "bf16", cm.gpu("a100_sxm"), layout, HDR)

    dense = step(Layout(data=8, zero=0))
    sparse = step(Layout(data=8, zero=0, gradient_kept=0.01))
    assert sparse.parts_s["data exchange"] < dense.parts_s["data exchange"]
    params = sum(op.params for op in forward(SMALL, 1, 256).ops)
    assert sparse.memory_bytes - dense.memory_bytes == pytest.approx(8 * params)
    assert replace(Layout(), gradient_kept=1.0) == Layout()


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"gradient_kept": 0.0}, "above 0, got 0.0"),
        ({"gradient_kept": 1.5}, "within 0..1 and above 0, got 1.5"),
        ({"gradient_kept": 0.1, "zero": 2}, "zero must be 0 or 1, got 2"),
    ],
)
def test_bad_shares_are_told_in_a_line(given_, says):
    with pytest.raises(ValueError, match=says):
        Layout(**given_)


@pytest.mark.parametrize(
    ("params", "kept", "says"),
    [
        (1e9, -0.5, "within 0..1 and above 0, got -0.5"),
        (1e9, np.nan, "got nan"),
        (-1, 0.5, "params must be at least 0"),
    ],
)
def test_shares_and_counts_that_are_none_are_refused(params, kept, says):
    with pytest.raises(ValueError, match=says):
        compression.top_k_bits(params, kept)
