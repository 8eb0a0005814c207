"""Masked floats are those of the format, and training in them costs quality where the range goes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from app.demo.network import DigitsNet
from costmodel.formats import cast
from dse.compression.masked_training import compare, fit, mask, train
from dse.compression.straight_through import Edits, edited

floats = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


def network():
    torch.manual_seed(0)
    return DigitsNet(6)


@given(floats, st.integers(2, 8), st.integers(0, 23))
def test_masked_values_are_the_formats_and_nearer_zero(values, e, m):
    x = torch.tensor(values, dtype=torch.float32)
    y = mask(x, exponent_bits=e, mantissa_bits=m)
    assert (y.abs() <= x.abs()).all()
    assert torch.equal(mask(y, exponent_bits=e, mantissa_bits=m), y)
    if e + m <= 15 and m >= 1:
        assert np.array_equal(cast(y.double().numpy(), f"e{e}m{m}_ieee"), y.double().numpy())


def test_all_bits_keep_every_normal_number():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(mask(x, exponent_bits=8, mantissa_bits=23), x)
    assert torch.equal(mask(x.bfloat16().float(), exponent_bits=8, mantissa_bits=7), x.bfloat16().float())


def test_edits_leave_a_module_as_it_was_and_gradients_pass():
    net = network().eval()
    x = torch.rand(4, 1, 8, 8)
    before = net(x)
    seen = []

    def halve(t):
        return t.detach() / 2

    def note(t):
        seen.append(t.shape)
        return t * 0

    with edited(net, {"head": Edits(halve, None, note)}):
        net(x).sum().backward()
        assert not torch.allclose(net(x), before)
    assert seen == [torch.Size([4, 10])]
    assert net.head.weight.grad.abs().sum() == 0
    assert torch.equal(net(x), before)
    assert "parametrizations" not in dict(net.head.named_modules())


def test_cost_and_quality_come_from_one_run(data):
    """Fewer exponent bits are worse than fewer mantissa bits, as the paper finds: gradients fall out of the range."""
    rows = compare(network, data["train"], data["test"], [(8, 7), (8, 2), (4, 3)], device=cm.gpu("h100_sxm"), epochs=2)
    wide, short, narrow = rows
    assert wide.accuracy > 0.75
    assert narrow.accuracy < 0.4
    assert short.losses[-1] < narrow.losses[-1]
    assert all(row.sharpness > 0 and not row.diverged for row in rows)
    assert wide.step_s > 0
    assert narrow.step_s > 0


def test_the_same_seed_trains_the_same(data):
    few = data["train"][0][:128], data["train"][1][:128]
    runs = [train(network(), few, exponent_bits=5, mantissa_bits=2, epochs=1) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_run_that_diverges_stops(data):
    few = data["train"][0][:128], data["train"][1][:128]
    with edited(net := network(), {"head": Edits(lambda w: w.detach() * float("nan"))}):
        assert len(fit(net, few, epochs=5)) == 1


@pytest.mark.parametrize("layout", [(1, 3), (9, 3), (4, -1), (4, 24)])
def test_layouts_outside_float32_are_one_line(layout):
    with pytest.raises(ValueError, match="exponent bits are within"):
        mask(torch.zeros(1), exponent_bits=layout[0], mantissa_bits=layout[1])


def test_no_epochs_are_one_line(data):
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        train(network(), data["train"], exponent_bits=8, mantissa_bits=7, epochs=0)
