"""The training law of few-bit floats: what it must do whatever its constants, and where it ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.formats import get
from costmodel.quality.fp_quantization import best_bits, critical_tokens, layout, loss, trained_loss

bits = st.integers(1, 8)
counts = st.floats(1e6, 1e13)


@given(counts, counts, bits, bits, st.integers(2, 512))
def test_more_parameters_and_more_bits_never_lose(params, tokens, e, m, block):
    def at(n=params, e=e, m=m):
        return loss(params=n, tokens=tokens, exponent_bits=e, mantissa_bits=m, block=block)

    assert at(n=2 * params) < at()
    assert at(e=e + 1) < at()
    assert at(m=m + 1) < at()


@given(counts, bits, bits, st.integers(2, 512))
def test_the_loss_turns_at_the_critical_tokens(params, e, m, block):
    at = critical_tokens(params=params, exponent_bits=e, mantissa_bits=m, block=block)
    around = at * np.array([0.5, 0.9, 1.0, 1.1, 2.0])
    found = loss(params=params, tokens=around, exponent_bits=e, mantissa_bits=m, block=block)
    assert np.argmin(found) == 2


def test_a_scale_of_its_own_for_every_element_adds_no_loss():
    plain = {"params": 1e9, "tokens": 1e11, "mantissa_bits": 1, "block": 1}
    assert loss(exponent_bits=2, **plain) == loss(exponent_bits=8, **plain)
    assert critical_tokens(params=1e9, exponent_bits=2, mantissa_bits=1, block=1) == np.inf


@pytest.mark.parametrize("tokens", [1e11, 1e12, 1e13])
def test_best_bits_are_those_of_a_search_at_a_fixed_cost(tokens):
    width = np.linspace(2.5, 12, 2001)
    exponent = 3.1926 * width / (3.1926 + 2.9543) - 0.5
    for cost in (1e21, 1e25):
        found = loss(
            params=cost / (tokens * width), tokens=tokens, exponent_bits=exponent, mantissa_bits=width - 1 - exponent
        )
        assert width[np.argmin(found)] == pytest.approx(best_bits(tokens), abs=0.01)


@given(st.integers(3, 16))
def test_a_layout_uses_every_bit(width):
    exponent, mantissa = layout(width)
    assert 1 + exponent + mantissa == width


def test_formats_by_name():
    at = {"params": 1e9, "tokens": 1e12}
    assert trained_loss(get("bf16"), **at) < trained_loss(get("mxfp8"), **at) < trained_loss(get("mxfp4"), **at)
    assert trained_loss(get("nvfp4"), **at) < trained_loss(get("mxfp4"), **at)
    assert np.isnan(trained_loss(get("int8"), **at))
    assert trained_loss(get("fp8_e4m3"), params=np.array([1e8, 1e9]), tokens=1e12).shape == (2,)


def test_too_few_bits_are_one_line():
    with pytest.raises(ValueError, match="at least 2 bits, got 1"):
        layout(1)
