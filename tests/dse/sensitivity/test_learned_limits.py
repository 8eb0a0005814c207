"""Limits learned by gradient against those found by trying, and against algebra."""

import math

import pytest
import torch
from torch import nn

from costmodel.formats import get, largest
from costmodel.precision import precision
from dse.sensitivity import apply, mean_loss, observe
from dse.sensitivity.clipping import clip, least_squares
from dse.sensitivity.learned_limits import _rounded, learn
from dse.sensitivity.predictions import predictions

NAMES = ("stem", "block1.conv1", "block2.conv2", "head")
A3 = dict.fromkeys(NAMES, precision("int8/int3"))


@pytest.fixture(scope="module")
def calibration(trained, data):
    inputs = data["calibration"][0][:128]
    return inputs, predictions(trained, inputs)


def test_learning_lowers_the_loss_and_stays_near_its_start(trained, calibration):
    ranges = observe(trained, NAMES, calibration[0])
    learned = learn(trained, calibration, A3, ranges, epochs=80, rate=0.01, batch_size=128)
    before, after = (mean_loss(apply(trained, A3, used), calibration) for used in (ranges, learned))
    assert after < before
    assert all(0.2 < learned[name].limits["int3"] / ranges[name].absmax < 1.5 for name in NAMES)


def test_it_starts_where_clipping_ends_and_is_never_worse(trained, calibration):
    ranges = clip(trained, observe(trained, NAMES, calibration[0]), calibration[0], ["int3"], least_squares)
    learned = learn(trained, calibration, A3, ranges, epochs=2)
    before, after = (mean_loss(apply(trained, A3, used), calibration) for used in (ranges, learned))
    assert after <= before


@pytest.mark.parametrize("name", ["int4", "uint3", "fp4_e2m1"])
def test_the_gradient_of_a_step_is_that_of_the_paper(name):
    fmt = get(name)
    x = torch.linspace(-9.0, 9.0, 61).double().requires_grad_()
    log = torch.tensor(math.log(0.7)).double().requires_grad_()
    out = _rounded(x, fmt, log)
    out.sum().backward()
    steps = x.detach() / 0.7
    low = out.min().item() / 0.7
    inside = (steps > low) & (steps < largest(fmt))
    per_step = torch.where(inside, out.detach() / 0.7 - steps, out.detach() / 0.7)
    assert float(log.grad) == pytest.approx(0.7 * float(per_step.sum()))
    torch.testing.assert_close(x.grad[inside], torch.ones(int(inside.sum())).double())
    assert float(x.grad[steps > largest(fmt) + 0.1].abs().sum()) == 0


def test_formats_without_a_fixed_scale_have_nothing_to_learn():
    module = nn.Linear(4, 2)
    data = torch.randn(8, 4), torch.arange(8) % 2
    ranges = observe(module, [""], data[0])
    assert learn(module, data, {"": precision("int4/bf16")}, ranges) == ranges


def test_a_limit_a_channel_is_refused():
    module = nn.Linear(4, 2)
    data = torch.randn(8, 4), torch.arange(8) % 2
    ranges = clip(module, observe(module, [""], data[0]), data[0], ["int4"], least_squares, channels=1)
    with pytest.raises(ValueError, match="one limit for its input to learn from, got one a channel"):
        learn(module, data, {"": precision("int4/int4")}, ranges)


def test_no_epoch_is_refused():
    module = nn.Linear(4, 2)
    data = torch.randn(8, 4), torch.arange(8) % 2
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        learn(module, data, {"": precision("int4/int4")}, observe(module, [""], data[0]), epochs=0)
