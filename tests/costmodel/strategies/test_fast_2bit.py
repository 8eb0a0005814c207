"""Dequantisation beside loads and products, or after them; bits of mixed groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import roofline, traffic
from costmodel.formats import get
from costmodel.strategies import strategy
from costmodel.strategies.fast_2bit import Dequantisation, average_bits, overlapped_s

NET = cm.zoo.build("llama-2-7b", phase="decode", context=128)
seconds = st.floats(0, 1)


def rooflined(net):
    return float(roofline.latency_s(net.batch_of_ops, cm.precision("int2_g16/bf16"), cm.gpu("a100_sxm")).sum())


def test_both_count_the_same_arithmetic():
    beside, after = Dequantisation()(NET), Dequantisation(asynchronous=False)(NET)
    assert sum(op.vector_flops for op in beside.ops) == pytest.approx(sum(op.vector_flops for op in after.ops))
    assert sum(op.params for op in after.ops) == sum(op.params for op in NET.ops)


def test_beside_is_the_longest_part_and_after_is_the_sum():
    plain, beside, after = (
        rooflined(net) for net in (NET, Dequantisation()(NET), Dequantisation(asynchronous=False)(NET))
    )
    assert plain <= beside < after
    flops = sum(Dequantisation().flops(op) for op in NET.ops if Dequantisation().touches(op))
    assert after == pytest.approx(plain + flops / cm.gpu("a100_sxm").peak_flops.vector)


@given(seconds, seconds, seconds)
def test_overlap_is_never_slower(load_s, dequantise_s, multiply_s):
    beside = overlapped_s(load_s, dequantise_s, multiply_s, asynchronous=True)
    after = overlapped_s(load_s, dequantise_s, multiply_s, asynchronous=False)
    assert max(load_s, dequantise_s, multiply_s) == beside <= after <= load_s + dequantise_s + multiply_s


def test_bits_of_mixed_groups():
    plain = {"group": 128, "scale_bits": 16}
    assert average_bits(wide_share=0, **plain) == get("int2_g128").bits_per_element
    assert average_bits(wide_share=1, **plain) == get("int4_g128").bits_per_element
    shares = np.linspace(0, 1, 11)
    assert np.allclose(np.diff(average_bits(wide_share=shares)), 0.2)
    assert average_bits(wide_share=0, outlier_share=0.01) - average_bits(wide_share=0) == pytest.approx(0.32)


@given(st.floats(0, 1), st.floats(0, 0.1), st.booleans())
def test_a_network_stores_the_bits_of_its_wide_groups_and_outliers(wide, outliers, asynchronous):
    mixed = Dequantisation(asynchronous=asynchronous, wide_share=wide, outlier_share=outliers)
    used = cm.precision("int2_g16/bf16")
    weights = sum(op.weight_elements for op in NET.ops if mixed.touches(op))
    stored = sum(8 * float(traffic.weight_bytes(op, used)) for op in mixed(NET).ops if mixed.touches(op))
    bits = average_bits(wide_share=wide, outlier_share=outliers, scale_bits=used.weight.scale_bits)
    assert stored / weights == pytest.approx(bits, rel=1e-3), "but for biases"


def test_outliers_are_products_apart_and_wide_groups_are_none():
    base, wide, outliers = (
        sum(op.vector_flops for op in Dequantisation(**shares)(NET).ops)
        for shares in ({}, {"wide_share": 0.5}, {"outlier_share": 0.01})
    )
    macs = sum(op.macs for op in NET.ops if Dequantisation().touches(op))
    assert wide == base
    assert outliers - base == pytest.approx(0.02 * macs)


def test_bad_input_is_one_line():
    with pytest.raises(ValueError, match=r"strategy fast_2bit: outlier_share must be within 0..1, got 2"):
        strategy("fast_2bit:outlier_share=2")
    with pytest.raises(ValueError, match="strategy fast_2bit: a group has at least 1 weight, got 0"):
        strategy("fast_2bit:group=0")
    with pytest.raises(ValueError, match=r"wide_share must be within 0..1, got 1.5"):
        average_bits(wide_share=1.5)
